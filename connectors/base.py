"""What every connector is: raw records that live in memory only, the account of what was read, and the registry."""

import importlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from ona.errors import SettingsError
from ona.tables import AccountKind, Kind, Role, SpaceKind


class Config(BaseModel):
    """Base of each connector's section ``[connectors.NAME]``; unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RawEvent(msgspec.Struct, frozen=True, gc=False):  # made in a fifth of a dataclass's time, and files hold millions
    """One message, reaction, mail or meeting with raw handles; never changed, never stored, never printed.

    Handles are canonical (``email:a@b.example``, ``slack:T1/U1``, ``id:NAMESPACE/7``), ids are namespaced
    (``mail:<Message-ID>``, ``meeting:<UID>/<recurrence>``, ``slack:<team>/<channel>/<ts>/<author>``).
    No field can hold text, a subject, a title, a file name, an emoji name or a channel name.
    """

    id: str
    kind: Kind
    sent: int  # microseconds since 1970-01-01 UTC
    sender: str
    recipients: tuple[tuple[str, Role], ...] = ()
    audience: int = 0
    space: str | None = None
    space_kind: SpaceKind | None = None
    root: str | None = None
    reply_to: str | None = None
    series: str | None = None
    lead_hours: int | None = None
    minutes: float | None = None
    flags: int = 0  # of Flag
    revision: int = 0
    rows: int = 1  # vendor rows that this event was made of

    def __repr__(self) -> str:
        """Mask everything: a record must not reach a log or a traceback."""
        return "RawEvent(…)"


RAW_RECIPIENT = pa.struct([("handle", pa.int32()), ("role", pa.uint8())])

RAW_EVENTS = pa.schema(
    {
        "id": pa.string(),
        "kind": pa.uint8(),
        "sent": pa.int64(),
        "sender": pa.int32(),  # place among the handles
        "recipients": pa.list_(RAW_RECIPIENT),
        "audience": pa.int32(),
        "space": pa.string(),
        "space_kind": pa.uint8(),
        "root": pa.string(),
        "reply_to": pa.string(),
        "minutes": pa.float32(),
        "flags": pa.uint16(),
        "revision": pa.int64(),
        "rows": pa.uint32(),
    }
)
"""The columns of raw events, as ``RawEvent`` explains them."""


@dataclass(frozen=True, slots=True, repr=False)
class RawTable:
    """Many raw events as columns, for sources that are tables themselves; never stored, never printed."""

    handles: Sequence[str]
    events: pa.Table  # RAW_EVENTS

    def records(self) -> Iterator[RawEvent]:
        """Yield the events one by one."""
        for row in self.events.to_pylist():
            people = tuple((self.handles[one["handle"]], Role(one["role"])) for one in row["recipients"])
            kinds = {"kind": Kind(row["kind"]), "space_kind": row["space_kind"] and SpaceKind(row["space_kind"])}
            yield RawEvent(**row | kinds | {"sender": self.handles[row["sender"]], "recipients": people})

    def __repr__(self) -> str:
        """Mask everything."""
        return "RawTable(…)"


@dataclass(frozen=True, slots=True, repr=False)
class RawPerson:
    """One person (or bot, room, shared mailbox) as a directory knows them; never stored, never printed."""

    handles: tuple[str, ...]  # canonical; the first one is the anchor
    name: str | None = None
    manager: str | None = None  # a handle
    dotted_manager: str | None = None
    team: str | None = None
    site: str | None = None
    function: str | None = None
    group: str | None = None
    level: int | None = None
    named_lead: bool = False
    service_role: bool = False
    on_call: bool = False
    protected: bool = False
    fte: float = 1.0
    work_days: int = 0b11111
    zone: str | None = None
    language: str | None = None
    joined: date | None = None
    left: date | None = None
    kind: AccountKind = AccountKind.MEMBER
    valid_from: date | None = None
    named_on_map: bool = False  # the person agreed to be shown by name
    objected: bool = False  # the person must not be scored, and their events must not be kept

    def __repr__(self) -> str:
        """Mask everything."""
        return "RawPerson(…)"


@dataclass(frozen=True, slots=True, repr=False)
class RawDaysOff:
    """Days on which one person was away, or which a site has off; the reason is not part of it; never printed."""

    first: date
    last: date
    person: str | None = None  # a handle
    site: str | None = None  # label, as in the HR table

    def __repr__(self) -> str:
        """Mask everything."""
        return "RawDaysOff(…)"


@dataclass(frozen=True, slots=True, repr=False)
class RawTie:
    """Contact of two people that somebody else has already added up over some weeks; never stored as it is, never printed."""

    one: str  # a handle
    other: str
    weeks: tuple[date, ...]  # Mondays over which the amount is spread
    amount: float  # hours, counts or a score above 0, in the unit of its source

    def __repr__(self) -> str:
        """Mask everything."""
        return "RawTie(…)"


@dataclass(frozen=True, slots=True, repr=False)
class RawBadge:
    """One badge or certificate as its issuer or its holder states it; never printed."""

    id: str
    holder: str  # a handle, or ``sha256$salt$digest`` to be matched over all aliases
    name: str
    issuer: str
    standard: str
    skills: tuple[str, ...] = ()
    level: str | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    status: str = "unknown"
    method: str = "none"  # how the status was found: signature, own-signature, hosted, feed, none
    visibility: str = "org"  # private, org, public: as the platform says; the person may say otherwise

    def __repr__(self) -> str:
        """Mask everything."""
        return "RawBadge(…)"


@dataclass(frozen=True, slots=True, repr=False)
class RawRating:
    """What one colleague, customer or survey says of a person or a team; never stored as it is, never printed.

    No field can hold a comment: what was said is a number on a scale.
    """

    source: str  # of ona.tables.EVIDENCE_SOURCES
    facet: str  # helper, broker, or a skill in lower case
    value: float
    scale: tuple[float, float]
    day: date
    person: str | None = None  # a handle; None where the figure is of a team
    rater: str | None = None  # a handle
    team: str | None = None  # label, as the directory names it
    weight: float = 1.0  # answers behind the value
    id: str | None = None  # None where rater, person and day say which one it is

    def __repr__(self) -> str:
        """Mask everything."""
        return "RawRating(…)"


@dataclass
class Coverage:
    """The account of one pull: every vendor row is accepted, a duplicate, dropped by a rule or quarantined.

    ``read`` is counted where rows are read, the others where their fate is decided, so that the sum is a check.
    """

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    first: int | None = None  # microseconds since 1970-01-01 UTC, of accepted events
    last: int | None = None
    notes: Counter[str] = field(default_factory=Counter)  # facts that are not rows, by code

    @property
    def balanced(self) -> bool:
        """Whether every row read has found its place."""
        return self.read == self.accepted + self.duplicate + self.dropped.total() + self.quarantined.total()


@dataclass(frozen=True)
class Cursor:
    """How far each stream (file, channel, mailbox) has been read and durably stored; opaque to all but its connector."""

    streams: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class EventConnector(Protocol):
    """Reads messages, mails or meetings."""

    def __init__(self, config: Any) -> None:
        """Take the connector's own Config."""

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield events in the vendor's order, counting each row read, dropped or quarantined."""

    def size(self) -> int | None:
        """Return about how many rows there are, for progress; None when unknown. Reads no row."""


