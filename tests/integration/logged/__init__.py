"""An application with a channel that fails, for what is written about it."""
