"""Mail, calendars, people and message traces of a Microsoft 365 tenant, through Microsoft Graph."""