@runtime_checkable
class TableConnector(Protocol):
    """Reads events a table at a time beside ``events``, which gives the same one by one."""

    def tables(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawTable]:
        """Yield tables of events, counting each row read, dropped or quarantined."""


@runtime_checkable
class PeopleConnector(Protocol):
    """Reads people: an HR file, a directory, the users of a chat system."""

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield people."""


@runtime_checkable
class DaysOffConnector(Protocol):
    """Reads when people were away and which holidays sites have."""

    def days_off(self, coverage: Coverage) -> Iterator[RawDaysOff]:
        """Yield spans of days."""


@runtime_checkable
class TieConnector(Protocol):
    """Reads contact that was added up elsewhere, so that no single event of it is known."""

    def ties(self, coverage: Coverage) -> Iterator[RawTie]:
        """Yield ties."""


@runtime_checkable
class BadgeConnector(Protocol):
    """Reads badges and certificates."""

    def badges(self, coverage: Coverage) -> Iterator[RawBadge]:
        """Yield badges."""


@runtime_checkable
class EvidenceConnector(Protocol):
    """Reads what people say of each other: 360 feedback, recognition, surveys, customer satisfaction."""

    def sources(self) -> tuple[str, ...]:
        """Return which of ``ona.tables.EVIDENCE_SOURCES`` it reads; what was stored of these is replaced."""

    def evidence(self, coverage: Coverage) -> Iterator[RawRating]:
        """Yield ratings."""


FAMILIES = ("slack", "microsoft", "google", "files", "badges")
"""Folders that hold connectors; a new one is a new line here and in the import contracts."""


def connector_names() -> dict[str, str]:
    """Return connector name → module, by looking at file names and text only: no SDK is imported.

    A connector is a module of a family folder that defines ``class Connector``; its name is the file's in ``files``
    and ``FAMILY_FILE`` elsewhere. One that stands beside the folders has the name of its file.
    """
    here = Path(__file__).parent
    alone = (path for path in sorted(here.glob("*.py")) if "\nclass Connector:" in path.read_text(encoding="utf-8"))
    found = {path.stem: f"connectors.{path.stem}" for path in alone}
    for family in FAMILIES:
        for path in sorted((here / family).glob("*.py")):
            if "\nclass Connector" in path.read_text(encoding="utf-8"):
                name = path.stem if family == "files" else f"{family}_{path.stem}"
                found[name] = f"connectors.{family}.{path.stem}"
    return found


def open_connector(name: str, section: Mapping[str, object]) -> Any:
    """Build the connector of that name from its section of the settings.

    Raises
    ------
    SettingsError
        When there is no connector of that name; the message lists those there are.
    pydantic.ValidationError
        When the section does not fit the connector's ``Config``.
    """
    modules = connector_names()
    if name not in modules:
        raise SettingsError(f"There is no connector {name!r}. There are: {', '.join(modules)}.")
    module = importlib.import_module(modules[name])
    return module.Connector(module.Config.model_validate(dict(section)))
