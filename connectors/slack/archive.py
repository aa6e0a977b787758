"""The archive of slackdump: an SQLite database of what Slack's Web API answered, read without writing anything beside it."""

import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from connectors.archive import FileError
from connectors.base import Coverage, Cursor, RawEvent, RawPerson
from connectors.identity import HandleError, address_reader
from connectors.slack import wire
from connectors.slack.conversations import PERSONAL, FileConfig
from connectors.slack.decoding import Message, Wire, wires
from connectors.slack.records import Reader, Space

DATABASE = "slackdump.sqlite"
MAX_VALUE_BYTES = 16 * 2**20
"""No message is larger; SQLite refuses to build what is."""
AT_ONCE = 256
"""Messages decoded in one step."""

_TABLES = ("CHANNEL", "CHANNEL_USER", "MESSAGE", "S_USER", "WORKSPACE")
_PLAIN = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' AND name IN (?, ?, ?, ?, ?)"
_OWNER = "SELECT coalesce(nullif(ENTERPRISE_ID, ''), TEAM_ID), USER_ID FROM WORKSPACE ORDER BY ID DESC LIMIT 1"
_USERS = "SELECT DATA FROM S_USER AS one WHERE CHUNK_ID = (SELECT max(CHUNK_ID) FROM S_USER WHERE ID = one.ID) ORDER BY ID"
_ROOMS = "SELECT DATA FROM CHANNEL AS one WHERE CHUNK_ID = (SELECT max(CHUNK_ID) FROM CHANNEL WHERE ID = one.ID) ORDER BY ID"
_MEMBERS = "SELECT USER_ID FROM CHANNEL_USER WHERE CHANNEL_ID = ?"
_MESSAGES = "SELECT ID, CHANNEL_ID, DATA FROM MESSAGE WHERE +CHANNEL_ID IN (SELECT value FROM json_each(?)) ORDER BY ID, CHUNK_ID"
"""The plus sign keeps SQLite to the primary key, which has this order: nothing is sorted, and rows of other channels are not read."""

_PLAN = f"EXPLAIN QUERY PLAN {_MESSAGES}"


class Config(FileConfig):
    """Where the archive lies and which conversations may be read."""


class Connector:
    """Reads the folder that ``slackdump archive`` and ``slackdump resume`` wrote, or the database in it."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take where the archive lies."""
        self._config = config

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield messages and reactions in the order of time; of several copies of a message the one fetched last counts."""
        now = time.time_ns() // 1_000
        with closing(_open(self._config.path)) as database:
            users = list(_users(database, Coverage()))
            team, owner = self._team(database, users)
            known = wire.directory(team, users)
            readers = {space.channel: Reader(space, known, coverage, now) for space in self._spaces(database, owner, coverage)}
            for channel, message in _newest(database, list(readers), coverage):
                yield from readers[channel].events(message)

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield everyone in the list of users: members, guests, bots, those who left."""
        address = address_reader(self._config.addresses)
        with closing(_open(self._config.path)) as database:
            users = list(_users(database, coverage))
            known = wire.directory(self._team(database, users)[0], users)
        for user in users:
            try:
                yield wire.person(user, known, coverage, address)
            except HandleError as error:
                coverage.quarantined[error.code] += 1

    def size(self) -> int | None:
        """Return about how many messages there are, copies and all."""
        with closing(_open(self._config.path)) as database:
            ((largest,),) = _rows(database, "SELECT max(rowid) FROM MESSAGE")
        return largest if isinstance(largest, int) else 0

    def _team(self, database: sqlite3.Connection, users: list[wire.User]) -> tuple[str, str | None]:
        """Return which team is ours, and who made the archive."""
        told = next(_rows(database, _OWNER), (None, None))
        team, owner = (value if isinstance(value, str) and value else None for value in told)
        most = Counter(user.team for user in users if user.team and not user.is_stranger)
        found = self._config.team or min(most, key=lambda one: (-most[one], one), default=team)
        if not found:
            raise FileError("no_team", "No user of the archive names a team", "Set `team` in the connector's settings.")
        return found, owner

    def _spaces(self, database: sqlite3.Connection, owner: str | None, coverage: Coverage) -> Iterator[Space]:
        """Yield the channels and conversations that the settings allow."""
        for (data,) in _rows(database, _ROOMS):
            try:
                room = msgspec.json.decode(_bytes(data), type=wire.Channel)
            except msgspec.MsgspecError:
                coverage.notes["spaces_malformed"] += 1
                continue
            if self._config.allows(room.kind, room.id, room.name):
                yield Space(room.id, room.kind, _members(database, room, owner) if room.kind in PERSONAL else ())
            else:
                coverage.notes["spaces_not_enabled"] += 1


