"""``python -m tests.isolation --examples 200 --steps 40``: a long run, broken rules included."""

from __future__ import annotations

import argparse
import os
import sys

import pytest


def main() -> int:
    """Run the tests of this folder with other numbers."""
    parser = argparse.ArgumentParser(prog="scripts/test isolation")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=40)
    given, rest = parser.parse_known_args()
    os.environ["RXGRAPH_ISOLATION_EXAMPLES"] = str(given.examples)
    os.environ["RXGRAPH_ISOLATION_STEPS"] = str(given.steps)
    paths = ["tests/isolation", "tests/integration/test_isolation_cluster.py"]
    no_limit = ["-o", "faulthandler_timeout=0"]  # one test is all of the examples
    return int(pytest.main(["-q", "-s", *no_limit, *paths, *rest]))


if __name__ == "__main__":
    sys.exit(main())
