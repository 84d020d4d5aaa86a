"""``uvicorn benchmarks.project.plain.asgi:application``."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.project.plain.settings")
_django = get_asgi_application()

from channels.db import database_sync_to_async  # noqa: E402 - Django is set up now
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from strawberry.channels import GraphQLWSConsumer  # noqa: E402
from strawberry.exceptions import ConnectionRejectionError  # noqa: E402

from benchmarks.project.plain.schema import schema  # noqa: E402


class Consumer(GraphQLWSConsumer[Any, Any]):
    """Strawberry's own, for those who have a token."""

    async def on_ws_connect(self, context: Any) -> Any:
        """Look for the token that ``connection_init`` brings."""
        key = context["connection_params"]["Authorization"].removeprefix("Token ")
        if not await database_sync_to_async(Token.objects.filter(key=key).exists)():
            raise ConnectionRejectionError
        return await super().on_ws_connect(context)


_routes = [path("graphql", Consumer.as_asgi(schema=schema))]
application = ProtocolTypeRouter({"http": _django, "websocket": URLRouter(_routes)})
