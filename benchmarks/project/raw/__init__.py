"""The floor: a socket that sends texts, and no library between."""
