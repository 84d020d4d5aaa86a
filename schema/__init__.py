"""The service's contract: composed schema, committed SDL, the protocol in words."""

from schema.service import schema, sdl

__all__ = ["schema", "sdl"]
