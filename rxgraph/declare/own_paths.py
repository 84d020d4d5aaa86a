"""Which of the paths that RxGraph could serve belong to the project: those it leaves alone."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve


def is_own(path: str) -> bool:
    """True when the project's URLconf has a pattern for *path*, and not only one for everything."""
    return _is_own(path, getattr(settings, "ROOT_URLCONF", None))


@cache
def _is_own(path: str, urlconf: Hashable) -> bool:
    everything = _view(f"{path}-nothing-has-this-name")
    return not {_view(path), _view(f"{path}/")} <= {None, everything}


def _view(path: str) -> object | None:
    try:
        return resolve(path).func
    except (Resolver404, ImproperlyConfigured, AttributeError):
        return None
