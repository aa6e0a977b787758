"""Files that any system can write: mail archives, calendars, event tables, HR tables."""
