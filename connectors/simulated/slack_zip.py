"""The Slack export of a simulated company: users, channels and day files, as Slack's own export lays them out."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TypeAlias
from zoneinfo import ZoneInfo

from connectors.simulated.identities import DOMAIN, SLACK_TEAM, Identities, Identity, canary, code
from connectors.simulated.records import Record
from ona.simulate.company import Company
from ona.tables import AccountKind, Flag, Kind, Role, SpaceKind

Json: TypeAlias = dict[str, object]

DAY = 86_400_000_000
SHIFT = 2 * 3_600_000_000  # microseconds; an export's days are not UTC days
HELD_WEEKS = 2  # a message is written when no reaction to it can follow
ENCODER = json.JSONEncoder(separators=(",", ":"))
BROADCAST = int(Flag.BROADCAST)
MENTIONED = int(Role.MENTIONED)
KNOWN_WEEKS = 5  # a thread's beginning is forgotten when no reply can follow
EMOJI = ("thumbsup", "tada", "pray", "eyes")
ASKING = ("could somebody look at this", "what is the state here", "done, see the notes", "thanks, that helped", "who owns this part")


@dataclass(slots=True)
class _Message:
    """A message that still collects replies and reactions."""

    record: Record
    replies: list[tuple[str, str]] = field(default_factory=list)  # user, ts
    reactions: dict[str, list[str]] = field(default_factory=dict)


class SlackZip:
    """Writes chat into an open zip; about three weeks of messages are held in memory."""

    def __init__(self, company: Company, identities: Identities, archive: zipfile.ZipFile) -> None:
        """Begin an empty export."""
        self._company, self._identities, self._archive = company, identities, archive
        self._days: dict[int, dict[int, list[_Message]]] = {}
        self._held: dict[int, _Message] = {}
        self._threads: dict[int, dict[int, tuple[str, str]]] = {}  # week → event → ts and user
        self._directs: dict[int, tuple[int, ...]] = {}
        self._groups: dict[int, tuple[int, ...]] = {}
        self._rooms = {int(SpaceKind.DIRECT): self._directs, int(SpaceKind.GROUP): self._groups}

    def week(self, records: Iterable[Record]) -> None:
        """Take in the chat of one batch and write the days that nothing can be added to any more."""
        rows = list(records)
        for row in rows:
            if row.kind == Kind.MESSAGE:
                self._message(row)
        for row in rows:
            if row.kind == Kind.REACTION:
                self._reaction(row)
        if rows:
            self._write_days(rows[0].week - 7 * HELD_WEEKS)
            for old in [week for week in self._threads if week < rows[0].week - 7 * KNOWN_WEEKS]:
                del self._threads[old]

    def close(self) -> None:
        """Write the remaining days and the lists of users and rooms."""
        self._write_days(None)
        lists: dict[str, Iterable[Json]] = {
            "users.json": (_user(identity) for identity in self._identities.known.values() if identity.on_slack),
            "channels.json": self._channels(SpaceKind.CHANNEL),
            "groups.json": self._channels(SpaceKind.PRIVATE),
            "dms.json": (self._direct(space) for space in sorted(self._directs)),
            "mpims.json": (self._group(space) for space in sorted(self._groups)),
            "integration_logs.json": (),
        }
        for name, rows in lists.items():
            self._write(name, rows)

    def _message(self, row: Record) -> None:
        message = _Message(row)
        self._held[row.event] = message
        self._days.setdefault((row.sent + SHIFT) // DAY, {}).setdefault(row.space or 0, []).append(message)
        user = self._user(row.sender)
        if row.root is None:
            self._threads.setdefault(row.week, {})[row.event] = stamp(row.sent), user
        elif row.root in self._held:
            self._held[row.root].replies.append((user, stamp(row.sent)))
        rooms = self._rooms.get(row.space_kind)
        if rooms is not None and row.space is not None and row.space not in rooms:
            rooms[row.space] = tuple(sorted({row.sender, *row.to}))

    def _reaction(self, row: Record) -> None:
        target = row.reply_to or 0
        name = f"{EMOJI[target % 4]}-{canary('emoji', target + row.sender % 2)}"
        self._held[target].reactions.setdefault(name, []).append(self._user(row.sender))

    def _user(self, account: int) -> str:
        return self._identities.of(account).slack

    def _write_days(self, before: int | None) -> None:
        for day in sorted(d for d in self._days if before is None or d < before):
            for space, messages in sorted(self._days.pop(day).items()):
                messages.sort(key=lambda message: (message.record.sent, message.record.event))
                self._write(f"{self._folder(space)}/{_date(day).isoformat()}.json", [self._document(message) for message in messages])
                for message in messages:
                    del self._held[message.record.event]
        if before is None:
            self._write_joins()

    def _document(self, message: _Message) -> Json:
        row, mentioned = message.record, self._mentioned(message.record)
        document: Json = {"type": "message", **self._author(row), "ts": stamp(row.sent), **_content(row, mentioned)}
        if row.root is not None:
            document["thread_ts"], document["parent_user_id"] = self._thread(row.root)
            if row.event % 97 == 0:
                document["subtype"] = "thread_broadcast"
        elif message.replies:
            document.update(_parent(stamp(row.sent), message.replies))
        if message.reactions:
            document["reactions"] = [{"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()]
        return document

    def _thread(self, root: int) -> tuple[str, str]:
        return next(week[root] for week in self._threads.values() if root in week)

    def _author(self, row: Record) -> Json:
        """Return who wrote: people by user id, every other bot by its bot id only."""
        sender = self._identities.of(row.sender)
        if sender.kind != AccountKind.BOT:
            profile = {"real_name": sender.name, "display_name": canary("display", sender.account), "avatar_hash": "g0", "team": SLACK_TEAM}
            return {"user": sender.slack, "team": SLACK_TEAM, "user_team": SLACK_TEAM, "user_profile": profile}
        bot = "B0" + code(sender.account, 8)
        if sender.account % 2:
            return {"subtype": "bot_message", "bot_id": bot, "username": sender.name}
        return {
            "user": sender.slack,
            "bot_id": bot,
            "app_id": "A0ACME",
            "bot_profile": {"id": bot, "name": sender.name, "app_id": "A0ACME"},
        }

    def _mentioned(self, row: Record) -> list[str]:
        return [self._user(account) for account, role in row.recipients if role == MENTIONED]

    def _folder(self, space: int) -> str:
        if space in self._channel_names:
            return self._channel_names[space]
        return "D0" + code(space) if space in self._directs else self._group_name(space)

    @cached_property
    def _channel_names(self) -> dict[int, str]:
        return {space: f"ch-{number:05d}" for number, space in enumerate(self._company.spaces["space"].to_pylist())}

    def _channels(self, kind: SpaceKind) -> Iterator[Json]:
        on_slack = self._identities.known
        for row in self._company.spaces.to_pylist():
            members = [on_slack[account].slack for account in row["members"] if on_slack[account].on_slack]
            if row["kind"] == kind:
                yield _room(row["space"], self._channel_names[row["space"]], kind, members)

    def _direct(self, space: int) -> Json:
        return {"id": "D0" + code(space), "created": 1_700_000_000, "members": [self._user(account) for account in self._directs[space]]}

    def _group(self, space: int) -> Json:
        members = [self._user(account) for account in self._groups[space]]
        return {
            "id": "G9" + code(space),
            "name": self._group_name(space),
            "created": 1_700_000_000,
            "creator": members[0],
            "is_archived": False,
            "members": members,
        }

    def _group_name(self, space: int) -> str:
        return f"mpdm-{'--'.join(self._user(account).lower() for account in self._groups[space])}-1"

    def _write_joins(self) -> None:
        """Write the noise of people joining the first channel, into a day before the window."""
        space = int(self._company.spaces["space"][0].as_py())
        start = datetime.combine(self._company.plan.start, datetime.min.time(), UTC) - timedelta(days=3)
        members = self._company.spaces["members"][0].as_py()
        rows: list[Json] = []
        for place, account in enumerate(members):
            user = self._user(account)
            text = f"<@{user}> has joined the channel {canary('join', account)}"
            rows.append(
                {"type": "message", "subtype": "channel_join", "user": user, "ts": f"{int(start.timestamp()) + place}.000100", "text": text}
            )
        self._write(f"{self._folder(space)}/{start.date().isoformat()}.json", rows)

    def _write(self, name: str, rows: Iterable[Json]) -> None:
        self._archive.writestr(entry(name), ENCODER.encode(list(rows)))


def entry(name: str) -> zipfile.ZipInfo:
    """Return a zip entry without a clock, so that equal content gives equal bytes."""
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def stamp(sent: int) -> str:
    """Return Slack's time stamp of a moment."""
    return f"{sent // 1_000_000}.{sent % 1_000_000:06d}"


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def _content(row: Record, mentioned: list[str]) -> Json:
    """Return text and blocks; a mention stands in the text, in the blocks or in both, as real exports have it."""
    words = f"{ASKING[row.event % len(ASKING)]} {canary('text', row.event)}"
    wide = "<!channel> " if row.flags & BROADCAST else ""
    in_text = " ".join(f"<@{user}>" for user in mentioned) if row.event % 3 != 0 else ""
    elements: list[Json] = [{"type": "text", "text": f"{ASKING[row.event % len(ASKING)]} {canary('block', row.event)} "}]
    if row.event % 3 != 1:
        elements += [{"type": "user", "user_id": user} for user in mentioned]
    if wide:
        elements.append({"type": "broadcast", "range": "channel"})
    section = {"type": "rich_text_section", "elements": elements}
    blocks = [{"type": "rich_text", "block_id": f"{row.event & 0xFFFFF:x}", "elements": [section]}]
    content: Json = {"client_msg_id": f"{row.event:x}", "text": f"{wide}{in_text} {words}".strip(), "blocks": blocks}
    return content | ({"files": [_file(row)], "upload": False} if row.event % 53 == 0 else {})


