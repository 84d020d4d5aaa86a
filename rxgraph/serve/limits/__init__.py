"""What one client may ask for, and how often (docs/limits.md)."""
