"""Deterministic simulation: the real code of ``cache``, ``sync`` and the hub, in a failing world.

``choices`` decide everything, ``scheduling`` turns the clock, ``database`` keeps its history,
``storage`` and ``bus`` fail, ``processes`` run the real code, ``actors`` write, watch and break
things, ``oracle`` judges what clients saw, ``world`` joins them, ``shrinking`` makes a failure
small, ``broken`` has bugs that must be found. ``python -m tests.simulation`` runs it.
"""
