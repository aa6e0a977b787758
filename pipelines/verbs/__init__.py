"""The verbs of the command line, a module an area; each is imported when one of its verbs is called."""
