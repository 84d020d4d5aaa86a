"""The board, live by RxDjango."""
