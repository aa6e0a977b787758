"""A tiny company of accounts 1 to 9 and a builder of events, so that a test reads like what happened."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import pyarrow as pa
import pytest

from ona.rules import TieRules
from ona.tables import ACCOUNTS, EVENTS, OUT_OF_HOURS, AccountKind, Kind, Role, SpaceKind
from ona.ties.weekly import Context, Weekly, weekly
from pipelines.engine.duckdb import Engine

MONDAY = date(2026, 6, 29)


@dataclass
class Log:
    """Events in the making; every method returns the id of the event that it adds."""

    rows: list[dict[str, object]] = field(default_factory=list)

    def add(self, kind: Kind, sender: int, at: str, to: Sequence[tuple[int, Role]] = (), **columns: object) -> int:
        """Add one event; ``at`` is day and time after Monday, "0 10:00"."""
        day, clock = at.split()
        hour, minute = map(int, clock.split(":"))
        sent = datetime.combine(MONDAY, datetime.min.time()) + timedelta(days=int(day), hours=hour, minutes=minute)
        row = dict.fromkeys(EVENTS.schema.names) | {
            "event": 1000 + len(self.rows), "source": "test", "kind": kind, "sent": sent, "day": sent.date(),
            "week": sent.date() - timedelta(days=sent.weekday()), "bin": hour + (0 if 8 <= hour < 18 else OUT_OF_HOURS), "sender": sender,
            "recipients": [{"account": account, "role": role} for account, role in to], "audience": len(to), "flags": 0, "revision": 0,
        } | columns  # fmt: skip
        self.rows.append(row)
        return int(str(row["event"]))

    def mail(self, sender: int, at: str, to: Sequence[int], cc: Sequence[int] = (), **columns: object) -> int:
        """Add a mail."""
        named = [(account, Role.TO) for account in to] + [(account, Role.CC) for account in cc]
        return self.add(Kind.MAIL, sender, at, named, **{"space_kind": SpaceKind.MAIL} | columns)

    def post(
        self, sender: int, at: str, *, root: int | None = None, mention: Sequence[int] = (), space: int = 77, **columns: object
    ) -> int:
        """Add a channel message."""
        to = [(account, Role.MENTIONED) for account in mention]
        return self.add(
            Kind.MESSAGE, sender, at, to, **{"space": space, "space_kind": SpaceKind.CHANNEL, "root": root, "reply_to": root} | columns
        )

    def direct(self, sender: int, at: str, to: Sequence[int], **columns: object) -> int:
        """Add a direct message."""
        space = 5000 + sum(1 << account for account in {sender, *to} if account < 40)
        kind = SpaceKind.DIRECT if len(to) == 1 else SpaceKind.GROUP
        return self.add(Kind.MESSAGE, sender, at, [(account, Role.TO) for account in to], **{"space": space, "space_kind": kind} | columns)

    def react(self, sender: int, at: str, to: int, *, root: int | None = None) -> int:
        """Add a reaction to an event."""
        return self.add(Kind.REACTION, sender, at, (), space=77, space_kind=SpaceKind.CHANNEL, reply_to=to, root=root)

    def meet(self, sender: int, at: str, minutes: float, *to: tuple[int, Role], **columns: object) -> int:
        """Add a meeting."""
        return self.add(Kind.MEETING, sender, at, to, **{"space_kind": SpaceKind.CALENDAR, "minutes": minutes} | columns)

    def table(self) -> pa.Table:
        """Return EVENTS."""
        return pa.Table.from_pylist(self.rows, EVENTS.schema)


def accounts(
    kinds: dict[int, AccountKind] | None = None, excluded: Sequence[int] = (), people: int = 9, work_days: dict[int, int] | None = None
) -> pa.Table:
    """Return ACCOUNTS 1 to ``people``, each its own person, at work from Monday to Friday unless said."""
    ids = [*range(1, people + 1), *(kinds or {})]
    rows = [
        {
            "account": i,
            "person": i,
            "kind": (kinds or {}).get(i, AccountKind.MEMBER),
            "work_days": (work_days or {}).get(i, 31),
            "excluded": i in excluded,
        }
        for i in dict.fromkeys(ids)
    ]
    return pa.Table.from_pylist(rows, ACCOUNTS.schema)


KEYS = {
    "ties": ["week", "source", "channel", "from", "to"],
    "asks": ["week", "channel", "asker", "helper"],
    "presence": ["week", "account"],
    "space_weeks": ["week", "space"],
    "dropped": ["week", "rule"],
}


@dataclass(frozen=True)
class Tables:
    """The weekly tables, each collected when it is first looked at."""

    engine: Engine
    made: Weekly

    @cached_property
    def ties(self) -> pa.Table:
        return self.engine.collect(self.made.ties, KEYS["ties"])

    @cached_property
    def asks(self) -> pa.Table:
        return self.engine.collect(self.made.asks, KEYS["asks"])

    @cached_property
    def presence(self) -> pa.Table:
        return self.engine.collect(self.made.presence, KEYS["presence"])

    @cached_property
    def space_weeks(self) -> pa.Table:
        return self.engine.collect(self.made.space_weeks, KEYS["space_weeks"])

    @cached_property
    def dropped(self) -> pa.Table:
        return self.engine.collect(self.made.dropped, KEYS["dropped"])

    def weight(self, source: int, target: int, channel: int) -> float:
        """Weight of a tie over all weeks, in turns."""
        rows = [row for row in self.ties.to_pylist() if (row["from"], row["to"], row["channel"]) == (source, target, channel)]
        return sum(row["weight"] for row in rows) / 2**20

    def credit(self, asker: int, helper: int) -> float:
        """Help credit over all weeks and channels."""
        rows = [row for row in self.asks.to_pylist() if (row["asker"], row["helper"]) == (asker, helper)]
        return sum(row["credit"] for row in rows) / 2**20

    def of(self, account: int) -> dict[str, object]:
        """The one PRESENCE row of an account."""
        (row,) = [row for row in self.presence.to_pylist() if row["account"] == account]
        return dict(row)

    def count(self, rule: str) -> int:
        """Events counted under a rule."""
        return sum(row["events"] for row in self.dropped.to_pylist() if row["rule"] == rule)


Compute = Callable[..., Tables]


@pytest.fixture(scope="session")
def compute() -> Iterator[Compute]:
    """Compute the weekly tables of a log or an EVENTS table."""
    with Engine() as engine:

        def tables(
            events: Log | pa.Table,
            known: pa.Table | None = None,
            rules: TieRules | None = None,
            bursts: pa.Table | None = None,
            away: pa.Table | None = None,
        ) -> Tables:
            table = events.table() if isinstance(events, Log) else events
            lazy, who = engine.frame(table), engine.frame(accounts() if known is None else known)
            hot, gone = (None if one is None else engine.frame(one) for one in (bursts, away))
            return Tables(engine, weekly(lazy, who, rules or TieRules(), Context(bursts=hot, away=gone, frame=engine.frame)))

        yield tables


@pytest.fixture
def log() -> Log:
    """An empty log."""
    return Log()


@pytest.fixture(scope="session")
def known() -> Callable[..., pa.Table]:
    """Make ACCOUNTS."""
    return accounts
