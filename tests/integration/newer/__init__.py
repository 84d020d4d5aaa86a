"""The next version of the board, for tests: titles are shouted, so that a mixture would show."""
