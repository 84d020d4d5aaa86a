"""An app with a channel beside the board's: its actions are what tests call."""
