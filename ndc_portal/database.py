"""Which PostgreSQL the portal uses: the one of DATABASE_URL, else a private server that is started when needed."""

import os
import sys
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env

from ndc_portal import private_postgres
from ndc_portal.postgres_folders import PORT, locate
from ndc_portal.postgres_programs import PostgresError

BASE_DIR = Path(__file__).resolve().parent.parent
ENGINE = "django.db.backends.postgresql"
APPLICATION_NAME = "ndc_portal"


def connection_settings(database_url: str, var_dir: Path) -> dict:
    """What goes into DATABASES["default"]."""
    settings = _from_url(database_url) if database_url else _of_private_server(var_dir)
    settings.update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    settings.setdefault("OPTIONS", {}).setdefault("application_name", APPLICATION_NAME)
    return settings


def ensure_running() -> None:
    """Start the private server where no DATABASE_URL is set; to be called before Django starts."""
    read_environment()
    if os.environ.get("DATABASE_URL"):
        return
    try:
        private_postgres.ensure(var_dir())
    except PostgresError as error:
        sys.exit(f"ndc_portal: {error}")


def read_environment() -> None:
    """Take .env into the environment; what is set already stays."""
    Env().read_env(BASE_DIR / ".env", recurse=False)


def var_dir() -> Path:
    """Where the portal writes, as in the settings."""
    read_environment()
    return (BASE_DIR / (os.environ.get("VAR_DIR") or "var")).resolve()


def _from_url(database_url: str) -> dict:
    try:
        settings = dj_database_url.parse(database_url)
    except ValueError:
        settings = {}  # the error would quote the URL, and the URL holds a password
    if settings.get("ENGINE") != ENGINE:
        raise ImproperlyConfigured(
            "DATABASE_URL has to name a PostgreSQL database: postgresql://user:password@host/name"
        )
    return settings


def _of_private_server(var_dir: Path) -> dict:
    return {
        "ENGINE": ENGINE,
        "NAME": private_postgres.DATABASE,
        "USER": private_postgres.ROLE,
        "HOST": str(locate(var_dir).socket),
        "PORT": str(PORT),
    }
