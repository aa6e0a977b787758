"""The Slack export: a zip file or unpacked folder, standard or Enterprise, becomes events and people."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, ClassVar

from connectors.archive import Archive, FileError, open_archive
from connectors.base import Coverage, Cursor, RawEvent, RawPerson
from connectors.bounded_json import Pairs, json_items, unique
from connectors.identity import HandleError, address_reader, slack_handle
from connectors.slack.archive import DATABASE
from connectors.slack.conversations import PERSONAL, FileConfig
from connectors.slack.decoding import one_by_one, project, wires
from connectors.slack.records import SLACKBOT, Directory, Reader, Space
from ona.tables import AccountKind, SpaceKind

BYTES_PER_MESSAGE = 1_000
"""Rough size of a message in a day file, for progress only."""
MAX_WHOLE_BYTES = 16 * 2**20
"""Day files up to this size are decoded in one step, larger ones message by message."""
MAX_NAME = 200

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_USERS = ("users.json", "org_users.json")
_ROOMS = (
    ("channels.json", SpaceKind.CHANNEL),
    ("groups.json", SpaceKind.PRIVATE),
    ("dms.json", SpaceKind.DIRECT),
    ("mpims.json", SpaceKind.GROUP),
)
_USER_KEYS = frozenset(
    {"id", "team_id", "enterprise_id", "enterprise_user", "deleted", "real_name", "name", "email", "profile", "tz"}
    | {"is_bot", "is_workflow_bot", "is_restricted", "is_ultra_restricted", "is_stranger"}
)
_ROOM_KEYS = frozenset({"id", "name", "members", "user", "is_private"})


class Config(FileConfig):
    """Where the export lies and which conversations may be read."""


class Connector:
    """Reads a Slack export, channel by channel and day by day, one message in memory at a time."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take where the export lies."""
        self._config = config

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield messages and reactions; the file is read whole each time, which changes nothing the second time."""
        now = time.time_ns() // 1_000
        with open_archive(self._config.path) as archive:
            export = _Export(archive)
            directory = self._directory(export.users())
            for space, files in self._spaces(export, coverage):
                reader = Reader(space, directory, coverage, now)
                for file in files:
                    yield from self._day(archive, file, reader)

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield everyone in the list of users: members, guests, bots, those who left."""
        address = address_reader(self._config.addresses)
        with open_archive(self._config.path) as archive:
            export = _Export(archive)
            directory = self._directory(export.users())
            for user in export.users():
                coverage.read += 1
                try:
                    yield _person(user, directory, coverage, address)
                except HandleError as error:
                    coverage.quarantined[error.code] += 1

    def size(self) -> int | None:
        """Return about how many messages there are, from the sizes of the day files."""
        with open_archive(self._config.path) as archive:
            days = (name for name in archive.names if _DAY.fullmatch(name.rpartition("/")[2]))
            return sum(archive.size(name) for name in days) // BYTES_PER_MESSAGE

    def _directory(self, users: Iterable[dict[str, Any]]) -> Directory:
        """Learn which team is ours, who belongs to another one and who is a bot."""
        teams: Counter[str] = Counter({self._config.team: 1 << 40} if self._config.team else {})
        strangers, known, bots = {}, set(), {SLACKBOT}
        for user in users:
            name, team = user.get("id"), _team(user)
            if not isinstance(name, str):
                continue
            known.add(name)
            bots.update({name} if _is_bot(user) else ())
            if user.get("is_stranger") and team:
                strangers[name] = team
            elif team:
                teams[team] += 1
        if not teams:
            raise FileError("no_team", "No user of the export names a team", "Set `team` in the connector's settings.")
        ours = min(teams, key=lambda team: (-teams[team], team))
        return Directory(ours, frozenset(known), strangers, frozenset(bots))

    def _spaces(self, export: "_Export", coverage: Coverage) -> Iterator[tuple[Space, list[str]]]:
        folders = export.folders()
        for space, name in export.rooms():
            files = [file for key in dict.fromkeys((space.channel, name)) for file in folders.pop(key, ())]
            if not self._config.allows(space.kind, space.channel, name):
                coverage.notes["spaces_not_enabled"] += 1
            elif files:
                yield space, sorted(files, key=lambda file: file.rpartition("/")[2])
        coverage.notes["folders_unknown"] += len(folders)

    def _day(self, archive: Archive, file: str, reader: Reader) -> Iterator[RawEvent]:
        """Return one day's events; a damaged file counts as one row and does not stop the others."""
        try:
            data = archive.read(file) if archive.size(file) <= MAX_WHOLE_BYTES else b""
        except FileError as error:
            _damaged(error, reader.coverage)
            return iter(())
        if data and (found := wires(data)) is not None:
            return chain.from_iterable(map(reader.events, found))
        if data and (messages := one_by_one(data)) is not None:
            return self._each(messages, reader)
        return self._with_care(archive, file, reader)

    def _each(self, messages: Iterable[object], reader: Reader) -> Iterator[RawEvent]:
        """Yield the events of messages of which some cannot be read."""
        for message in messages:
            if isinstance(message, FileError):
                _damaged(message, reader.coverage)
            else:
                yield from reader.events(message)

    def _with_care(self, archive: Archive, file: str, reader: Reader) -> Iterator[RawEvent]:
        """Yield one day's events, each message read by itself."""
        try:
            with archive.open(file) as stream:
                for item in json_items(stream, project):
                    yield from reader.events(item)
        except FileError as error:
            _damaged(error, reader.coverage)


