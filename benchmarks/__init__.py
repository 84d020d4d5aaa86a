"""The figures of ``docs/benchmarks.md``, one command each: ``python -m benchmarks read``.

Both sides run in the same run, on the same data and the same services, in turn. What is under
``project`` also runs in the peer's environment, so it imports neither the rest nor ``rxgraph``.
"""
