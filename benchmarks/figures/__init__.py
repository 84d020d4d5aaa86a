"""One module per figure; each has ``measure(run)``."""
