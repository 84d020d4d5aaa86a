"""One Django process that does what it is told: what ``manage.py shell`` is to people.

Each line of its standard input is a JSON list ``["package.module:function", arguments]``; each is
answered by a line ``{"value": …}`` or ``{"error": traceback}``. Between two lines connections are
treated as between two requests: one that broke is made anew.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from typing import TextIO

import django
from django.db import close_old_connections


def main() -> None:
    """Answer until the input ends."""
    django.setup()
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever prints must not disturb the answers
    answer_all(sys.stdin, answers)


def answer_all(lines: Iterable[str], answers: TextIO) -> None:
    """Do what *lines* say until they end."""
    for line in lines:
        name, arguments = json.loads(line)
        module, function = name.split(":")
        try:
            close_old_connections()
            answer = {"value": getattr(import_module(module), function)(*arguments)}
        except BaseException:  # noqa: BLE001 - told to whoever asked
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
