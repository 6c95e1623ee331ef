"""Settings of the test suite: fixed secrets, and a private server of its own unless NDC_TEST_DATABASE_URL is set."""

import os
import re

# The suite never uses the database of .env: an empty DATABASE_URL is set, so .env does not fill it in.
os.environ["DATABASE_URL"] = os.environ.get("NDC_TEST_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
# A folder for each choice of programs: data of one version cannot be read by another.
os.environ["VAR_DIR"] = "-".join(["var/test", *re.findall(r"\w+", os.environ.get("NDC_POSTGRES", ""))])
# The private server's data is thrown away: it need not survive a power cut.
os.environ["NDC_POSTGRES_OPTIONS"] = "-c fsync=off -c full_page_writes=off"
os.environ.update(
    DEBUG="off",
    SECRET_KEY="a secret of the test suite only, known to everybody",
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
    CSRF_TRUSTED_ORIGINS="",
    BEHIND_TLS_PROXY="off",
    CREDENTIAL_KEYS="dGVzdCBzdWl0ZSBvbmx5LCBrbm93biB0byBhbGwuLi4=",
    PSEUDONYM_KEY="0123456789abcdef" * 4,
    SOURCE_ALLOWED_FOLDERS="",
    DELIVERY_DAYS="30",
    ATTACHMENT_DIR="",
    ATTACHMENT_MAX_MB="20",
    ATTACHMENT_MAX_COUNT="10",
    ATTACHMENT_DAYS="730",
    CLAMD_ADDRESS="",
    WEBHOOK_PRIVATE_NETWORKS="",
    EMAIL_URL="",
    MAIL_FROM="ndc-portal@testserver",
    PROFILE_LEAST_COUNT="10",
    WORKERS="2",
    LOG_LEVEL="WARNING",
)

from ndc_portal import database

database.ensure_running()
_server = database.connection_settings(os.environ["DATABASE_URL"], database.var_dir())
os.environ["SOURCE_ALLOWED_ADDRESSES"] = f"{_server['HOST'] or 'localhost'}:{_server['PORT'] or 5432}"

from ndc_portal.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECURE_SSL_REDIRECT = False  # the test client speaks plain HTTP
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    # Without collectstatic there is no manifest.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - whitenoise warns where the folder is missing
# Two runs at once on one server need two names.
DATABASES["default"]["TEST"] = {"NAME": os.environ.get("NDC_TEST_NAME", "test_ndc_portal")}  # noqa: F405
