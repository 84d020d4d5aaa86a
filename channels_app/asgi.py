"""The ASGI application: GraphQL on HTTP and WebSocket at /graphql, Django everywhere else.

``uvicorn channels_app.asgi:application``
"""

import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application


def build_application() -> Any:
    """Return the ASGI application, with Django set up."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "channels_app.settings")
    django_application: Any = get_asgi_application()
    # Only now: the line above loads Django's apps, and with them the channels.
    from rxgraph.asgi import with_graphql

    if settings.DEBUG:  # in production a web server serves static files
        django_application = ASGIStaticFilesHandler(django_application)
    application = with_graphql(django_application, path="/graphql")
    if settings.DEBUG:  # the switch of the demo page
        from channels_app.demo.trouble import with_trouble

        return with_trouble(application)
    return application


application = build_application()