class _Export:
    """The lists at the root of an export and the folders beside them."""

    def __init__(self, archive: Archive) -> None:
        roots = [name for name in archive.names if name.rpartition("/")[2] in (*_USERS, "channels.json")]
        if not roots:
            raise _no_export(archive.names)
        self._archive = archive
        self._root = min(roots, key=lambda name: (name.count("/"), name)).rpartition("/")[0]

    def users(self) -> Iterator[dict[str, Any]]:
        """Yield what is allowed of each user."""
        for name in _USERS:
            yield from self._items(name, _USER_KEYS)

    def rooms(self) -> Iterator[tuple[Space, str]]:
        """Yield each channel or conversation with its folder's name."""
        for file, kind in _ROOMS:
            for room in self._items(file, _ROOM_KEYS):
                channel, name = room.get("id"), room.get("name")
                if isinstance(channel, str):
                    private = kind is SpaceKind.CHANNEL and room.get("is_private") is True
                    members = _members(room) if kind in PERSONAL else ()
                    yield Space(channel, SpaceKind.PRIVATE if private else kind, members), name if isinstance(name, str) else channel

    def folders(self) -> dict[str, list[str]]:
        """Return the day files of each folder."""
        found: dict[str, list[str]] = {}
        start = f"{self._root}/" if self._root else ""
        for name in self._archive.names:
            folder, _, file = name.removeprefix(start).rpartition("/")
            if name.startswith(start) and folder and "/" not in folder and _DAY.fullmatch(file):
                found.setdefault(folder, []).append(name)
        return found

    def _items(self, name: str, keys: frozenset[str]) -> Iterator[dict[str, Any]]:
        path = f"{self._root}/{name}" if self._root else name
        if path not in self._archive.names:
            return
        with self._archive.open(path) as stream:
            yield from (item for item in json_items(stream, _keeping(keys)) if isinstance(item, dict))


def _no_export(names: Iterable[str]) -> FileError:
    """Say what else the file may be."""
    if any(name.rpartition("/")[2] == DATABASE for name in names):
        return FileError("not_an_export", "This is an archive that slackdump made", "Unpack it and pull it with slack_archive.")
    do = "Give the zip file that Slack made or its folder; slackdump's other files become one by: slackdump convert -f export."
    return FileError("not_an_export", "There is no users.json or channels.json", do)


def _damaged(error: FileError, coverage: Coverage) -> None:
    """Count a file that cannot be read; an archive that cannot be is no matter of one file."""
    if error.code.startswith("zip_"):
        raise error
    coverage.read += 1
    coverage.quarantined[error.code] += 1


def _keeping(keys: frozenset[str]) -> Callable[[Pairs], dict[str, Any]]:
    return lambda pairs: {key: value for key, value in unique(pairs).items() if key in keys}


def _members(room: dict[str, Any]) -> tuple[str, ...]:
    listed = room.get("members") or [room.get("user")]
    return tuple(member for member in listed if isinstance(member, str)) if isinstance(listed, list) else ()


def _team(user: dict[str, Any]) -> str | None:
    """Return the enterprise id if there is one, else the team id."""
    enterprise = user.get("enterprise_user")
    found = enterprise.get("enterprise_id") if isinstance(enterprise, dict) else None
    team = found or user.get("team_id")
    return team if isinstance(team, str) else None


def _is_bot(user: dict[str, Any]) -> bool:
    return user.get("id") == SLACKBOT or user.get("is_bot") is True or user.get("is_workflow_bot") is True


def _kind(user: dict[str, Any]) -> AccountKind:
    if _is_bot(user):
        return AccountKind.BOT
    if user.get("is_stranger"):
        return AccountKind.EXTERNAL
    if user.get("deleted"):
        return AccountKind.FORMER
    return AccountKind.GUEST if user.get("is_restricted") or user.get("is_ultra_restricted") else AccountKind.MEMBER


def _person(user: dict[str, Any], directory: Directory, coverage: Coverage, address: Callable[[str], str]) -> RawPerson:
    name = user.get("id")
    if not isinstance(name, str):
        raise HandleError("slack_id", "a user with an id")
    profile = user.get("profile")
    inner = profile if isinstance(profile, dict) else {}
    handles = [directory.handle(name) if name != SLACKBOT else slack_handle(directory.team, name)]
    email, zone = inner.get("email") or user.get("email"), user.get("tz")
    if isinstance(email, str) and email:
        try:
            handles.append(address(email))
        except HandleError:
            coverage.notes["address_refused"] += 1
    shown = inner.get("real_name") or user.get("real_name") or user.get("name")
    return RawPerson(
        handles=tuple(handles),
        name=shown[:MAX_NAME] if isinstance(shown, str) else None,
        zone=zone if isinstance(zone, str) and zone else None,
        kind=_kind(user),
    )
