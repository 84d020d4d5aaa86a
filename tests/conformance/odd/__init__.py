"""Channels for what the board does not have: a slow answer, and a stream that ends by itself."""
