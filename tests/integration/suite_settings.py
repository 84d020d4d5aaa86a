"""``tests.settings_services`` for whole suites: no migrations, either driver of MongoDB.

Models of test applications that have no migrations refer to users; PostgreSQL checks that, so all
tables are made in one go.
"""

from __future__ import annotations

import os

from tests.settings_services import *  # noqa: F403
from tests.settings_services import DATABASES, RXGRAPH

for _database in DATABASES.values():
    _database["TEST"]["MIGRATE"] = False

RXGRAPH["MONGO_DRIVER"] = os.environ.get("TEST_MONGO_DRIVER", "motor")
