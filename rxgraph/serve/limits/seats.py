"""The places that one connection takes: one of its address, one of its user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rxgraph.serve.limits.addresses import address_of
from rxgraph.serve.limits.guard import guard


class Seat:
    """What one connection has taken; ``leave`` gives all of it back, once."""

    __slots__ = ("_address", "_user")

    def __init__(self) -> None:
        self._address: str | None = None
        self._user: str | None = None

    def enter(self, scope: Mapping[str, Any]) -> str | None:
        """Take a place of the client's address; return why there is none, or None."""
        keeper = guard()
        address = address_of(scope, keeper.settings.trusted_proxies)
        most = keeper.settings.connections_per_address
        if not keeper.addresses.take(address, most):
            return f"This address has {most} connections already"
        self._address = address
        return None

    def sit(self, user: Any) -> str | None:
        """Take a place of a user; return why there is none, or None. Nobody is not counted."""
        if not user.is_authenticated:
            return None
        keeper, id_ = guard(), str(user.pk)
        most = keeper.settings.connections_per_user
        if not keeper.users.take(id_, most):
            return f"This user has {most} connections already"
        self._user = id_
        return None

    def leave(self) -> None:
        """Give back every place."""
        keeper = guard()
        keeper.addresses.give_back(self._address)
        keeper.users.give_back(self._user)
        self._address = self._user = None
