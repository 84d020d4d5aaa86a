"""Strange documents, values, cursors, frames and requests against a real server.

Every generator takes a ``Random``: Hypothesis hands in its own in the usual tests;
``python -m tests.fuzzing --cases N`` hands in seeded ones, which are quicker.
"""
