"""A workshop: models of every shape that a write can meet."""
