"""The first stage: what a developer declares, checked and registered."""
