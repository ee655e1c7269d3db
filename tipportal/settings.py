"""Settings of the portal, driven by the environment. docs/installation.md explains each variable."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from environs import Env, ValidationError, validate

from core.mail.idn_domains import encode_sender
from core.roles import Role
from core.single_sign_on.provider import read_environment
from crimemap.exports.licenses import LICENSES
from tipportal.deploy import role_settings

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def check_ascending(minutes: list[int]) -> None:
    """Raise ValidationError unless these are minutes in ascending order."""
    if not minutes or minutes != sorted(set(minutes)) or minutes[0] < 1:
        raise ValidationError("Write minutes in ascending order, such as 5,10,15.")


def check_phone_lines(lines: list[str]) -> None:
    """Raise ValidationError unless each line has a name and a number to call: "Crisis line=988"."""
    if not all(re.fullmatch(r"\s*[^=\s][^=]*=[^=]*\d[^=]*", line) for line in lines):
        raise ValidationError("Write a name, an equals sign and a number for each line, such as Crisis line=988.")


def check_token(token: str) -> None:
    """Raise ValidationError unless this is long enough to be a secret, or empty."""
    if token and len(token) < 20:
        raise ValidationError("Write at least 20 characters, such as openssl rand -hex 24 prints.")


ROLE = role_settings.parse(env.str("PORTAL_ROLE", ""))

# True only under `make run` and in tests: allows plain HTTP on this machine and `manage.py demo`.
DEMO = env.bool("DEMO", False)

# The agency, as shown on every page. What administrators set on the desk counts before this (core/agency/current_settings.py).
AGENCY_NAME = env.str("AGENCY_NAME", "Riverton Police" if DEMO else "")
CITY_NAME = env.str("CITY_NAME", "Riverton" if DEMO else "")
EMERGENCY_NUMBER = env.str("EMERGENCY_NUMBER", "911")
# Crisis lines beside the emergency number, each as name=number, the most important first. Empty: none is shown.
CRISIS_LINES: list[str] = env.list("CRISIS_LINES", ["Crisis line=988"], validate=check_phone_lines)
# The desk that sends patrols, for officers alone, who call it when a source is in danger. Empty: no number is shown.
DISPATCH_NUMBER = env.str("DISPATCH_NUMBER", "")
CONTACT = env.str(
    "CONTACT", "Non-emergency: 555-0142, day and night. Front desk: 200 Arden Street, 7 am to 11 pm." if DEMO else ""
)
LEAVE_URL = env.str("LEAVE_URL", "https://www.weather.gov/")
PORTAL_URL = env.str("PORTAL_URL", "http://127.0.0.1:8000").rstrip("/")
STAFF_URL = env.str("STAFF_URL", PORTAL_URL).rstrip("/")
TIP_RETENTION_DAYS = env.int("TIP_RETENTION_DAYS", 365)
# Limits of the files that come with one tip or one later message.
TIP_MAX_FILES = env.int("TIP_MAX_FILES", 10)
TIP_MAX_BYTES = env.int("TIP_MAX_BYTES", 1024**3)

# Whether authors may approve their own stories, for agencies with one person; the audit trail records it.
OUTREACH_SELF_APPROVAL = env.bool("OUTREACH_SELF_APPROVAL", False)

# Alerts about tips (tips/officer_alerts/). Where officers may have them sent besides email: beginnings of addresses, such as
# "ntfys://ntfy.example.org", or "slack". After how many minutes an urgent alert goes to the next group of officers.
ALERT_CHANNELS: list[str] = env.list("ALERT_CHANNELS", [])
ALERT_ESCALATION_MINUTES: list[int] = env.list(
    "ALERT_ESCALATION_MINUTES", [5, 10, 15], subcast=int, validate=check_ascending
)

# Secrets, each in its own file, so that a machine holds only those that its roles need.
# The secret key signs staff sessions alone. Roles that sign nothing get a random one.
SECRET_KEY = env.str("SECRET_KEY") if ROLE.serves_staff else token_urlsafe()
# With this token, and only with it, a monitor may read /metrics (tipportal/metrics.py).
METRICS_TOKEN = env.str("METRICS_TOKEN", "", validate=check_token)
RECEIPT_SALT = env.path("RECEIPT_SALT", None)
AGENCY_PUBLIC_KEYS = env.path("AGENCY_PUBLIC_KEYS", None)
AGENCY_PRIVATE_KEYS = env.path("AGENCY_PRIVATE_KEYS", None)
AUDIT_KEY = env.path("AUDIT_KEY", None)
# An address outside the agency's systems that gets the number and seal of the newest audit entry each day.
AUDIT_HEAD_EMAIL = env.str("AUDIT_HEAD_EMAIL", "")
FACTOR_KEY = env.path("FACTOR_KEY", None)
# Residents' files, sealed (tips/files/sealed_store.py), and the keys of the media worker, to which new files are sealed.
MEDIA_STORE = env.path("MEDIA_STORE", None)
MEDIA_PUBLIC_KEYS = env.path("MEDIA_PUBLIC_KEYS", None)
MEDIA_PRIVATE_KEYS = env.path("MEDIA_PRIVATE_KEYS", None)
# Subscribers' addresses (core/mail/subscriber_addresses.py): the web process seals them, the bulk worker opens and mails them.
ADDRESS_PUBLIC_KEYS = env.path("ADDRESS_PUBLIC_KEYS", None)
ADDRESS_PRIVATE_KEYS = env.path("ADDRESS_PRIVATE_KEYS", None)
ADDRESS_HASH_KEY = env.path("ADDRESS_HASH_KEY", None)
# Addresses of officers' channels (tips/officer_alerts/channel_addresses.py): staff seal them, the alerts worker opens them.
ALERT_CHANNEL_PUBLIC_KEYS = env.path("ALERT_CHANNEL_PUBLIC_KEYS", None)
ALERT_CHANNEL_PRIVATE_KEYS = env.path("ALERT_CHANNEL_PRIVATE_KEYS", None)
# Backups (tipportal/backup/): the folder of the key that they are sealed to, and how many days each is kept.
BACKUP_KEYS = env.path("BACKUP_KEYS", None)
BACKUP_DAYS = env.int("BACKUP_DAYS", 14, validate=validate.Range(1, 90))
# Published incidents: the bulk worker writes the folder, web processes read it instead of the incident tables
# (crimemap/publishing/publisher.py). The cache is private to the worker. The agency's own publication rule is a file
# (crimemap/privacy/agency_rules.py).
INCIDENT_SNAPSHOTS = env.path("INCIDENT_SNAPSHOTS", None)
INCIDENT_CACHE = env.path("INCIDENT_CACHE", None)
PUBLICATION_RULES = env.path("PUBLICATION_RULES", None)
# The license of the data files, by its SPDX name (crimemap/exports/licenses.py); "" if the agency has chosen none.
DATA_LICENSE = env.str("DATA_LICENSE", "", validate=validate.OneOf(["", *LICENSES]))
# Tiles of the base map (crimemap/city_map/tile_file.py): a command writes the folder, web processes or nginx serve it.
BASE_MAP = env.path("BASE_MAP", None)
# Incident files to import: uploads by staff and pushes by agencies wait in the first folder for the bulk worker, which scans
# the second every minute (crimemap/importing/arrival/jobs.py, crimemap/importing/arrival/drop_folder.py).
INCIDENT_UPLOADS = env.path("INCIDENT_UPLOADS", None)
INCIDENT_DROP_DIR = env.path("INCIDENT_DROP_DIR", None)
role_settings.refuse_private_keys(ROLE, AGENCY_PRIVATE_KEYS, AGENCY_PUBLIC_KEYS)
role_settings.refuse_address_keys(ROLE, ADDRESS_PRIVATE_KEYS)
role_settings.refuse_channel_keys(ROLE, ALERT_CHANNEL_PRIVATE_KEYS)

DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost"] if DEMO else [])
HTTPS = not DEMO and env.bool("HTTPS", True)
if env.bool("BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# The agency's identity provider, for staff to sign in with (core/single_sign_on/). None: nothing of it is imported or mounted.
OIDC_PROVIDER = read_environment(env, allows_http=DEMO) if ROLE.serves_staff else None

INSTALLED_APPS = [
    "tipportal.apps.PortalConfig",
    "core.apps.CoreConfig",
    "tips.apps.TipsConfig",
    "crimemap.apps.CrimemapConfig",
    "outreach.apps.OutreachConfig",
    "core.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "crispy_forms",
    "crispy_bootstrap5",
    "leaflet",
]

MIDDLEWARE = [
    "tipportal.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Static files are answered here: the middleware below is for pages, and would cost more than many of the files.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.web.middleware.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.web.middleware.ErrorPageMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "core.web.middleware.OriginMiddleware",
]
if ROLE.serves_staff:
    MIDDLEWARE.insert(1, "tipportal.metrics.MetricsMiddleware")
# Second factors of staff: the staff side uses the tables, and the owner makes them. No other role imports allauth.
if ROLE.serves_staff or ROLE is Role.OWNER:
    INSTALLED_APPS += ["allauth", "allauth.account", "allauth.mfa"]
    MIDDLEWARE += [
        "core.sign_in.sessions.session_middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "core.sign_in.sessions.lock_middleware.LockMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
        "tips.walls.middleware.ScreeningMiddleware",
    ]

# A role without the admin needs none of its middleware; all roles have its tables.
SILENCED_SYSTEM_CHECKS = [] if ROLE.serves_staff else [f"admin.E{number}" for number in (402, 404, 408, 409, 410)]

ROOT_URLCONF = "tipportal.urls"
PUBLIC_URLCONF = "tipportal.public_urls"  # residents' pages, whether or not this process serves them
WSGI_APPLICATION = "tipportal.wsgi.application"
FORM_RENDERER = "core.web.form_renderer.FormRenderer"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["core.templatetags.staff_forms"],
            "libraries": {"account_notices": "core.accounts.notices"} if ROLE.serves_staff else {},
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "core.web.context_processors.portal_context",
                *(
                    [
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                    if ROLE.serves_staff
                    else []
                ),
            ],
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# One PostgreSQL user per role; beat has none.
DATABASES: dict[str, Any] = {"default": {"ENGINE": "django.db.backends.dummy"}}
if ROLE.database_user:
    # A new connection costs PostgreSQL as much as a third of a page of the desk, so that few requests should meet one.
    DATABASES["default"] = env.dj_db_url("DATABASE_URL", conn_max_age=600, conn_health_checks=True)
    connection_options: dict[str, Any] = DATABASES["default"].setdefault("OPTIONS", {})
    connection_options["connect_timeout"] = 5
    if ROLE.serves_public or ROLE.serves_staff:
        # The queries of pages take milliseconds: to start processes or a compiler for one takes longer than it can save.
        quick = "-c max_parallel_workers_per_gather=0 -c jit=off"
        connection_options["options"] = f"{connection_options.get('options', '')} {quick}".lstrip()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis: the broker uses database 0; the memory-only store (inbox sessions, hourly keys) uses database 1.
REDIS_URL = env.str("REDIS_URL")
if REDIS_URL.startswith("unix://"):
    socket = urlsplit(REDIS_URL).path
    BROKER_URL = f"redis+socket://{socket}"
    QUEUE_URL = f"unix://{socket}?db=0"  # the broker, as redis-py names it
    MEMORY_URL = f"unix://{socket}?db=1"
else:
    BROKER_URL = QUEUE_URL = f"{REDIS_URL.rstrip('/')}/0"
    MEMORY_URL = f"{REDIS_URL.rstrip('/')}/1"

# Staff accounts: a password, then a second factor (core/sign_in/). allauth's own pages are not mounted.
AUTH_USER_MODEL = "core.Account"
AUTHENTICATION_BACKENDS = ["core.staff.sign_in.AuditedBackend"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"  # also if the requested URL is on another site
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "core.staff.agency_words.AgencyWordsValidator"},
]
MFA_ADAPTER = "core.sign_in.factors.mfa_adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds, early or late
MFA_RECOVERY_CODE_DIGITS = 10
SESSION_COOKIE_NAME = "__Host-staff" if HTTPS else "staff"
SESSION_ENGINE = "core.sign_in.sessions.session_store"
# Since the last request: a screen that was locked on Friday is given back on Monday, to the factor of its officer.
SESSION_COOKIE_AGE = 72 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# The screen locks after this long without a request of its officer. CJIS Security Policy 6.0, AC-11: 30 minutes at most.
STAFF_LOCK_MINUTES = env.int("STAFF_LOCK_MINUTES", 15, validate=validate.Range(1, 30))
# The socket of the search process; None without one (tips/desk/search).
SEARCH_SOCKET = Path(env.str("SEARCH_SOCKET", "")) if env.str("SEARCH_SOCKET", "") else None
# A program that translates standard input, with its arguments; none by default (tips/desk/translation/translator.py).
TRANSLATE_COMMAND = shlex.split(env.str("TRANSLATE_COMMAND", ""))
TRANSLATE_USER = env.str("TRANSLATE_USER", "")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Not Strict: the link in an officer's mail is followed from the webmail's site, and must find them signed in. Without the CSRF
# cookie that same page would get a new one, which ends the forms of all other tabs. Posts from other sites carry neither.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
# A proxy may leave the port out of Host (core/web/middleware.py judges the rest).
CSRF_TRUSTED_ORIGINS = [STAFF_URL] if ROLE.serves_staff else []
if ROLE.serves_staff:
    CSRF_FAILURE_VIEW = "tipportal.staff_views.form_too_old"

# Headers. Public pages and the admin share one policy: nothing inline, nothing from other sites.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # Browsers also judge the redirect that follows a form: the one to the identity provider.
        "form-action": [SELF, OIDC_PROVIDER.origin] if OIDC_PROVIDER else [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 63_072_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS

# In bytes, twice the longest form we accept. Files are not counted: they have an upload handler of their own.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300
# Generous, so that a resident who selects a whole album reads how many files are allowed (tips/files/multipart.py).
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
# Uploads by staff are written to the folder where they stay: /tmp may be in memory.
FILE_UPLOAD_TEMP_DIR = INCIDENT_UPLOADS if INCIDENT_UPLOADS and INCIDENT_UPLOADS.is_dir() else None

STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / "static-root")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "tipportal.static_storage.HashedStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True


def WHITENOISE_ADD_HEADERS_FUNCTION(headers: Any, _path: str, _url: str) -> None:  # noqa: N802
    """Keep static files, as all else (core/web/middleware.py), from pages of other sites."""
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


LEAFLET_CONFIG: dict[str, Any] = {"TILES": [], "SRID": None, "RESET_VIEW": False, "PLUGINS": {}}

LANGUAGE_CODE = env.str("LANGUAGE_CODE", "en-us")
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", "America/Chicago")
USE_TZ = True

email = env.dj_email_url("EMAIL_URL", "smtp://127.0.0.1:25")
EMAIL_BACKEND = email["EMAIL_BACKEND"]
EMAIL_HOST = email.get("EMAIL_HOST", "")
EMAIL_PORT = email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = email.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = email.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = email.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = BASE_DIR / (
    email.get("EMAIL_FILE_PATH") or "var/mail"
)  # EMAIL_URL=file:///var/mail names a folder below the project
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = encode_sender(env.str("DEFAULT_FROM_EMAIL", "portal@localhost"))

# Logs tell what failed and where in our code, never the content of a request (core/logs.py).
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"private": {"()": "core.logs.PrivateFormatter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "private"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.server": {"handlers": [], "propagate": False},
        # Its messages contain parts of channels' URLs, which are secrets; outreach/channels/posting.py logs the result of a post.
        "apprise": {"handlers": ["nowhere"], "propagate": False},
    },
}
