"""One Slack message, as an export or the web service gives it, becomes a message event and its reaction events; content ends here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.archive import Pairs, unique
from connectors.base import Coverage, RawEvent
from connectors.cells import CellError, plausible, second_zero
from connectors.identity import HandleError, slack_handle
from ona.tables import Flag, Kind, Role, SpaceKind

SLACKBOT = "USLACKBOT"
EVERYBODY = "!"
"""Stands among the mentions for a whole channel or a user group."""

SPOKEN = frozenset({None, "thread_broadcast", "file_share", "me_message", "file_comment", "file_mention", "bot_message", "huddle_thread"})
"""Subtypes by which somebody says something."""
NOISE = frozenset(
    f"{room}_{what}"
    for room in ("channel", "group")
    for what in (
        *("join", "leave", "topic", "purpose", "name", "archive", "unarchive", "posting_permissions"),
        *("convert_to_private", "convert_to_public", "canvas_updated"),
    )
) | {"pinned_item", "unpinned_item", "bot_add", "bot_remove", "bot_enable", "bot_disable", "reminder_add", "sh_room_created"}
"""Subtypes that Slack writes itself when a room changes."""

_KEPT = frozenset(
    {"type", "subtype", "user", "bot_id", "ts", "thread_ts", "parent_user_id", "user_team", "edited", "reactions", "message", "comment"}
)
_PARTS = ("blocks", "elements", "fields")
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)[|>]|<!(?:here|channel|everyone|subteam\^)")
_TS = re.compile(r"(\d{1,12})\.(\d{6})")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOBODY: frozenset[str] = frozenset()

Message = dict[str, Any]


def project(pairs: Pairs) -> Message | frozenset[str]:
    """Keep of each decoded object what is allowed: a message's few fields, else only who is mentioned in it (an object hook)."""
    item = unique(pairs)
    if "ts" in item:
        kept = {key: value for key, value in pairs if key in _KEPT}
        kept["mentions"] = _mentions(item)
        return kept
    if "users" in item:  # a reaction; its name is content
        return {"users": item["users"]}
    if "comment" in item and "user" in item:
        return {"user": item["user"]}
    return _mentions(item)


def _mentions(item: Mapping[str, Any]) -> frozenset[str]:
    """Return who is mentioned in an object's text and in its parts, which were reduced before it."""
    found: set[str] = set()
    text = item.get("text")
    if isinstance(text, str):
        if "<" in text:
            found.update(user or EVERYBODY for user in _MENTION.findall(text))
    elif isinstance(text, frozenset):
        found |= text
    for key in _PARTS:
        if key in item and isinstance(item[key], list):
            found.update(*(part for part in item[key] if isinstance(part, frozenset)))
    if "user_id" in item and isinstance(item["user_id"], str):
        found.add(item["user_id"])
    elif item.get("type") in ("broadcast", "usergroup"):
        found.add(EVERYBODY)
    return frozenset(found) if found else _NOBODY


@dataclass(frozen=True)
class Space:
    """A channel or conversation by id, never by name."""

    channel: str
    kind: SpaceKind
    members: tuple[str, ...] = ()
    """User ids, in direct and group conversations only."""


@dataclass(frozen=True)
class Directory:
    """Which team each user id belongs to, and which ids are bots."""

    team: str
    known: frozenset[str] = frozenset()
    foreign: Mapping[str, str] = field(default_factory=dict)
    bots: frozenset[str] = frozenset({SLACKBOT})

    def handle(self, user: str, hint: object = None) -> str:
        """Return the handle; guests of other teams keep their own team."""
        team = self.foreign.get(user)
        if team is None and isinstance(hint, str) and user not in self.known:
            team = hint
        return slack_handle(team or self.team, user)


