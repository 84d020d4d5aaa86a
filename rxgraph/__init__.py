"""Live GraphQL state for Django: declare, compile, cache, sync, serve."""

__version__ = "0.1.0"
