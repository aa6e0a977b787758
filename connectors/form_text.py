"""Requests of a library that writes parts of its forms as bytes, which the client that carries them would spell as Python does: b'…'."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True)
class FormText:
    """Carries GET and POST; a signed assertion given as bytes arrives as the text that it is."""

    client: "httpx2.Client"

    def get(self, url: str, **more: Any) -> "httpx2.Response":
        """Ask."""
        return self.client.get(url, **more)

    def post(self, url: str, *, data: Mapping[str, object] | None = None, **more: Any) -> "httpx2.Response":
        """Send a form."""
        text = {name: value.decode("ascii") if isinstance(value, bytes) else value for name, value in (data or {}).items()}
        return self.client.post(url, data=text, **more)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()
