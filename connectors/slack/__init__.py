"""Slack: records, and the export archive they come in."""
