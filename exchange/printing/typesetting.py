"""From a letter to its PDF, by Typst: tagged (PDF/UA-1), fit for an archive (PDF/A-2a), the same bytes for the same letter."""

import contextlib
import json
from pathlib import Path

import typst
from django.utils import translation

from exchange.models import Letter
from exchange.printing.wording import paper_of

FOLDER = Path(__file__).resolve().parent
STANDARDS = ["a-2a", "ua-1"]


def pdf_of(letter: Letter, *, language: str, base: str) -> bytes:
    """The letter as PDF; `base` is the portal's own address, without a slash at its end.

    It depends on the letter, on `base`, and on layout, wording and Typst of this release: on no clock, no font of the
    machine and no row that may change. So its hash need not be kept to be found again, and yet `LetterCopy` keeps it:
    the next release may set the same letter otherwise.
    """
    with translation.override(language):
        paper = json.dumps(paper_of(letter, base), ensure_ascii=False)
    moment = int(letter.issued_at.timestamp())
    with contextlib.suppress(typst.TypstError):
        return _typeset(paper, moment, STANDARDS)
    # Both standards forbid signs that the font lacks; somebody may have written one all the same.
    return _typeset(paper, moment, [])


def _typeset(paper: str, moment: int, standards: list[str]) -> bytes:
    return typst.compile(
        FOLDER / "letter.typ",
        root=FOLDER,
        font_paths=[FOLDER / "fonts"],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"letter": paper},
        pdf_standards=standards,
        timestamp=moment,
    )
