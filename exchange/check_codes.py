"""The short code on a letter that shows whoever types it to hold the letter."""

import secrets

# No vowels and nothing that reads as something else (0 O, 1 I L, 5 S, 8 B): it is typed from paper, and spells no word.
ALPHABET = "234679CFGHJKMPQRTVWX"
LENGTH = 12  # 20^12: 51 bits
GROUP = 4


def new() -> str:
    return "".join(secrets.choice(ALPHABET) for _place in range(LENGTH))


def grouped(code: str) -> str:
    """As it is printed: 7QJ4-M2XP-C9RV."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def plain(typed: str) -> str:
    """A code as it is kept, however it was typed: in small letters, with spaces or hyphens."""
    return "".join(sign for sign in typed.upper() if sign.isalnum())


def is_right(typed: str, code: str) -> bool:
    """Whether it is the code, in a time that tells nothing about how much of it is right."""
    return secrets.compare_digest(plain(typed).encode(), code.encode())
