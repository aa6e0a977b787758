"""What is read of the Web API's answers: envelopes, users, channels, and the heads of threads; every other field is never built."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from connectors.base import Coverage, RawPerson
from connectors.identity import HandleError, slack_handle
from connectors.slack.decoding import Message, Wire, careful
from connectors.slack.records import SLACKBOT, Directory
from ona.tables import AccountKind, SpaceKind

MAX_NAME = 200

_NOTHING = msgspec.Raw(b"")
_CODE = re.compile(r"[a-z_]{1,60}")


class _Struct(msgspec.Struct, frozen=True, gc=False):
    def __repr__(self) -> str:
        """Mask everything."""
        return f"{type(self).__name__}(…)"


class _More(_Struct, frozen=True):
    next_cursor: str | None = None


class Envelope(_Struct, frozen=True):
    """An answer before anybody looks into its list."""

    ok: bool = False
    error: str | None = None
    needed: str | None = None
    provided: str | None = None
    has_more: bool = False
    response_metadata: _More | None = None
    messages: msgspec.Raw = _NOTHING
    members: msgspec.Raw = _NOTHING
    channels: msgspec.Raw = _NOTHING
    usergroups: msgspec.Raw = _NOTHING
    team_id: str | None = None
    enterprise_id: str | None = None

    @property
    def code(self) -> str:
        """Return the error code when it looks like one; other text could be anything."""
        return self.error if self.error and _CODE.fullmatch(self.error) else "unknown_error"

    @property
    def next(self) -> str | None:
        """Return the cursor of the next page."""
        return (self.response_metadata and self.response_metadata.next_cursor) or None


_ENVELOPE = msgspec.json.Decoder(Envelope)


def envelope(body: bytes) -> Envelope | None:
    """Return the envelope; None when the answer is not one of Slack's."""
    try:
        return _ENVELOPE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class _Enterprise(_Struct, frozen=True):
    enterprise_id: str | None = None


class _Profile(_Struct, frozen=True):
    email: str | None = None
    real_name: str | None = None


class User(_Struct, frozen=True):
    """What is read of a user."""

    id: str
    team_id: str | None = None
    enterprise_user: _Enterprise | None = None
    deleted: bool = False
    real_name: str | None = None
    name: str | None = None
    profile: _Profile | None = None
    tz: str | None = None
    is_bot: bool = False
    is_workflow_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False

    @property
    def team(self) -> str | None:
        """Return the enterprise id if there is one, else the team id."""
        return (self.enterprise_user and self.enterprise_user.enterprise_id) or self.team_id

    @property
    def kind(self) -> AccountKind:
        """Return what stands behind the account."""
        if self.is_bot or self.is_workflow_bot or self.id == SLACKBOT:
            return AccountKind.BOT
        if self.is_stranger:
            return AccountKind.EXTERNAL
        if self.deleted:
            return AccountKind.FORMER
        return AccountKind.GUEST if self.is_restricted or self.is_ultra_restricted else AccountKind.MEMBER


class Channel(_Struct, frozen=True):
    """What is read of a channel or conversation; its name only to find it in the settings."""

    id: str
    name: str | None = None
    user: str | None = None
    is_im: bool = False
    is_mpim: bool = False
    is_private: bool = False
    is_member: bool | None = None
    created: int = 0  # seconds since 1970 UTC

    @property
    def kind(self) -> SpaceKind:
        """Return what kind of place it is."""
        if self.is_im:
            return SpaceKind.DIRECT
        if self.is_mpim:
            return SpaceKind.GROUP
        return SpaceKind.PRIVATE if self.is_private else SpaceKind.CHANNEL


class Group(_Struct, frozen=True):
    """What is read of a user group."""

    id: str
    users: list[str] = []
    date_delete: int = 0


class Head(_Struct, frozen=True):
    """Where a message stands in a thread."""

    ts: str
    thread_ts: str | None = None
    reply_count: int = 0
    latest_reply: str | None = None
    subtype: str | None = None

    @property
    def is_reply(self) -> bool:
        """Whether the message is a reply that was also sent to the channel."""
        return self.thread_ts is not None and self.thread_ts != self.ts


def items(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the records of a list, each undecoded; none when there is no list."""
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw]) if bytes(raw) else []
    except msgspec.MsgspecError:
        return []


def users(raws: Iterable[msgspec.Raw], coverage: Coverage) -> Iterator[User]:
    """Yield the users of a page; one that cannot be read is counted."""
    for raw in raws:
        coverage.read += 1
        try:
            yield msgspec.json.decode(raw, type=User)
        except msgspec.MsgspecError:
            coverage.quarantined["user_malformed"] += 1


def channels(raws: list[msgspec.Raw]) -> Iterator[Channel]:
    """Yield the channels of a page."""
    for raw in raws:
        yield msgspec.json.decode(raw, type=Channel)


def groups(raws: list[msgspec.Raw]) -> dict[str, tuple[str, ...]]:
    """Return the members of the user groups of a page that still exist; one that cannot be read is left out."""
    found = {}
    for raw in raws:
        try:
            group = msgspec.json.decode(raw, type=Group)
        except msgspec.MsgspecError:
            continue
        if not group.date_delete:
            found[group.id] = tuple(group.users)
    return found


def ids(raws: list[msgspec.Raw]) -> Iterator[str]:
    """Yield the ids of a page."""
    for raw in raws:
        yield msgspec.json.decode(raw, type=str)


def message(raw: msgspec.Raw) -> Wire | Message | None:
    """Return a message for the reader: decoded, or projected when its shape is unusual; None when it is none."""
    found = careful(raw)
    return found if isinstance(found, Wire | dict) else None


def head(raw: msgspec.Raw) -> Head | None:
    """Return where a message stands; None when that cannot be read."""
    try:
        return msgspec.json.decode(raw, type=Head)
    except msgspec.MsgspecError:
        return None


def directory(team: str, known: list[User], groups: Mapping[str, tuple[str, ...]] | None = None) -> Directory:
    """Return which team each user belongs to and who is a bot; guests of other companies keep their own team."""
    return Directory(
        team,
        frozenset(user.id for user in known),
        {user.id: user.team for user in known if user.is_stranger and user.team},
        frozenset(user.id for user in known if user.kind is AccountKind.BOT) | {SLACKBOT},
        groups or {},
    )


def person(user: User, known: Directory, coverage: Coverage, address: Callable[[str], str]) -> RawPerson:
    """Return the person behind a user."""
    profile = user.profile or _Profile()
    handles = [known.handle(user.id) if user.id != SLACKBOT else slack_handle(known.team, user.id)]
    if profile.email:
        try:
            handles.append(address(profile.email))
        except HandleError:
            coverage.notes["address_refused"] += 1
    shown = profile.real_name or user.real_name or user.name
    return RawPerson(tuple(handles), name=shown[:MAX_NAME] if shown else None, zone=user.tz or None, kind=user.kind)
