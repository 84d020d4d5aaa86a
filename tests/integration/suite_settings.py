"""``tests.settings_services`` for whole suites: tables without migrations.

Models of test applications that have no migrations refer to users; PostgreSQL checks that, so all
tables are made in one go.
"""

from __future__ import annotations

from tests.settings_services import *  # noqa: F403
from tests.settings_services import DATABASES

for _database in DATABASES.values():
    _database["TEST"]["MIGRATE"] = False
