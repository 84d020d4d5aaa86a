"""The long run: ``python -m tests.fuzzing --cases 100000``.

A finding is printed with the arguments that send its case once more, such as
``--seed 1 --family documents --first 4711 --cases 1``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.fuzzing.families import FAMILIES, Family
from tests.fuzzing.oracle import Finding
from tests.fuzzing.target import Target, target

#: Megabytes that the server may grow by, from what it has after the first cases.
_GROWTH_MB = 150


class Run:
    """One long run."""

    def __init__(self, target: Target, seed: str) -> None:
        self._target, self._seed = target, seed
        self.findings: list[str] = []
        self.outcomes: dict[str, Counter[str]] = {name: Counter() for name in FAMILIES}

    async def batch(self, name: str, family: Family, numbers: range) -> None:
        """Send some cases; when something is wrong, one by one."""
        cases = [self._case(name, family, number) for number in numbers]
        try:
            self.outcomes[name].update(await family.send(self._target, cases))
            self._check_log()
        except Finding as error:
            await self._alone(name, family, numbers, str(error))

    async def _alone(self, name: str, family: Family, numbers: range, reason: str) -> None:
        found = 0
        for number in numbers:
            case = self._case(name, family, number)
            try:
                self.outcomes[name].update(await family.send(self._target, [case]))
                self._check_log()
            except Finding as error:
                found += 1
                self._tell(name, number, f"{error}\n    {case!r:.1500}")
        if not found:
            self._tell(name, numbers.start, f"only together with {len(numbers) - 1} more: {reason}")

    def _case(self, name: str, family: Family, number: int) -> object:
        random = Random(f"{self._seed}:{name}:{number}")
        return family.make(random, self._target)

    def _check_log(self) -> None:
        if lines := self._target.new_troubles():
            raise Finding(f"the log says {lines[:3]}")

    def _tell(self, name: str, number: int, reason: str) -> None:
        self.outcomes[name]["FINDING"] += 1
        self.findings.append(
            f"--seed {self._seed} --family {name} --first {number} --cases 1: {reason}"
        )
        _print(self.findings[-1])


async def run(target: Target, options: argparse.Namespace) -> int:
    """Send all cases, and print what came of it."""
    going, begun, done = Run(target, options.seed), time.monotonic(), 0
    memory = None
    names = [options.family] if options.family else list(FAMILIES)
    share = sum(FAMILIES[name].share for name in names)
    places = dict.fromkeys(names, options.first)
    wanted = {name: round(options.cases * FAMILIES[name].share / share) for name in names}
    with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C: tell what has been done so far
        while any(wanted.values()):
            for name in names:
                family = FAMILIES[name]
                count = min(wanted[name], family.at_once)
                if count:
                    numbers = range(places[name], places[name] + count)
                    await going.batch(name, family, numbers)
                    places[name] += count
                    wanted[name] -= count
                    done += count
            if memory is None and done > min(5000, options.cases / 5):
                memory = target.memory_mb
            if done % 5000 < 80:
                _print(f"{done} cases, {time.monotonic() - begun:.0f} s, {target.memory_mb:.0f} MB")
    for name, counter in going.outcomes.items():
        _print(
            f"{name}: {counter.total()}", *(f"  {n:7} {key}" for key, n in counter.most_common())
        )
    grown = target.memory_mb - (memory or 0)
    _print(f"{done} cases in {time.monotonic() - begun:.0f} s; {len(going.findings)} findings;"
           f" the server grew by {grown:.0f} MB since its first cases")  # fmt: skip
    return bool(going.findings or grown > _GROWTH_MB)


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--family", choices=list(FAMILIES))
    parser.add_argument("--first", type=int, default=0)
    with TemporaryDirectory() as name, target(Path(name)) as found:
        return asyncio.run(run(found, parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
