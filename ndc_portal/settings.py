"""Settings of the portal, read from the environment and from .env; a missing or wrong value stops the start."""

import re
from ipaddress import ip_network
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError

from ndc_portal import database

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env(eager=True)
env.read_env(BASE_DIR / ".env", recurse=False)

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", validate=lambda value: len(value) >= 32)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost"] if DEBUG else [])
# The address that stable names begin with, whatever host a request claims; empty in DEBUG: the one in the browser.
PORTAL_URL = env.str("PORTAL_URL", "", validate=lambda value: not value or re.fullmatch(r"https?://[^/?#\s]+/?", value))
if not PORTAL_URL and not DEBUG and ALLOWED_HOSTS and ALLOWED_HOSTS[0].strip("*."):
    PORTAL_URL = f"https://{ALLOWED_HOSTS[0].lstrip('*.')}"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [])
VAR_DIR = (BASE_DIR / env.path("VAR_DIR", "var")).resolve()

INSTALLED_APPS = [
    "ndc_portal.apps.PortalConfig",
    "ndc_portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "guardian",
    "axes",
    "csp",
    "django_q",
    "rest_framework",
    "oauth2_provider",
    "drf_spectacular",
    "evidence",
    "registry",
    "exchange",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "ndc_portal.language.ChosenLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "registry.middleware.ActingMiddleware",
    "registry.middleware.RememberingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "ndc_portal.urls"
WSGI_APPLICATION = "ndc_portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ndc_portal.context.portal",
            ],
        },
    },
]

