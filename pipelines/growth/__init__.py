"""What follows from a scan for those who want it: needs, mentoring, nudges, surveys, credentials."""
