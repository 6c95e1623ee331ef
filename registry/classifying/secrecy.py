"""Words by which a text says that what it describes is a state secret. Such data is not for this portal."""

import re

from registry.classifying.words import plain, spelled_out
from registry.fields import nfc

LEVELS = {"tuyệt mật": "top-secret", "tối mật": "secret", "bí mật nhà nước": "state-secret", "mật": "confidential"}
_LEVEL = r"(?:bí mật nhà nước|tuyệt mật|tối mật|mật)"
# Only where the denial stands before the word itself, with nothing between them but what joins them.
_DENIAL = (
    rf"\b(?:(?:không|chưa)(?:\s+(?:phải|thuộc|chứa|có|là|nằm|trong|bao|gồm|liên quan|đến|tới))+|ngoài|ngoại trừ|loại trừ|trừ)"
    rf"(?:\s+(?:là|các|những|bất|kỳ|danh mục|phạm vi|loại|thông tin|dữ liệu|tài liệu|nội dung|văn bản|về|thuộc|độ|mức))*"
    rf"\s+{_LEVEL}(?:\s*(?:,|;|/|và|hoặc|hay)?\s*(?:độ|mức)?\s*{_LEVEL})*\b"
    # A law's name, and who keeps secrets.
    rf"|\bbảo vệ bí mật nhà nước\b"
)
_DENIED = re.compile(_DENIAL, re.IGNORECASE)
_NAMED = re.compile(r"\b(tuyệt mật|tối mật|bí mật nhà nước)\b", re.IGNORECASE)
# Without accents the lowest level could be a face or a loss.
_DENIED_PLAIN = re.compile(plain(_DENIAL), re.IGNORECASE)
_PLAIN = re.compile(r"\b(tuyet mat|toi mat|bi mat nha nuoc)\b", re.IGNORECASE)
_ENGLISH = re.compile(
    r"(?P<denied>\b(?:no|not|non|without|nor|protection of)\b(?:[\s-]+(?:an?|any|of|contain\w*|includ\w*))*[\s-]+state secrets?\b)"
    r"|\b(?:top secret|state secrets?)\b",
    re.IGNORECASE,
)
# The lowest level is an everyday syllable (passwords, density, honey): it counts where it stands as a mark.
_NOT_THESE = r"(?!\s*(?:khẩu|độ|mã|ong|thư|hoa|vụ|thiết|tông)\b)"
_CARRIERS = "tài liệu|hồ sơ|văn bản|thông tin|danh sách|danh mục|dữ liệu|công văn|số liệu|báo cáo|bản đồ|đề án|loại"
_MARKED = re.compile(
    rf"(?:\A\s*mật\s*\Z)|(?:[\[(【]\s*mật\s*[\])】])"
    rf"|(?:\b(?:{_CARRIERS})\s+mật\b{_NOT_THESE})"
    rf"|(?:\b(?:độ|mức|mức độ|cấp|cấp độ|dấu)(?:\s+mật)?\s*[:=–-]\s*[\"“]?mật\b{_NOT_THESE})"
    rf"|(?:\b(?:độ|mức|mức độ|cấp|cấp độ|dấu)(?:\s+mật)?\s+[\"“]?(?-i:Mật|MẬT)\b{_NOT_THESE})"
    rf"|(?:\b(?:thuộc|ở|mang|đóng|có)\s+(?:độ|mức|mức độ|cấp|cấp độ|dấu)\s+mật\b{_NOT_THESE})"
    rf"|(?:\bđộ mật\s*[:=–-]\s*(?:[abc]\b|[1-3]\b))",
    re.IGNORECASE,
)
# Within a text in small letters a mark stands out. In one of capitals the nouns before it (above) have to tell.
_CAPITALS = re.compile(r"(?<!\w)(?<!BẢO )(?<!BÍ )(?<!CƠ )(?<!THÂN )MẬT(?!\s*(?:KHẨU|ĐỘ|MÃ|ONG|THƯ)\b)(?!\w)")


def declared_level(text: str) -> str:
    """The level of secrecy that the text claims for what it describes; empty where it claims none."""
    text = _DENIED.sub(" ", nfc(" ".join((text or "").split())))
    named = _NAMED.search(text)
    if named:
        return LEVELS[named[1].lower()]
    if _PLAIN.search(_DENIED_PLAIN.sub(" ", text)):
        return "state-secret"
    if any(not found["denied"] for found in _ENGLISH.finditer(text)):
        return "state-secret"
    if _CAPITALS.search(text) and text != text.upper():
        return LEVELS["mật"]
    return LEVELS["mật"] if _MARKED.search(text) else ""


def named_level(name: str) -> str:
    """The same of a name in a database: words joined by underscores, hyphens or capitals."""
    return declared_level(spelled_out(name))
