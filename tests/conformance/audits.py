"""Run audits that are written in JavaScript, and tell what they found."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Finding:
    """What one audit found.

    ``level`` is MUST, SHOULD, MAY or MAY NOT; ``status`` is "ok", or how bad it is.
    """

    id: str
    level: str
    name: str
    status: str
    reason: str | None = None

    @property
    def is_ok(self) -> bool:
        """True when the server does as the audit wants."""
        return self.status == "ok"


def run_audits(script: str, **options: Any) -> list[Finding]:
    """Return what a script beside this file finds."""
    return [Finding(**line) for line in run_lines(script, **options)]


def run_lines(script: str, **options: Any) -> list[dict[str, Any]]:
    """Return the JSON lines that a script beside this file prints."""
    done = subprocess.run(  # noqa: S603
        ["node", str(HERE / script), json.dumps(options)],  # noqa: S607
        capture_output=True,
        check=False,
        timeout=300,
        text=True,
    )
    if done.returncode:
        raise AssertionError(f"{script} failed:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def failed(findings: Sequence[Finding], *levels: str) -> list[str]:
    """Return the audits of *levels* that failed, as a line each."""
    return [
        f"{item.id} {item.level} {item.name}: {item.reason}"
        for item in findings
        if item.level in levels and not item.is_ok
    ]


def report(title: str, findings: Sequence[Finding], notes: Mapping[str, str] | None = None) -> str:
    """Return a text for people: counts by level, then what did not pass and why that is."""
    total = Counter(item.level for item in findings)
    passed = Counter(item.level for item in findings if item.is_ok)
    counts = ", ".join(f"{passed[level]} of {total[level]} {level}" for level in total)
    lines = [f"{title}: {counts}"]
    for item in findings:
        if not item.is_ok:
            lines.append(f"  {item.level} {item.id}: {item.name}: {item.reason}")
            lines += [f"    {notes[item.id]}"] if notes and item.id in notes else []
    return "\n".join(lines)
