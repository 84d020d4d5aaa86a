"""Tell every server that credentials of somebody have just ended.

Logging out, deleting a DRF token, deactivating or deleting a user and changing a password are
heard of through Django's signals and told after the commit. What goes past these (bulk updates,
raw SQL) is noticed within ``REAUTH_SECONDS``.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import models
from django.db.models.signals import post_delete, post_save

from rxgraph.sync.engine import get_engine
from rxgraph.sync.signals import Signal
from rxgraph.types import EVERYBODY

logger = logging.getLogger("rxgraph.auth")

SIGNED_OUT = "rxgraph.signed_out"


def install() -> None:
    """Listen to what ends credentials; harmless when done twice."""
    user_logged_out.connect(_on_logout, dispatch_uid="rxgraph.logout")
    for model in _kinds(get_user_model()):
        uid = f"rxgraph.user.{model._meta.label}"
        post_save.connect(_on_user_saved, sender=model, dispatch_uid=uid)
        post_delete.connect(_on_user_deleted, sender=model, dispatch_uid=uid)
    if apps.is_installed("rest_framework.authtoken"):
        for model in _kinds(apps.get_model("authtoken", "Token")):
            uid = f"rxgraph.token.{model._meta.label}"
            post_delete.connect(_on_token_deleted, sender=model, dispatch_uid=uid)


def _kinds(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """Yield *model*, its proxies and its children: each sends signals under its own name."""
    return (found for found in apps.get_models() if issubclass(found, model))


def session_mark(key: str) -> str:
    """Return what stands for a session where its key would be a secret too many."""
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def tell(user_id: Any, *, session_key: str | None = None, using: str | None = None) -> None:
    """Tell that credentials of a user have ended: those of one session, or of any."""
    mark = session_mark(session_key) if session_key else None
    body = {"user": str(user_id), "session": mark}
    try:
        get_engine().signal(Signal(EVERYBODY, SIGNED_OUT, body), using=using)
    except Exception:
        logger.exception(
            "servers could not be told that a user signed out; they notice within REAUTH_SECONDS"
        )


def _on_logout(*, request: Any, user: Any, **kwargs: Any) -> None:
    if user is not None:  # sent before the session is gone, so its servers need to know which
        tell(user.pk, session_key=getattr(getattr(request, "session", None), "session_key", None))


def _on_user_saved(*, instance: Any, created: bool, using: str, **kwargs: Any) -> None:
    # Django keeps the raw password in here until the end of save().
    is_new_password = getattr(instance, "_password", None) is not None
    if not created and (is_new_password or not getattr(instance, "is_active", True)):
        tell(instance.pk, using=using)


def _on_user_deleted(*, instance: Any, using: str, **kwargs: Any) -> None:
    tell(instance.pk, using=using)


def _on_token_deleted(*, instance: Any, using: str, **kwargs: Any) -> None:
    tell(instance.user_id, using=using)
