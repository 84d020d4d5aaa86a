"""The demo page in two real browsers, against a real server that comes and goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.running import run_scenario
from tests.integration.servers import Server, environment, manage, run_code, start, stop

APPLICATION = "channels_app.asgi:application"

_BOARD = """
import json
from channels_app.models import Project
tasks = Project.objects.order_by("pk").first().tasks.all()
print(json.dumps({name: [task.title for task in tasks if task.status == name.lower()]
                  for name in ("TODO", "IN_PROGRESS", "REVIEW", "DONE")}))
"""


class Demo:
    """The demo's server, which can be stopped and started on its port."""

    def __init__(self, folder: Path) -> None:
        environ = {"TEST_DEBUG": "1", "TEST_PRESENCE": "1"}
        self.environ = environment(database=folder / "db.sqlite3", environ=environ)
        self._log = folder / "server.log"
        manage(self.environ, "migrate", "--verbosity", "0")
        manage(self.environ, "demo_data")
        self.server: Server = start(self.environ, self._log, APPLICATION)

    def stop(self) -> None:
        """End the server."""
        stop(self.server)

    def start(self) -> None:
        """Start it again where it was."""
        self.server = start(self.environ, self._log, APPLICATION, port=self.server.port)

    def board(self) -> Any:
        """Return the first project as the database has it: column to titles."""
        return json.loads(run_code(self.environ, _BOARD))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    try:
        yield demo
    finally:
        demo.stop()


def test_four_boards_converge_after_edits_offline_time_a_restart_and_a_refusal(demo):
    calls = {"stop": demo.stop, "start": demo.start, "board": demo.board}
    facts = run_scenario("demo.mjs", calls, url=demo.server.url)
    assert facts["requests"] > 8
    assert "Traceback" not in demo.server.log
