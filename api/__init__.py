"""The doors: what a viewer may see, as JSON and as pages."""
