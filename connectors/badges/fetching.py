"""Hosted badges and status lists: fetched from listed hosts over TLS, small, quick, without redirects, never from a private address."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from connectors.http import Client, Options, anything
from connectors.pace import SYSTEM, Clock, Policy
from connectors.pinning import Resolve, is_public, resolved
from ona.errors import ConnectorError

MAX_BYTES = 2**20
SECONDS = 20.0
PER_MINUTE = 60.0
POLICY = Policy(tries=3, budget=30.0, longest_wait=15.0, call_seconds=SECONDS, largest_answer=MAX_BYTES, largest_ratio=50)


class UnfetchedError(OSError):
    """A document could not be fetched or may not be: what it would have told stays unknown."""


@dataclass
class Fetcher:
    """Fetches documents, one client for each listed host."""

    hosts: frozenset[str]
    authority: Path | None = None
    proxy: str | None = None
    clock: Clock = SYSTEM
    resolve: Resolve = resolved
    clients: dict[str, Client] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, url: str) -> bytes:
        """Return a document of a listed host, each fetched once, or raise UnfetchedError."""
        if url not in self.kept:
            self.kept[url] = self._fetched(url)
        return self.kept[url]

    def close(self) -> None:
        """Close all connections."""
        for client in self.clients.values():
            client.close()
        self.clients.clear()

    def _fetched(self, url: str) -> bytes:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" or host not in self.hosts or parts.username is not None:
            raise UnfetchedError("This address is on no listed host")
        if not self._is_public(host):
            raise UnfetchedError("A listed host has a private address")
        try:
            return self._client(parts.netloc).stream("badges").get(url).body
        except ConnectorError as error:
            raise UnfetchedError(f"A document was not fetched ({type(error).__name__})") from None

    def _is_public(self, host: str) -> bool:
        """Return whether a host is outside: its name is looked up once more when it is connected to, and judged by that."""
        try:
            found = list(self.resolve(host))
        except OSError:
            return False
        return bool(found) and all(map(is_public, found))

    def _client(self, netloc: str) -> Client:
        if netloc not in self.clients:
            options = Options(POLICY, self.clock, self.authority, self.proxy, self.resolve, rates={"": PER_MINUTE}, judge=anything)
            self.clients[netloc] = Client(f"https://{netloc}/", None, options)
        return self.clients[netloc]
