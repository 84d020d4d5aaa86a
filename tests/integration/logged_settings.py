"""Settings of a server that writes down everything it can, and mails its errors to a folder."""

from __future__ import annotations

import os

from tests.integration.served_settings import *  # noqa: F403

ADMINS = [("Admin", "admin@localhost")]
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = os.environ["TEST_MAILS"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "console": {"class": "logging.StreamHandler", "level": "DEBUG"},
        "mail": {
            "class": "django.utils.log.AdminEmailHandler",
            "level": "ERROR",
            "include_html": True,
        },
    },
    "root": {"handlers": ["console", "mail"], "level": "DEBUG"},
}
