"""An application with list channels over the board, for tests of several processes."""
