"""One Slack message, as an export or the web service gives it, becomes a message event and its reaction events; content ends here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from connectors.addressees import MAX_EXPANDED
from connectors.base import Coverage, RawEvent
from connectors.cells import CellError, plausible, second_zero
from connectors.identity import HandleError, slack_handle
from connectors.slack.decoding import EVERYBODY, NOBODY, Mark, Message, Reaction, Wire, mentions
from ona.tables import Flag, Kind, Role, SpaceKind

SLACKBOT = "USLACKBOT"

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

_BOT, _BROADCAST = Flag.BOT.value, Flag.BROADCAST.value
_MESSAGE, _REACTION, _TO, _MENTIONED = Kind.MESSAGE, Kind.REACTION, Role.TO, Role.MENTIONED
"""Names of their own, because looking up a member of an enumeration takes as long as making a record."""
_PLAIN = frozenset({"type", "subtype", "user", "bot_id", "thread_ts", "parent_user_id", "user_team"})
_TS = re.compile(r"(\d{1,12})\.(\d{6})")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REMEMBERED = 65_536
USUAL_STAMP = len("1782892805.000100")


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
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Members of user groups by the group's id, where the workspace lets us know them."""
    own: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Handles of our own people, made so far."""
    handles: dict[tuple[str, object], str] = field(default_factory=dict, repr=False, compare=False)
    """Handles of the others, a bounded number of them."""

    def expanded(self, mentioned: frozenset[str]) -> frozenset[str]:
        """Return whom a message names, a small user group by its members; a large or unknown one counts as everybody."""
        if all(one == EVERYBODY or not one.startswith(EVERYBODY) for one in mentioned):
            return mentioned
        found: set[str] = set()
        for one in mentioned:
            members = self.groups.get(one.removeprefix(EVERYBODY)) if one.startswith(EVERYBODY) else (one,)
            found.update(members if members and len(members) <= MAX_EXPANDED else (EVERYBODY,))
        return frozenset(found)

    def handle(self, user: str, hint: object = None) -> str:
        """Return the handle; guests of other teams keep their own team."""
        return self.own.get(user) or self._made(user, hint)

    def _made(self, user: str, hint: object) -> str:
        if user in self.known and user not in self.foreign:
            return self.own.setdefault(user, slack_handle(self.team, user))
        key = (user, hint if isinstance(hint, str) else None)
        found = self.handles.get(key)
        if found is None:
            if len(self.handles) >= _REMEMBERED:
                self.handles.clear()
            team = self.foreign.get(user)
            if team is None and key[1] is not None and user not in self.known:
                team = str(hint)
            found = self.handles[key] = slack_handle(team or self.team, user)
        return found


@dataclass
class Reader:
    """Turns the messages of one space, in order, into events; remembers who began its threads."""

    space: Space
    directory: Directory
    coverage: Coverage
    now: int
    parents: dict[str, str] = field(default_factory=dict)
    place: str = field(init=False)
    addressed: dict[str, tuple[tuple[str, Role], ...]] = field(default_factory=dict)
    """In direct and group conversations: who an author speaks to when nobody is mentioned."""

    def __post_init__(self) -> None:
        """Put the space's id together once."""
        self.place = f"slack:{self.directory.team}/{self.space.channel}"

    def events(self, message: object) -> list[RawEvent]:
        """Return the message, decoded or projected, and one reaction per person who reacted, or count why not."""
        self.coverage.read += 1
        wire, mentioned = (message, None) if isinstance(message, Wire) else _projected(message)
        if wire is None:
            self.coverage.quarantined["not_a_message"] += 1
            return []
        spoken = self._message(wire, mentioned)
        if not wire.reactions:
            return [] if spoken is None else [spoken]
        reactors = _reactors(wire)
        self.coverage.read += len(reactors)
        if spoken is None:
            self.coverage.dropped["reaction_to_dropped"] += len(reactors)
            return []
        return [spoken, *(reaction for reactor in reactors if (reaction := self._reaction(spoken, reactor)) is not None)]

    def _message(self, wire: Wire, mentioned: frozenset[str] | None) -> RawEvent | None:
        try:
            usual = wire.user if wire.subtype is None and wire.type == "message" and isinstance(wire.user, str) else None
            author = usual or _author(wire)
            if usual or (code := _dropped(wire, author)) is None:
                return self._spoken(wire, author, mentions(wire) if mentioned is None else mentioned)
            self.coverage.dropped[code] += 1
        except (HandleError, CellError) as error:
            self.coverage.quarantined[error.code] += 1
        return None

    def _spoken(self, wire: Wire, author: str, mentioned: frozenset[str]) -> RawEvent:
        directory, place, kind = self.directory, self.place, self.space.kind
        mentioned = directory.expanded(mentioned) if mentioned else mentioned
        sent = plausible(microseconds(wire.ts), self.now)
        sender = directory.handle(author, wire.user_team)
        root = None if wire.thread_ts is None else self._root(wire, author)
        recipients = self._recipients(author, mentioned) if mentioned or self.space.members else ()
        flags = second_zero(sent)
        if wire.bot_id is not msgspec.UNSET or wire.subtype == "bot_message" or author in directory.bots:
            flags |= _BOT
        if mentioned and EVERYBODY in mentioned:
            flags |= _BROADCAST
        revision = 0 if wire.edited is None else _revision(wire.edited.ts)
        id, crowd = f"{place}/{wire.ts}/{author}", len(recipients)
        return RawEvent(id, _MESSAGE, sent, sender, recipients, crowd, place, kind, root, root, None, None, None, flags, revision)

    def _id(self, ts: str, author: str) -> str:
        return f"{self.place}/{ts}/{author}"

    def _root(self, wire: Wire, author: str) -> str | None:
        """Return the id of the thread's first message, null for that message itself or when its author is nowhere to be seen."""
        thread = wire.thread_ts
        if thread == wire.ts:
            self.parents[thread] = author
            return None
        known = self.parents.get(str(thread))
        if known is not None:
            return self._id(str(thread), known)
        microseconds(thread)
        first = wire.parent_user_id
        if isinstance(first, str) and _ID.fullmatch(first):
            return self._id(str(thread), first)
        self.coverage.notes["thread_parent_unknown"] += 1
        return None

    def _recipients(self, author: str, mentioned: frozenset[str]) -> tuple[tuple[str, Role], ...]:
        if mentioned:
            return self._named(author, mentioned)
        found = self.addressed.get(author)
        if found is None:
            found = self.addressed[author] = self._named(author, mentioned)
        return found

    def _named(self, author: str, mentioned: frozenset[str]) -> tuple[tuple[str, Role], ...]:
        members = self.space.members
        named = mentioned.intersection(members) if members else mentioned - {EVERYBODY}
        people = sorted({*members, *named} - {author})
        return tuple((self.directory.handle(user), _MENTIONED if user in named else _TO) for user in people if _ID.fullmatch(user))

    def _reaction(self, message: RawEvent, reactor: str) -> RawEvent | None:
        try:
            sender = self.directory.handle(reactor)
        except HandleError as error:
            self.coverage.quarantined[error.code] += 1
            return None
        if sender == message.sender:
            self.coverage.dropped["reaction_to_oneself"] += 1
            return None
        id, sent, to, root = f"{message.id}/reaction/{reactor}", message.sent, ((message.sender, _TO),), message.root or message.id
        flags = _BOT if reactor in self.directory.bots else 0
        return RawEvent(id, _REACTION, sent, sender, to, 1, message.space, message.space_kind, root, message.id, flags=flags)


