"""An application whose channels the environment chooses, for servers of their own."""
