"""Writes .env with fresh secrets where there is none: python -m ndc_portal.first_start"""

import os
import secrets
import sys

from cryptography.fernet import Fernet

from ndc_portal import database
from ndc_portal.postgres_folders import PORT, locate

TEXT = """\
# Made at the first start, for one's own machine: plain HTTP, private database. .env.example explains every variable.
DEBUG=on
SECRET_KEY={secret_key}
CREDENTIAL_KEYS={credential_key}
PSEUDONYM_KEY={pseudonym_key}
# The private server and a folder, where the source databases of the demonstration lie.
SOURCE_ALLOWED_ADDRESSES='{address}'
SOURCE_ALLOWED_FOLDERS='{folder}'
"""


def write() -> bool:
    """Make .env, readable by its owner only; False when there is one, which is never touched."""
    path = database.BASE_DIR / ".env"
    try:
        # O_EXCL: of two first starts at once, one writes.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    var_dir = database.var_dir()
    text = TEXT.format(
        secret_key=secrets.token_urlsafe(48),
        credential_key=Fernet.generate_key().decode(),
        pseudonym_key=secrets.token_hex(32),
        address=f"{locate(var_dir).socket}:{PORT}",
        folder=var_dir / "demo",
    )
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return True


if __name__ == "__main__":
    if write():
        sys.stdout.write("Made .env with fresh secrets; keep it, as stored credentials are readable with it only.\n")