def _projected(message: object) -> tuple[Wire | None, frozenset[str]]:
    """Return a projected message in the decoded form, whatever the types of its values; None when it is no message."""
    if not isinstance(message, dict) or "ts" not in message:
        return None, NOBODY
    changed = message.get("message") if message.get("subtype") == "message_changed" else None
    kept: Message = changed if isinstance(changed, dict) and "ts" in changed else message
    edited, comment, reactions = kept.get("edited"), kept.get("comment"), kept.get("reactions")
    lists = [r["users"] for r in reactions if isinstance(r, dict) and "users" in r] if isinstance(reactions, list) else []
    users = [[user for user in some if isinstance(user, str)] for some in lists if isinstance(some, list)]
    wire = Wire(kept["ts"], reactions=tuple(Reaction(tuple(some)) for some in users))
    for name in _PLAIN & kept.keys():
        setattr(wire, name, kept[name])
    wire.edited = Mark(ts=edited["ts"]) if isinstance(edited, dict) and "ts" in edited else None
    wire.comment = Mark(user=comment.get("user")) if isinstance(comment, dict) else None
    return wire, kept["mentions"]


def _reactors(wire: Wire) -> list[str]:
    return sorted({user for reaction in wire.reactions for user in reaction.users})


def microseconds(ts: object) -> int:
    """Return a Slack time stamp as microseconds since 1970, exactly: never through a float."""
    if ts.__class__ is str and len(ts) == USUAL_STAMP and ts[10] == "." and (digits := ts[:10] + ts[11:]).isdecimal() and ts.isascii():
        return int(digits)
    match = _TS.fullmatch(ts) if isinstance(ts, str) else None
    if match is None:
        raise CellError("time_unreadable")
    return int(match[1] + match[2])


def _revision(ts: object) -> int:
    try:
        return microseconds(ts)
    except CellError:
        return 0


def _dropped(wire: Wire, author: str) -> str | None:
    subtype = wire.subtype
    if wire.type != "message":
        return "not_a_message"
    if subtype in (None, ""):  # some exporters write empty values
        return None if author else "no_author"
    if isinstance(subtype, str) and subtype in NOISE:
        return "join_leave_noise"
    if subtype in ("tombstone", "message_deleted"):
        return "deleted"
    if not isinstance(subtype, str) or subtype not in SPOKEN:
        return "subtype_unknown"
    return None if author else "no_author"


def _author(wire: Wire) -> str:
    """Return the user, else the commenter of an old file comment, else the bot; empty when there is none."""
    if isinstance(wire.user, str) and wire.user:
        return wire.user
    candidates = (wire.comment.user if wire.comment else None, wire.bot_id)
    return next((value for value in candidates if isinstance(value, str) and value), "")
