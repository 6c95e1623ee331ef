"""What a file is called: the last part of what its sender called it, and nothing that reads as something else."""

import re
import unicodedata

from registry.fields import nfc

LONGEST = 150
# Not in a name on some system or other, or able to lead to another folder.
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*/\\;]')
UNSEEN = {"Cf", "Cs", "Co", "Cn"}  # without width or turning the direction; halves of signs; signs that mean nothing


def cleaned(name: str) -> str:
    """A name in NFC, of one line, without folders, marks that turn its direction, or dots in front; never empty."""
    last = re.split(r"[/\\]", nfc(name))[-1]
    visible = "".join(sign for sign in FORBIDDEN.sub("_", last) if unicodedata.category(sign) not in UNSEEN)
    words = re.sub(r"\s+", " ", visible).strip(" .")
    stem, dot, extension = words.rpartition(".")
    if not dot:
        return words[:LONGEST] or "file"
    extension = extension[:10]
    return f"{stem.strip(' .')[: LONGEST - 1 - len(extension)] or 'file'}.{extension}"