@dataclass
class Reader:
    """Turns the projected messages of one space, in order, into events; remembers who began its threads."""

    space: Space
    directory: Directory
    coverage: Coverage
    now: int
    parents: dict[str, str] = field(default_factory=dict)

    def events(self, message: object) -> Iterator[RawEvent]:
        """Yield the message and one reaction per person who reacted, or count why not."""
        self.coverage.read += 1
        if not isinstance(message, dict) or "ts" not in message:
            self.coverage.quarantined["not_a_message"] += 1
            return
        changed = message.get("message") if message.get("subtype") == "message_changed" else None
        current: Message = changed if isinstance(changed, dict) and "ts" in changed else message
        reactors = self._reactors(current)
        self.coverage.read += len(reactors)
        spoken = self._message(current)
        if spoken is None:
            if reactors:
                self.coverage.dropped["reaction_to_dropped"] += len(reactors)
            return
        yield spoken
        for reactor in reactors:
            if (reaction := self._reaction(spoken, reactor)) is not None:
                yield reaction

    def _message(self, message: Message) -> RawEvent | None:
        try:
            author = _author(message)
            if (code := _dropped(message, author)) is None:
                return self._spoken(message, author)
            self.coverage.dropped[code] += 1
        except (HandleError, CellError) as error:
            self.coverage.quarantined[error.code] += 1
        return None

    def _spoken(self, message: Message, author: str) -> RawEvent:
        ts, directory = message["ts"], self.directory
        sent = plausible(microseconds(ts), self.now)
        sender = directory.handle(author, message.get("user_team"))
        root = self._root(message, author)
        mentions: frozenset[str] = message["mentions"]
        recipients = self._recipients(author, mentions)
        edited = message.get("edited")
        return RawEvent(
            id=self._id(ts, author),
            kind=Kind.MESSAGE,
            sent=sent,
            sender=sender,
            recipients=recipients,
            audience=len(recipients),
            space=f"slack:{directory.team}/{self.space.channel}",
            space_kind=self.space.kind,
            root=root,
            reply_to=root,
            flags=self._flags(message, author, mentions) | second_zero(sent),
            revision=_revision(edited["ts"]) if isinstance(edited, dict) and "ts" in edited else 0,
        )

    def _id(self, ts: str, author: str) -> str:
        return f"slack:{self.directory.team}/{self.space.channel}/{ts}/{author}"

    def _flags(self, message: Message, author: str, mentions: frozenset[str]) -> int:
        automatic = "bot_id" in message or message.get("subtype") == "bot_message" or author in self.directory.bots
        return (Flag.BOT if automatic else 0) | (Flag.BROADCAST if EVERYBODY in mentions else 0)

    def _root(self, message: Message, author: str) -> str | None:
        """Return the id of the thread's first message, null for that message itself or when its author is nowhere to be seen."""
        thread = message.get("thread_ts")
        if thread is None:
            return None
        if thread == message["ts"]:
            self.parents[thread] = author
            return None
        microseconds(thread)
        first = self.parents.get(thread) or message.get("parent_user_id")
        if isinstance(first, str) and _ID.fullmatch(first):
            return self._id(thread, first)
        self.coverage.notes["thread_parent_unknown"] += 1
        return None

    def _recipients(self, author: str, mentions: frozenset[str]) -> tuple[tuple[str, Role], ...]:
        members = self.space.members
        if not (mentions or members):
            return ()
        named = mentions.intersection(members) if members else mentions - {EVERYBODY}
        people = sorted({*members, *named} - {author})
        return tuple((self.directory.handle(user), Role.MENTIONED if user in named else Role.TO) for user in people if _ID.fullmatch(user))

    def _reactors(self, message: Message) -> list[str]:
        reactions = message.get("reactions")
        if reactions is None:
            return []
        lists = [r["users"] for r in reactions if isinstance(r, dict) and "users" in r] if isinstance(reactions, list) else []
        return sorted({user for users in lists if isinstance(users, list) for user in users if isinstance(user, str)})

    def _reaction(self, message: RawEvent, reactor: str) -> RawEvent | None:
        try:
            sender = self.directory.handle(reactor)
        except HandleError as error:
            self.coverage.quarantined[error.code] += 1
            return None
        if sender == message.sender:
            self.coverage.dropped["reaction_to_oneself"] += 1
            return None
        return RawEvent(
            id=f"{message.id}/reaction/{reactor}",
            kind=Kind.REACTION,
            sent=message.sent,
            sender=sender,
            recipients=((message.sender, Role.TO),),
            audience=1,
            space=message.space,
            space_kind=message.space_kind,
            root=message.root or message.id,
            reply_to=message.id,
            flags=Flag.BOT if reactor in self.directory.bots else 0,
        )


def microseconds(ts: object) -> int:
    """Return a Slack time stamp as microseconds since 1970, exactly: never through a float."""
    match = _TS.fullmatch(ts) if isinstance(ts, str) else None
    if match is None:
        raise CellError("time_unreadable")
    return int(match[1] + match[2])


def _revision(ts: object) -> int:
    try:
        return microseconds(ts)
    except CellError:
        return 0


def _dropped(message: Message, author: str) -> str | None:
    subtype = message.get("subtype")
    if message.get("type", "message") != "message":
        return "not_a_message"
    if isinstance(subtype, str) and subtype in NOISE:
        return "join_leave_noise"
    if subtype in ("tombstone", "message_deleted"):
        return "deleted"
    if not (subtype is None or isinstance(subtype, str)) or subtype not in SPOKEN:
        return "subtype_unknown"
    return None if author else "no_author"


def _author(message: Message) -> str:
    """Return the user, else the commenter of an old file comment, else the bot; empty when there is none."""
    user = message.get("user")
    if isinstance(user, str) and user:
        return user
    comment = message.get("comment")
    candidates = (comment.get("user") if isinstance(comment, dict) else None, message.get("bot_id"))
    return next((value for value in candidates if isinstance(value, str) and value), "")
