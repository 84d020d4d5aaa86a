"""The process that simulates: it lives in virtual time.

Its one argument is a ``running.Job`` as JSON. ``PYTHONHASHSEED`` is 0, so that sets of texts have
the same order in every process: without that a seed would not replay.
"""

from __future__ import annotations

import json
import sys

import django

from tests.simulation import clock


def main() -> None:
    """Set the clock, then import what looks at it."""
    clock.install()
    django.setup()
    from tests.simulation.running import Job
    from tests.simulation.working import do

    do(Job(**json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
