"""Reading the text layer of a PDF without trusting it: in a program of its own, which may take so much and no more."""

import json
import logging
import subprocess
import sys

from django.conf import settings

from exchange.scanned import hints, pdf_text

logger = logging.getLogger(__name__)

LONGEST_WAIT = 2 * pdf_text.MOST_SECONDS


def hints_of(content: bytes) -> hints.Hints:
    """What the letter seems to say of itself; nothing where it is a picture, or cannot be read."""
    if not content.startswith(b"%PDF-"):
        return hints.Hints()
    try:
        reader = subprocess.run(
            [sys.executable, "-m", "exchange.scanned.pdf_text"],
            cwd=settings.BASE_DIR,
            env={},
            input=content,
            capture_output=True,
            timeout=LONGEST_WAIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return hints.Hints()
    if reader.returncode != 0:
        logger.warning("reading a letter ended with %s", reader.returncode)
        return hints.Hints()
    return hints.of_text(json.loads(reader.stdout))
