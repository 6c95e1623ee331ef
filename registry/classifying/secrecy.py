"""Words by which a text says that what it describes is a state secret. Such data is not for this portal."""

import re

from registry.fields import nfc

LEVELS = {"tuyệt mật": "top-secret", "tối mật": "secret", "bí mật nhà nước": "state-secret", "mật": "confidential"}
# "Not a state secret" and what only sounds like one: passwords, density, trade secrets, confidentiality.
_DENIED = re.compile(
    r"\b(?:không|chưa|ngoài|ngoại trừ|trừ)\b[^.;,]{0,60}?\b(?:bí mật nhà nước|tối mật|tuyệt mật|mật)\b"
    r"|\bbảo vệ bí mật nhà nước\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(tuyệt mật|tối mật|bí mật nhà nước)\b", re.IGNORECASE)
_PLAIN = re.compile(r"\b(tuyet mat|toi mat|bi mat nha nuoc)\b", re.IGNORECASE)
# The lowest level is an everyday syllable: it counts where it stands as a mark.
_MARKED = re.compile(
    r"(?:\A\s*mật\s*\Z)|(?:[\[(【]\s*mật\s*[\])】])|(?:\b(?:độ|cấp độ|mức độ|mức|dấu|đóng dấu)\s+(?:mật)?\s*[:=–-]?\s*[\"“]?mật\b"
    r"(?!\s*(?:khẩu|độ|mã|ong|thư)))|(?:\bđộ mật\s*[:=–-]\s*(?:[abc]\b|[1-3]\b))",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"(?<!\w)MẬT(?!\s*(?:KHẨU|ĐỘ|MÃ|ONG|THƯ)\b)(?!\w)")


def declared_level(text: str) -> str:
    """The level of secrecy that the text claims for what it describes; empty where it claims none."""
    text = _DENIED.sub(" ", nfc(" ".join((text or "").split())))
    named = _NAMED.search(text)
    if named:
        return LEVELS[named[1].lower()]
    if _PLAIN.search(text):
        return "state-secret"
    capitals = _CAPITALS.search(text)
    if capitals and text != text.upper():
        return LEVELS["mật"]
    return LEVELS["mật"] if _MARKED.search(text) else ""
