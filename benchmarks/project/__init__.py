"""A project board with one live channel, declared for RxGraph and for RxDjango.

``board`` is what both have in common, ``ours`` and ``theirs`` are what each of them adds.
"""
