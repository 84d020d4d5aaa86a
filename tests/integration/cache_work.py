"""What processes of a cluster do with caches; everything here speaks JSON."""

from __future__ import annotations

import io
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management import call_command

from channels_app.channels import ProjectChannel


def clear_cache(project_id: int) -> bool:
    """Clear a project's cache by the class method."""
    return async_to_sync(ProjectChannel.clear_cache)(project_id)


def command(name: str, *arguments: str) -> str:
    """Run a management command; answer what it prints."""
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def expire_much(times: int) -> Any:
    """Expire again and again; answer how many anchors that were."""
    from rxgraph.sync import expiry
    from rxgraph.sync.engine import get_engine

    return sum(len(expiry.expire(get_engine())) for _ in range(times))
