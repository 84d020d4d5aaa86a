"""The board as it is written without RxGraph: mutations, and a state that nothing moves."""
