"""Mail, calendars and people of a Google Workspace."""
