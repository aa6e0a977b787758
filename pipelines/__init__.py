"""From sources to a published scan."""
