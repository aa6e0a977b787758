"""Whom a call really goes to: a name is looked up once, its addresses are judged, and one of those is connected to, no other."""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx2

from ona.errors import ConnectorError, SettingsError

MOST_ADDRESSES = 4
"""Addresses of one host that are tried, one after the other."""

Resolve = Callable[[str], Iterable[str]]
"""Returns the addresses behind a host's name."""


class PrivateAddressError(ConnectorError):
    """A name leads into a private network; nothing was sent."""

    def __init__(self) -> None:
        """Say so, without the name."""
        super().__init__(
            "The name of a service leads to a private address; nothing was sent there. If the service is inside your own network, "
            "set private_network = true for its connector; else look at who answers your name look-ups."
        )


def resolved(host: str) -> list[str]:
    """Return the addresses behind a host's name as the machine sees them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Return whether an address can be reached from everywhere."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return found.is_global and not found.is_multicast


def trusting(authority: Path | None) -> ssl.SSLContext:
    """Return what says which servers are who they say: the system's authorities, or one alone."""
    try:
        return ssl.create_default_context(cafile=None if authority is None else str(authority))
    except OSError as error:
        raise SettingsError(f"The certificate file {authority} cannot be read ({error.strerror}). Mend `authority` in ona.toml.") from None


class Pinned(httpx2.BaseTransport):
    """Connects to addresses that were judged, under the host's own name: TLS and the Host header keep it.

    A look-up that changes between judging and connecting changes nothing. It is made again after all addresses failed.
    An address in place of a name was written down by the operator and is taken as it is.
    """

    def __init__(self, trust: ssl.SSLContext, resolve: Resolve = resolved, *, private: bool = False) -> None:
        """Take whom to trust, who looks names up, and whether private addresses are wanted."""
        self._inner = httpx2.HTTPTransport(verify=trust, trust_env=False)
        self._resolve, self._private = resolve, private
        self._known: dict[str, tuple[str, ...]] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        host = request.url.host
        failure = httpx2.ConnectError("No address answers", request=request)
        for address in self._addresses(host, request):
            try:
                return self._inner.handle_request(_to(request, address, host))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error if isinstance(error, httpx2.ConnectError) else failure
        self._known.pop(host, None)
        raise failure

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()

    def _addresses(self, host: str, request: httpx2.Request) -> tuple[str, ...]:
        if _is_literal(host):
            return (host,)
        if host not in self._known:
            try:
                found = tuple(dict.fromkeys(self._resolve(host)))
            except OSError:
                raise httpx2.ConnectError("The name cannot be looked up", request=request) from None
            if not self._private and not all(map(is_public, found)):
                raise PrivateAddressError
            self._known[host] = found[:MOST_ADDRESSES]
        return self._known[host]


def transport(trust: ssl.SSLContext, proxy: str | None, resolve: Resolve = resolved, *, private: bool = False) -> httpx2.BaseTransport:
    """Return what carries calls; behind a proxy it is the proxy that looks names up, and that alone is connected to."""
    if proxy:
        return httpx2.HTTPTransport(verify=trust, proxy=proxy, trust_env=False)
    return Pinned(trust, resolve, private=private)


def carrier(authority: Path | None, proxy: str | None, seconds: float, *, private: bool) -> httpx2.Client:
    """Return what carries sign-ins: trusts whom the settings name, whatever stands in the environment, and follows nobody elsewhere."""
    return httpx2.Client(transport=transport(trusting(authority), proxy, private=private), trust_env=False, timeout=seconds)


def _to(request: httpx2.Request, address: str, host: str) -> httpx2.Request:
    """Return the request as it goes to one address."""
    if address == host:
        return request
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
