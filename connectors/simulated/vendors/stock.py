"""What the mailboxes and calendars of a simulated company hold, by owner, as far as its clock has come."""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from connectors.simulated.identities import Identities, Identity
from connectors.simulated.records import Record, records
from connectors.simulated.world import World
from ona.simulate.company import Company
from ona.tables import AccountKind, Kind

OWNERS = (AccountKind.MEMBER, AccountKind.SHARED)
"""Who has a mailbox and a calendar."""

SPACE = uuid.UUID("5f0c7b7e-6d0c-5b0e-8f4e-0a6d6f2b9c11")
"""Of the object ids."""


@dataclass(frozen=True)
class Stock:
    """Mails by sender and meetings by everybody in them, in the order of time."""

    world: World

    @property
    def identities(self) -> Identities:
        """Return names and addresses."""
        return self.world.identities

    @property
    def company(self) -> Company:
        """Return the company."""
        return self.world.company

    @cached_property
    def owners(self) -> tuple[Identity, ...]:
        """Return everybody with a mailbox, by object id."""
        found = (one for one in self.identities.known.values() if one.kind in OWNERS)
        return tuple(sorted(found, key=lambda one: guid(one.account)))

    @cached_property
    def everybody(self) -> tuple[Identity, ...]:
        """Return everybody in the directory, by object id: lists and machines are no users."""
        users = (one for one in self.identities.known.values() if one.kind in (*OWNERS, AccountKind.GUEST, AccountKind.ROOM))
        return tuple(sorted(users, key=lambda one: guid(one.account)))

    @cached_property
    def lists(self) -> dict[int, list[int]]:
        """Return members by mailing list: rooms of the chat lend them theirs."""
        accounts = [one.account for one in self.identities.known.values() if one.email.startswith("list-")]
        members = [row["members"] for row in self.company.spaces.to_pylist() if row["members"]]
        return {account: members[place % len(members)] for place, account in enumerate(sorted(accounts))} if members else {}

    @cached_property
    def by_guid(self) -> dict[str, Identity]:
        """Return identities by object id."""
        return {guid(one.account): one for one in self.everybody}

    @cached_property
    def by_address(self) -> dict[str, Identity]:
        """Return identities by main address."""
        return {one.email: one for one in self.everybody}

    @cached_property
    def managers(self) -> dict[int, int]:
        """Return the manager of each account that has one."""
        people = self.company.people.select(["person", "manager"]).to_pylist()
        return {row["person"]: row["manager"] for row in people if row["manager"] is not None}

    @cached_property
    def joined(self) -> dict[int, date]:
        """Return the first day of each account that has one."""
        return self._days("joined")

    @cached_property
    def left(self) -> dict[int, date]:
        """Return the last day of each account that has one."""
        return self._days("left")

    @cached_property
    def events(self) -> dict[int, Record]:
        """Return mails and meetings by event."""
        wanted = (Kind.MAIL, Kind.MEETING)
        return {row.event: row for batch in self.company.batches() for row in records(batch) if row.kind in wanted}

    @cached_property
    def mails(self) -> dict[int, list[Record]]:
        """Return mails by sender."""
        return self._by_owner(lambda row: (row.sender,) if row.kind == Kind.MAIL else ())

    @cached_property
    def meetings(self) -> dict[int, list[Record]]:
        """Return meetings by whoever has them in the calendar."""
        return self._by_owner(lambda row: (row.sender, *row.to) if row.kind == Kind.MEETING else ())

    @cached_property
    def indexes(self) -> dict[int, bytes]:
        """Return the thread index of each mail: a head per thread and five bytes per step."""
        found: dict[int, bytes] = {}
        mails = sorted((row for row in self.events.values() if row.kind == Kind.MAIL), key=lambda row: (row.sent, row.event))
        for row in mails:
            parent = found.get(row.reply_to) if row.reply_to is not None else None
            if row.reply_to is not None and parent is None:
                parent = digest(row.reply_to, 22)
            found[row.event] = digest(row.event, 22) if parent is None else parent + digest(row.event, 5)
        return found

    def sent(self, account: int) -> list[Record]:
        """Return the mails that somebody has sent by now."""
        now = self.world.now
        return [row for row in self.mails.get(account, ()) if row.sent <= now]

    def _days(self, name: str) -> dict[int, date]:
        rows = self.company.people.select(["person", name]).to_pylist()
        return {row["person"]: row[name] for row in rows if row[name] is not None}

    def _by_owner(self, owners: Callable[[Record], tuple[int, ...]]) -> dict[int, list[Record]]:
        have = {one.account for one in self.owners}
        found: dict[int, list[Record]] = defaultdict(list)
        for row in sorted(self.events.values(), key=lambda row: (row.sent, row.event)):
            for account in dict.fromkeys(owners(row)):
                if account in have:
                    found[account].append(row)
        return found


def guid(account: int) -> str:
    """Return the object id of an account."""
    return str(uuid.uuid5(SPACE, str(account)))


def digest(event: int, size: int) -> bytes:
    """Return bytes that stand for an event."""
    return hashlib.blake2b(str(event).encode(), digest_size=size).digest()


def iso(microseconds: int, end: str = "Z") -> str:
    """Return a time as services write it."""
    return f"{datetime.fromtimestamp(microseconds // 1_000_000, UTC):%Y-%m-%dT%H:%M:%S}{end}"


def micros(text: str) -> int:
    """Return the microseconds of such a time."""
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def ancestors(stock: Stock, row: Record) -> Sequence[int]:
    """Return the mails above one, the first one first."""
    found: list[int] = []
    parent = row.reply_to
    while parent is not None and parent not in found:
        found.append(parent)
        above = stock.events.get(parent)
        parent = above.reply_to if above is not None else None
    return found[::-1]
