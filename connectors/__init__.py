"""Vendor records in, pseudonymous rows out: the only code that sees a raw address."""
