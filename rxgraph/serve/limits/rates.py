"""How often a user may do something, in all processes together, mostly without asking anybody.

A process spends from a *credit* of its own and tells the store afterwards: at once when the credit
is used up, else about once a second, everybody in one request. The store's answer says how much is
left, and by that how large the next credit is: a user far below his limit is never waited for; one
near it costs one round trip for each operation, at most; one above it is refused here, without any.

Over time nobody gets more than his rate. At one moment he gets at most one credit for each process
more than ``burst``. While the store is away, every process keeps the limit for itself.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

from rxgraph.cache.buckets import Bucket, Spent
from rxgraph.errors import BackendError, RateLimited

Exchange = Callable[[Spent], Awaitable[float]]

_SHARE: Final = 8  # parts of a burst that make a credit


class _Account:
    """One user in this process."""

    __slots__ = ("closed_until", "credit", "local", "unreported")

    def __init__(self, burst: float, now: float) -> None:
        self.local = Bucket(burst, now)
        self.credit = burst / _SHARE
        self.unreported = 0.0
        self.closed_until = 0.0


class Rate:
    """One kind of thing that is limited; ``name`` is how refusals call it."""

    def __init__(
        self,
        name: str,
        rate: float,
        burst: float,
        exchange: Exchange | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.rate, self.burst = name, rate, burst
        #: Tells the store what was spent and answers what is left; None: this is the one process.
        self.exchange = exchange
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    async def take(self, user: str, tokens: float = 1.0) -> None:
        """Return when *user* may go on.

        Raises:
            RateLimited: he has done too much; nothing was taken.
        """
        tokens = min(tokens, self.burst)  # what is larger waits for a full bucket
        now = self._clock()
        account = self._accounts.get(user)
        if account is None:
            account = self._accounts[user] = _Account(self.burst, now)
        if now < account.closed_until:
            self._refuse(account.closed_until - now)
        left = account.local.spend(tokens, now, rate=self.rate, burst=self.burst)
        if left < 0:
            account.local.tokens += tokens
            self._refuse(-left / self.rate)
        account.unreported += tokens
        account.credit -= tokens
        if account.credit < 0 and self.exchange is not None:
            await self._exchange(user, account)

    async def _exchange(self, user: str, account: _Account) -> None:
        assert self.exchange is not None
        spent, account.unreported = account.unreported, 0.0
        try:
            left = await self.exchange(self._spent(user, spent))
        except BackendError:
            account.unreported += spent
            account.credit = 0.0  # asks again the next time; until then the local bucket decides
            return
        account.credit = min(self.burst, max(0.0, left)) / _SHARE
        if left < 0:
            account.closed_until = self._clock() - left / self.rate

    def _spent(self, user: str, tokens: float) -> Spent:
        return Spent(f"{self.name} {user}", tokens, self.rate, self.burst)

    def _refuse(self, seconds: float) -> None:
        raise RateLimited(
            f"Too many {self.name}: {self.rate:g} a second are allowed,"
            f" {self.burst:g} after a quiet time",
            max(seconds, 1 / self.rate),
        )

    def unreported(self) -> list[Spent]:
        """Return what the store does not know yet, and forget who has done nothing for a while."""
        now = self._clock()
        found: list[Spent] = []
        for user, account in list(self._accounts.items()):
            if account.unreported:
                found.append(self._spent(user, account.unreported))
                account.unreported = 0.0
            elif (now - account.local.at) * self.rate >= self.burst and now > account.closed_until:
                del self._accounts[user]
        return found

    def take_back(self, spent: Spent) -> None:
        """Report *spent* later: the store did not take it."""
        account = self._accounts.get(spent.key.removeprefix(f"{self.name} "))
        if account is not None:
            account.unreported = min(self.burst, account.unreported + spent.tokens)

    def __len__(self) -> int:
        return len(self._accounts)
