"""Where a viewer goes next: a path of this service, never another place."""

from urllib.parse import urlsplit

LONGEST = 500


def own_path(text: str) -> str:
    """Return a relative path of this service; anything that a browser could take for another place is the front page."""
    plain = text.isascii() and text.isprintable() and "\\" not in text and len(text) <= LONGEST
    if not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    return text if not parts.scheme and not parts.netloc else "/"
