"""Prepare Python for a server that has to answer within milliseconds.

A full garbage collection of a Django process that holds live state takes a tenth of a second, and
nobody is answered meanwhile. Threads that wait for a busy event loop get their turn every five
milliseconds, at each of the ten or twenty answers that a save makes them wait for.
"""

from __future__ import annotations

import gc
import sys

THRESHOLDS = (5_000, 10, 20)
"""Objects in the youngest generation, and collections of one before the next older one."""

SWITCH_SECONDS = 0.001

_DEFAULT_THRESHOLDS = ((700, 10, 10), (2000, 10, 10), (2000, 10, 0))  # of Python 3.11 to 3.14
_DEFAULT_SWITCH_SECONDS = 0.005

_is_tuned = False


def tune() -> bool:
    """Tune this process, once; what exists now is left out of every later collection.

    What the project has set for itself stays. False: it was done before.
    """
    global _is_tuned
    if _is_tuned:
        return False
    _is_tuned = True
    gc.collect()
    gc.freeze()
    if gc.get_threshold() in _DEFAULT_THRESHOLDS:
        gc.set_threshold(*THRESHOLDS)
    if sys.getswitchinterval() == _DEFAULT_SWITCH_SECONDS:
        sys.setswitchinterval(SWITCH_SECONDS)
    return True
