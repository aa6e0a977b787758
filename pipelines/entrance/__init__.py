"""Who comes in: the identity provider, sign-in, viewers and their roles, tokens, failed attempts."""
