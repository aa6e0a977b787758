"""Steps from each released schema to the next, for the service database and for the vault."""
