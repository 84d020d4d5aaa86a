"""Settings of the demo: one process with nothing to install, or several on real services.

By default SQLite, the memory store and the in-memory channel layer. ``DATABASE_URL`` (PostgreSQL),
``MONGO_URL`` and ``REDIS_URL`` each replace one of them; set all three to run several processes.
"""

import os
from pathlib import Path
from typing import Any

from channels_app import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.data_folder(BASE_DIR / ".demo")

DEBUG = environment.flag(os.environ, "DJANGO_DEBUG", default=True)
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or environment.secret_key(DATA_DIR / "secret_key")
ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    *environment.words(os.environ, "DJANGO_ALLOWED_HOSTS"),
]
CSRF_TRUSTED_ORIGINS = environment.words(os.environ, "DJANGO_CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "rxgraph",  # before staticfiles: runserver --makefrontend
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "channels",
    "channels_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "channels_app.urls"
ASGI_APPLICATION = "channels_app.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The three engines

DATABASES: dict[str, dict[str, Any]] = {
    "default": environment.postgres_database(
        os.environ["DATABASE_URL"],
        conn_max_age_seconds=int(os.environ.get("DATABASE_CONN_MAX_AGE", "0")),
    )
    if os.environ.get("DATABASE_URL")
    else environment.sqlite_database(DATA_DIR / "db.sqlite3"),
}

RXGRAPH: dict[str, Any] = {
    "STORE": environment.mongo_store(os.environ["MONGO_URL"])
    if os.environ.get("MONGO_URL")
    else "memory://",
    "FRONTEND_DIR": BASE_DIR / "frontend_codegen",
}

# Show on each board who else looks at it.
BOARD_PRESENCE = environment.flag(os.environ, "BOARD_PRESENCE", default=True)

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
    }
    if os.environ.get("REDIS_URL")
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"},
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