def _file(row: Record) -> Json:
    name = canary("file", row.event) + ".pdf"
    token = "xoxe-" + canary("token", row.event)  # looks like a secret, opens nothing
    address = f"https://files.slack.example/{SLACK_TEAM}/{name}?t={token}"
    return {
        "id": "F0" + code(row.event, 8),
        "name": name,
        "title": name,
        "mimetype": "application/pdf",
        "url_private": address,
        "url_private_download": address,
        "permalink": address,
    }


def _parent(ts: str, replies: list[tuple[str, str]]) -> Json:
    users = list(dict.fromkeys(user for user, _ in replies))
    listed = [{"user": user, "ts": when} for user, when in sorted(replies, key=lambda reply: reply[1])]
    return {
        "thread_ts": ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "reply_users": users,
        "latest_reply": listed[-1]["ts"],
        "replies": listed,
    }


def _room(space: int, name: str, kind: SpaceKind, members: list[str]) -> Json:
    prefix = "G0" if kind == SpaceKind.PRIVATE else "C0"
    creator = members[0] if members else "USLACKBOT"
    notes = {part: {"value": canary(part, space), "creator": creator, "last_set": 1_700_000_000} for part in ("topic", "purpose")}
    return {
        "id": prefix + code(space),
        "name": name,
        "created": 1_700_000_000,
        "creator": creator,
        "is_archived": False,
        "is_general": False,
        "members": members,
        **notes,
    }


def _user(identity: Identity) -> Json:
    bot = identity.kind == AccountKind.BOT
    offset = datetime(2026, 1, 15, tzinfo=ZoneInfo(identity.zone)).utcoffset() or timedelta()
    profile: Json = {
        "real_name": identity.name,
        "display_name": canary("display", identity.account),
        "title": canary("title", identity.account),
        "status_text": canary("status", identity.account),
        "team": SLACK_TEAM,
        **({"bot_id": "B0" + code(identity.account, 8)} if bot else {"email": identity.email}),
    }
    return {
        "id": identity.slack,
        "team_id": SLACK_TEAM,
        "name": identity.email.removesuffix("@" + DOMAIN),
        "deleted": identity.left,
        "real_name": identity.name,
        "tz": identity.zone,
        "tz_label": identity.zone,
        "tz_offset": int(offset.total_seconds()),
        "profile": profile,
        "is_admin": False,
        "is_bot": bot,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "updated": 1_780_000_000,
    }