def _open(path: Path) -> sqlite3.Connection:
    """Open a database that nobody is writing; it is looked at as it is and takes no lock, no journal and no temporary file."""
    file = path / DATABASE if path.is_dir() else path
    if not file.is_file():
        raise FileError("file_missing", f"There is no {DATABASE}", "Give the folder that `slackdump archive` made.")
    if any(side.exists() and side.stat().st_size for side in (file.with_name(f"{file.name}{end}") for end in ("-wal", "-journal"))):
        raise FileError("being_written", "slackdump is still writing, or was broken off", "Let `slackdump resume` end, then pull again.")
    try:
        database = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    except sqlite3.Error:
        raise FileError("file_unreadable", "The database cannot be opened", "Give this user the right to read it.") from None
    try:
        _be_careful(database)
    except FileError:
        database.close()
        raise
    return database


def _be_careful(database: sqlite3.Connection) -> None:
    """Refuse whatever is not plain tables in slackdump's order: a view, or a sort of everything, could take any time and space."""
    database.text_factory = lambda text: text.decode(errors="replace")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    for setting in ("PRAGMA trusted_schema = OFF", "PRAGMA temp_store = MEMORY", "PRAGMA cell_size_check = ON"):
        list(_rows(database, setting))
    ((plain,),) = _rows(database, _PLAIN, *_TABLES)
    if plain != len(_TABLES):
        raise _unusual()
    plan = [str(row[-1]) for row in _rows(database, _PLAN, "[]")]
    if any("TEMP B-TREE" in step for step in plan):
        raise _unusual()


def _unusual() -> FileError:
    do = "Have slackdump write it again: slackdump convert -f database."
    return FileError("not_an_archive", "The database does not hold the tables of slackdump's archive", do)


def _rows(database: sqlite3.Connection, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query; what SQLite says of a damaged file is not repeated, since it may quote the file."""
    try:
        for row in database.execute(query, values):  # noqa: UP028  # yield from would close the cursor after its database
            yield row
    except sqlite3.OperationalError:
        raise _unusual() from None
    except sqlite3.Error:
        raise FileError("database_damaged", "The database is damaged or none", "Archive again, or restore the file.") from None


def _bytes(data: object) -> bytes:
    return (data if isinstance(data, bytes) else str(data).encode()).strip() or b"null"


def _users(database: sqlite3.Connection, coverage: Coverage) -> Iterator[wire.User]:
    return wire.users((msgspec.Raw(_bytes(data)) for (data,) in _rows(database, _USERS)), coverage)


def _members(database: sqlite3.Connection, room: wire.Channel, owner: str | None) -> tuple[str, ...]:
    """Return who takes part in a conversation: who is listed, else of two people the other one and who made the archive."""
    listed = {user for (user,) in _rows(database, _MEMBERS, room.id) if isinstance(user, str)}
    return tuple(sorted(listed or {user for user in (room.user, owner) if user}))


def _newest(database: sqlite3.Connection, channels: list[str], coverage: Coverage) -> Iterator[tuple[str, Wire | Message | None]]:
    """Yield channel and message; of copies that pages, threads and later runs hold, the last one."""
    rows = _rows(database, _MESSAGES, json.dumps(channels))
    for _, copies in itertools.groupby(_decoded(rows), key=lambda row: row[0]):
        found: dict[tuple[str, object], Wire | Message | None] = {}
        for _, channel, message in copies:
            key = (channel, _author(message))
            coverage.read += key in found
            coverage.duplicate += key in found
            found[key] = message
        for (channel, _), message in found.items():
            yield channel, message


def _decoded(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, str, Wire | Message | None]]:
    """Yield time, channel and message; many are decoded in one step, and each by itself where one of them is unusual."""
    for some in iter(lambda: list(itertools.islice(rows, AT_ONCE)), []):
        raws = [_bytes(data) for _, _, data in some]
        found = wires(b"[" + b",".join(raws) + b"]")
        same = found if found is not None and len(found) == len(raws) else [wire.message(msgspec.Raw(raw)) for raw in raws]
        yield from ((at, channel, message) for (at, channel, _), message in zip(some, same, strict=True))


def _author(message: Wire | Message | None) -> object:
    user = message.get("user") if isinstance(message, Mapping) else getattr(message, "user", None)
    return user if isinstance(user, str) else None
