"""What a network connector offers beside reading: durable steps, a scope check, a forecast, and the account of whom it asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import Field

import connectors.base
from connectors.base import Coverage, Cursor, RawEvent
from connectors.http import Options, Watch
from connectors.lanes import PLACES
from connectors.pace import SAFETY, SYSTEM, Clock


class Config(connectors.base.Config):
    """Settings that all network connectors share."""

    authority: Path | None = None
    """Certificate file of the only authority to trust, for a test service; by default the system's."""
    proxy: str | None = None
    """Address of the proxy; none is taken from the environment."""
    pace: float = 1.0
    """Factor on the documented call rates: below 1 to be gentle, above it only for a test service."""
    private_network: bool = False
    """Whether the service stands at a private address, inside the company's own network; without, such an address is refused."""
    abreast: int = Field(default=PLACES, ge=1, le=32)
    """Mailboxes or calendars read side by side: while one waits, others go on."""


@dataclass(frozen=True, repr=False)
class Whole:
    """Everything that a service still has of a place: what is stored of it and did not come again was deleted there.

    With ``root`` it is all replies of one thread (``root`` as in ``RawEvent``), with ``organizers`` all meetings that these
    handles of one person called, else all messages of a space that begin threads or stand alone; the last two from ``start``
    up to but without ``end`` (microseconds since 1970 UTC). A step with organizers holds the organizer's own copies alone:
    where those are gone, what others still have in their calendars is gone too.
    """

    space: str
    start: int = 0
    end: int = 0
    root: str | None = None
    organizers: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Step:
    """Some events, and how far their streams have been read once these are stored: the two are committed together."""

    events: Sequence[RawEvent]
    streams: Mapping[str, str] = field(default_factory=dict)
    whole: tuple[Whole, ...] = ()


@runtime_checkable
class SteppedConnector(Protocol):
    """Reads events in steps, so that a killed pull goes on where it was committed last.

    It is opened as ``Connector(config)``; whoever pulls may then replace ``around``, so clients are made at the first call.
    """

    around: "Surroundings"

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield steps; what one stream could not give is counted in the coverage and never stops the others."""


@dataclass(frozen=True)
class Scopes:
    """What a token may do against what the connector needs."""

    granted: tuple[str, ...]
    needed: tuple[str, ...]
    too_wide: tuple[str, ...]  # granted, and able to read content, change something or see private places

    @property
    def missing(self) -> tuple[str, ...]:
        """Return what is needed and not granted."""
        return tuple(scope for scope in self.needed if scope not in self.granted)


@runtime_checkable
class CheckedConnector(Protocol):
    """Can say what its token may do."""

    def check(self) -> Scopes:
        """Ask the service what the token may do; reads no record."""


@dataclass(frozen=True)
class Plan:
    """What a pull would do under the limits that are known."""

    people: int
    streams: int  # channels, mailboxes, or spans of time where nobody's own is asked for; none of a list of people
    calls: int
    seconds: float
    not_read: tuple[str, ...]  # what stays unread, in words


PROBED = 100
"""Mailboxes, calendars or channels that a forecast looks at; the others are taken to be like them."""


@dataclass
class Meter:
    """Reckons a plan from the first calls of a connector: how long they took, and how many there will be."""

    clock: Clock
    per_minute: float
    overlapping: int = 1
    """Calls that a pull has under way at once."""
    made: int = 0
    """Calls that the forecast itself has made, as a pull does before it reads anything."""

    def __post_init__(self) -> None:
        """Begin to measure."""
        self._begun = self.clock.tick()

    def plan(self, owners: int, probed: Sequence[float], before: int, not_read: tuple[str, ...]) -> Plan:
        """Return the plan: ``before`` calls for lists of people, then as many per owner as those that were looked at take on average."""
        calls = before + round(owners * sum(probed) / len(probed)) if probed else before
        took = (self.clock.tick() - self._begun) / max(1, self.made)
        each = max(took / max(1, min(self.overlapping, owners)), 60.0 / (self.per_minute * SAFETY))
        return Plan(owners, owners, calls, calls * each, not_read)


@runtime_checkable
class ForecastConnector(Protocol):
    """Can say how long a pull takes before it begins."""

    def forecast(self, cursor: Cursor) -> Plan:
        """Count people, streams and calls with a few cheap calls; reads no record."""


@dataclass(frozen=True)
class Surroundings:
    """What a connector is given by whoever opens it: the clock, and who wants to see the progress of its streams."""

    clock: Clock = SYSTEM
    watch: Watch | None = None


def options(config: Config, around: Surroundings, rates: Mapping[str, float]) -> Options:
    """Return what a client is given by settings and surroundings: whom to trust, which way to go, calls a minute at the chosen pace."""
    return Options(
        clock=around.clock,
        authority=config.authority,
        proxy=config.proxy,
        private=config.private_network,
        rates={method: rate * config.pace for method, rate in rates.items()},
        watch=around.watch,
    )


@dataclass
class Asked:
    """Who was asked (channels, mailboxes), and what became of each; kept among the notes of the coverage, without names."""

    coverage: Coverage
    kind: str  # channels, mailboxes, calendars

    def asked(self, count: int) -> None:
        """Count those that the settings allow."""
        self.coverage.notes[f"{self.kind}_asked"] += count

    def read(self) -> None:
        """Count one that was read to its end."""
        self.coverage.notes[f"{self.kind}_read"] += 1

    def refused(self, code: str) -> None:
        """Count one that the service did not let us read."""
        self.coverage.notes[f"{self.kind}_refused_{code}"] += 1

    def skipped(self, code: str) -> None:
        """Count one that was left out on purpose or put off until the next pull."""
        self.coverage.notes[f"{self.kind}_skipped_{code}"] += 1
