"""``scripts/test faults``: play rounds until the time is over, or until one of them fails."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import django

from tests.faults.tally import Diary, Tally


def main() -> int:
    """Run, and return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/test faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long, at least one round")
    parser.add_argument("--seed", type=int, default=None, help="of the first round")
    parser.add_argument("--rounds", type=int, default=None, help="how many, instead of --minutes")
    parser.add_argument("--seconds", type=float, default=20.0, help="the loud part of a round")
    parser.add_argument("--only", default="", help="kinds of faults, with commas between them")
    parser.add_argument("--keep", type=Path, default=None, help="folder for logs and recordings")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.integration.served_settings")
    django.setup()
    seed = arguments.seed if arguments.seed is not None else int(time.time())
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="rxgraph-faults-logs-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        is_clean = asyncio.run(_run(seed, folder, arguments))
    except asyncio.CancelledError:
        _say("ended from outside")
        return 130
    if is_clean and arguments.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_clean else 1


async def _run(seed: int, folder: Path, arguments: argparse.Namespace) -> bool:
    main_task = asyncio.current_task()
    assert main_task is not None
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        asyncio.get_running_loop().add_signal_handler(stop, main_task.cancel)
    only = frozenset(filter(None, arguments.only.split(",")))
    tally, began = Tally(), time.monotonic()
    try:
        return await _play(seed, folder, arguments, only, tally)
    finally:
        for line in tally.lines(time.monotonic() - began):
            _say(line)


async def _play(
    seed: int, folder: Path, arguments: argparse.Namespace, only: frozenset[str], tally: Tally
) -> bool:
    from tests.faults.plan import plan
    from tests.faults.round import Round, seeds
    from tests.faults.world import world

    began = time.monotonic()
    _say(f"fault run from seed {seed}; logs in {folder}")
    is_clean = True
    async with world(folder) as here:
        for number, chosen in enumerate(seeds(seed)):
            over = time.monotonic() - began >= arguments.minutes * 60
            if number and (over if arguments.rounds is None else number >= arguments.rounds):
                break
            tally.seeds.append(chosen)
            diary = Diary(folder / f"round-{chosen}", chosen)
            played = time.monotonic()
            try:
                await Round(here, plan(chosen, arguments.seconds, only), tally, diary).play()
            except Exception as error:  # noqa: BLE001 - it is told, with how to see it again
                _tell(error, chosen, diary.end(), folder)
                is_clean = False
                break
            finally:
                diary.close()
            _say(f"seed {chosen}: clean, {time.monotonic() - played:.1f} s")
            shutil.rmtree(diary.folder, ignore_errors=True)
    return is_clean


def _tell(error: BaseException, seed: int, last: list[str], folder: Path) -> None:
    _say(f"seed {seed} FAILED")
    for line in last:
        _say(f"  {line}")
    _say("".join(traceback.format_exception(error)))
    _say(
        f"what happened: {folder}/round-{seed}/operations.log; what clients were told is beside it"
    )
    _say(f"the same choices again: scripts/test faults --seed {seed} --rounds 1")
    _say("who runs how fast is not part of a seed: it may take several tries")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