# Database: DATABASE_URL where given, else the private server that `database.ensure_running()` starts.
DATABASES = {"default": database.connection_settings(env.str("DATABASE_URL", ""), VAR_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "registry.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "registry.backends.RoleBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ANONYMOUS_USER_NAME = None  # the public has no account to which a permission could be given by mistake
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
LOGIN_FAILURES_PER_ADDRESS = 30  # within the same time, over all accounts
AXES_HANDLER = "ndc_portal.login.AttemptHandler"
AXES_CLIENT_IP_CALLABLE = "ndc_portal.login.client_address"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else somebody else could keep it paused for ever
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_HTTP_RESPONSE_CODE = 429

# Transport and browser
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = not DEBUG
SESSION_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_NAME = "ndc_session" if DEBUG else "__Host-ndc_session"
CSRF_COOKIE_NAME = "ndc_csrf" if DEBUG else "__Host-ndc_csrf"
SESSION_COOKIE_AGE = 8 * 3600  # one working day
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "ndc_portal.views.csrf_failure"
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEBUG
SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# Language, time, numbers
LANGUAGE_CODE = "vi"
LANGUAGES = [("vi", _("Vietnamese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Ho_Chi_Minh"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = "ndc_portal.formats"

# Static files
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}

# Queue. Tasks run at least once: rows are the truth, so a second run must find nothing to do.
# `retry` stands far above timeout x queue depth: a prefetched task must not be handed out again while it waits.
WORKERS = env.int("WORKERS", 2, validate=lambda value: 1 <= value <= 64)
Q_CLUSTER = {
    "name": "ndc",
    "orm": "default",
    "broker_class": "ndc_portal.waking_broker.WakingBroker",
    "workers": WORKERS,
    "queue_limit": WORKERS,
    "timeout": 3_600,
    "retry": 4 * 3_600,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 1_000,
    "poll": 0.2,
    "label": "NDC",
}

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "exchange.api.authentication.SystemAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    # Counted for each process; a shared cache makes them exact.
    "DEFAULT_THROTTLE_RATES": {"user": "600/min", "lookup": "600/min", "token": "30/min", "letter-check": "20/min"},
    # Addresses in X-Forwarded-For are the caller's own words, except the last one when our proxy wrote it.
    "NUM_PROXIES": 1 if BEHIND_TLS_PROXY else 0,
    "EXCEPTION_HANDLER": "exchange.api.errors.handle",
}
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # knows client credentials only
    "OAUTH2_VALIDATOR_CLASS": "exchange.api.tokens.SystemValidator",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
    "SCOPES": {
        "lookup": _("Look up single records under an agreement"),
        "deliver": _("Follow and fetch deliveries under an agreement"),
    },
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # only the checksum of a token is stored
    # Ways that the portal does not have, closed all the same.
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "NDC Portal API",
    "DESCRIPTION": _("Single records and deliveries for the systems of state agencies, under agreements."),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "AgreementStatus": "exchange.states.AgreementStatus",
        "DeliveryStatus": "exchange.states.DeliveryStatus",
        "Mode": "registry.choices.Mode",
        "Purpose": "registry.choices.Purpose",
        "Masking": "registry.choices.Masking",
        "FileFormat": "registry.choices.FileFormat",
        "EndReason": "exchange.choices.EndReason",
    },
}

# Source databases and deliveries
CREDENTIAL_KEYS = env.list("CREDENTIAL_KEYS", validate=bool)
PSEUDONYM_KEY = bytes.fromhex(env.str("PSEUDONYM_KEY", validate=lambda value: len(value) >= 64))
# On one's own machine the demonstration's sources lie beside the portal's database; elsewhere nothing is allowed unasked.
_OWN_SERVER = f"{DATABASES['default']['HOST']}:{DATABASES['default']['PORT'] or 5432}"
SOURCE_ALLOWED_ADDRESSES = env.list("SOURCE_ALLOWED_ADDRESSES", []) or ([_OWN_SERVER] if DEBUG else [])
SOURCE_ALLOWED_FOLDERS = [
    Path(folder).resolve() for folder in env.list("SOURCE_ALLOWED_FOLDERS", []) or ([VAR_DIR / "demo"] if DEBUG else [])
]
# Networks of agencies in which their webhooks may lie, beside public addresses. On one's own machine that machine counts.
WEBHOOK_PRIVATE_NETWORKS = [
    (agency, ip_network(network))  # no agency: for all of them
    for agency, _equals, network in (
        entry.strip().rpartition("=")
        for entry in env.list("WEBHOOK_PRIVATE_NETWORKS", []) or (["127.0.0.0/8", "::1/128"] if DEBUG else [])
    )
]
DELIVERY_DIR = VAR_DIR / "deliveries"
# No figure about values tells of fewer than so many.
PROFILE_LEAST_COUNT = env.int("PROFILE_LEAST_COUNT", 10, validate=lambda value: 5 <= value <= 1_000)
# Fewer rows than this between two packages stand out, and are warned of before anybody decides.
RELEASE_LEAST_DIFFERENCE = env.int("RELEASE_LEAST_DIFFERENCE", 10, validate=lambda value: 2 <= value <= 10_000)
# Working days before the end of an agreement on which its consumer is told, unless a deadline “renewal-reminder” says otherwise.
RENEWAL_REMINDER_DAYS = env.int("RENEWAL_REMINDER_DAYS", 20, validate=lambda value: 1 <= value <= 250)
DELIVERY_DAYS = env.int("DELIVERY_DAYS", 30, validate=lambda value: 1 <= value <= 365)

# Mail: the address of the server as a URL. On one's own machine mails are printed; elsewhere none are sent without it.
IS_MAIL_SENT = bool(env.str("EMAIL_URL", "")) or DEBUG
vars().update(
    env.dj_email_url("EMAIL_URL")
    if env.str("EMAIL_URL", "")
    else {"EMAIL_BACKEND": f"django.core.mail.backends.{'console' if DEBUG else 'dummy'}.EmailBackend"}
)
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", "") or "ndc-portal@localhost"
if IS_MAIL_SENT and not DEBUG and not env.str("MAIL_FROM", ""):
    raise EnvError("MAIL_FROM has to say who mails come from, because EMAIL_URL is set")

# Files that people attach to requests and comments
ATTACHMENT_DIR = Path(env.str("ATTACHMENT_DIR", "") or VAR_DIR / "attachments").resolve()
ATTACHMENT_MAX_BYTES = env.int("ATTACHMENT_MAX_MB", 20, validate=lambda value: 1 <= value <= 100) * 1024 * 1024
UPLOAD_MAX_BYTES = max(ATTACHMENT_MAX_BYTES, 24 * 1024 * 1024)  # of any file: metadata and scanned letters come in, too
FILE_UPLOAD_HANDLERS = [
    "exchange.uploads.limits.LimitHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
ATTACHMENT_MAX_COUNT = env.int("ATTACHMENT_MAX_COUNT", 10, validate=lambda value: 1 <= value <= 50)
ATTACHMENT_DAYS = env.int("ATTACHMENT_DAYS", 730, validate=lambda value: 1 <= value <= 3_650)
# host:port or the path of a socket. Without it no file is scanned, and each says so.
CLAMD_ADDRESS = env.str("CLAMD_ADDRESS", "")
CLAMD_TIMEOUT = env.int("CLAMD_TIMEOUT", 60, validate=lambda value: 1 <= value <= 600)  # seconds without a sign of life

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", "INFO")},
}
