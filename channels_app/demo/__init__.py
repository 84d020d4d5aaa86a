"""Believable data for the board: what it says (``content``) and how it is stored (``fill``)."""
