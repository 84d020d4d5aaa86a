"""Root models whose channels have ``optimize_anchors``."""
