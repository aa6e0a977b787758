"""What all fake vendors share: the simulated company, time, faults, tokens, opaque cursors, call limits, and how a route is written."""

import base64
import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from connectors.pace import SYSTEM, Clock
from connectors.simulated.faults import Faults
from connectors.simulated.identities import Identities
from ona.simulate.company import Company

WINDOW = 60.0  # seconds, of call limits

Json = dict[str, Any]


@dataclass(frozen=True, repr=False)
class Call:
    """One request, decoded."""

    verb: str
    path: str
    parts: Mapping[str, str]  # of the path, by the names in the route
    given: Mapping[str, str]  # query and form
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    address: str  # https://host:port
    scopes: frozenset[str] = frozenset()  # of the token


@dataclass(frozen=True, repr=False)
class Reply:
    """One answer."""

    content: object  # bytes, or something JSON can hold
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """Return the bytes."""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content, separators=(",", ":")).encode()


Handler = Callable[["World", Call], Reply]


@dataclass(frozen=True)
class Route:
    """One method of a vendor: its path with ``{names}``, who answers, and its limit."""

    path: str
    handler: Handler
    method: str  # name under which calls are counted, limited and made to fail
    verbs: tuple[str, ...] = ("GET", "POST")
    per_minute: float | None = None
    public: bool = False  # needs no token
    steady: bool = False  # never fails by chance


class Vendor(Protocol):
    """One fake vendor, a module of ``connectors.simulated.vendors``."""

    def routes(self, world: "World") -> Sequence[Route]:
        """Return the methods."""

    def refusal(self, code: str) -> Reply:
        """Return how the vendor words ``no_token``, ``dead_token``, ``limited`` and ``failed``."""


@dataclass
class Tokens:
    """Access tokens by what they may do; one may die after some calls."""

    issued: dict[str, frozenset[str]] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)  # calls until a token dies

    def issue(self, name: str, scopes: Sequence[str], calls: int | None = None) -> str:
        """Issue a token; with ``calls`` it dies after as many."""
        token = f"{name}-{len(self.issued) + 1}"
        self.accept(token, scopes, calls)
        return token

    def accept(self, token: str, scopes: Sequence[str], calls: int | None = None) -> None:
        """Know a token by its text."""
        self.issued[token] = frozenset(scopes)
        if calls is not None:
            self.left[token] = calls

    def revoke(self, token: str) -> None:
        """Let a token die now."""
        self.left[token] = 0

    def spend(self, token: str) -> frozenset[str] | str:
        """Return what the token may do, or why it may nothing: ``no_token`` or ``dead_token``."""
        if token not in self.issued:
            return "no_token"
        if token in self.left:
            if self.left[token] <= 0:
                return "dead_token"
            self.left[token] -= 1
        return self.issued[token]


@dataclass
class World:
    """One company and one time for all vendors."""

    company: Company
    clock: Clock = SYSTEM
    faults: Faults = field(default_factory=Faults)
    tokens: Tokens = field(default_factory=Tokens)
    latency: float = 0.2  # seconds that a call takes on a fake clock
    pace: float = 1.0  # factor on all limits
    limits: dict[str, float] = field(default_factory=dict)  # calls a minute by method, in place of the route's own
    deleted: set[str] = field(default_factory=set)  # records that somebody deleted, by their vendor's own ids
    stores: dict[str, Any] = field(default_factory=dict)  # what a vendor made of the company, by vendor
    calls: list[tuple[str, float]] = field(default_factory=list)  # method and time of every call
    refused: dict[str, int] = field(default_factory=dict)  # calls over their limit, by method
    _windows: dict[str, deque[float]] = field(default_factory=dict)

    @cached_property
    def identities(self) -> Identities:
        """Return who is who."""
        return Identities(self.company)

    @property
    def now(self) -> int:
        """Return microseconds since 1970 UTC: nothing later than this has happened yet."""
        return int(self.clock.now() * 1_000_000)

    def wait_for(self, route: Route) -> int | None:
        """Count a call; return the seconds to wait when it is over the limit of its method."""
        now, limit = self.clock.now(), self.limits.get(route.method, route.per_minute)
        self.calls.append((route.method, now))
        if limit is None:
            return None
        limit *= self.pace
        window = self._windows.setdefault(route.method, deque())
        while window and window[0] <= now - WINDOW:
            window.popleft()
        if len(window) < limit:
            window.append(now)
            return None
        self.refused[route.method] = self.refused.get(route.method, 0) + 1
        return max(1, math.ceil(window[0] + WINDOW - now))


def sealed(state: object) -> str:
    """Return an opaque cursor or token that only ``opened`` can read."""
    text = base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")
    return f"{hashlib.sha256(text.encode()).hexdigest()[:10]}{text}"


def opened(cursor: str) -> Any:
    """Return what was sealed, None when the cursor was not made here."""
    text = cursor[10:]
    if hashlib.sha256(text.encode()).hexdigest()[:10] != cursor[:10]:
        return None
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def page_of(items: Sequence[Any], place: int, size: int) -> tuple[list[Any], int | None]:
    """Return a page of a list and where the next one begins, None after the last."""
    after = place + size
    return list(items[place:after]), after if after < len(items) else None
