"""The same suite on what production uses: PostgreSQL, MongoDB, Redis.

``pytest --ds=tests.settings_services tests/sync`` with the addresses of ``scripts/services env``.
"""

from __future__ import annotations

import os

from channels_app.environment import postgres_database
from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as _SQLITE
from tests.settings import NO_RATES, PLANS

_postgres = postgres_database(os.environ["DATABASE_URL"])
_name = f"rxgraph_{os.getpid()}"

DATABASES = {
    alias: {
        **_postgres,
        "NAME": f"{_name}_{alias}",
        # Apps of tests have no migrations, and foreign keys to apps that have some.
        "TEST": {"NAME": f"test_{_name}_{alias}", "MIGRATE": False},
    }
    for alias in _SQLITE
}
MONGO_DATABASE = _name
RXGRAPH = {
    "STORE": os.environ["MONGO_URL"].rsplit("/", 1)[0] + "/" + _name,
    "PLANS": PLANS,
    **NO_RATES,
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "prefix": _name},
    }
}
