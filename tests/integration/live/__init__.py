"""An application whose channel uses everything that a live context can do."""
