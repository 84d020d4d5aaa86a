"""The board, live by RxGraph."""
