"""One Slack message as it is decoded: the fields that are allowed, and whom it mentions; text and blocks never become strings."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from connectors.archive import FileError
from connectors.bounded_json import Pairs, json_items, unique

EVERYBODY = "!"
"""Stands among the mentions for a whole channel; with an id behind it (``!S1``), for a user group."""

_KEPT = frozenset(
    {"type", "subtype", "user", "bot_id", "ts", "thread_ts", "parent_user_id", "user_team", "edited", "reactions", "message", "comment"}
)
_PARTS = ("blocks", "elements", "fields")
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)[|>]|<!(?:here|channel|everyone|subteam\^([A-Z0-9]*))")
_MENTION_BYTES = re.compile(rb"(?:<|\\u003[cC])(?:@([UW][A-Z0-9]+)(?:[|>]|\\u003[eE])|!(?:here|channel|everyone|subteam\^([A-Z0-9]*)))")
"""The same in JSON as it is written, where some exporters escape the brackets."""
_MENTION_PLAIN = re.compile(rb"<(?:@([UW][A-Z0-9]+)[|>]|!(?:here|channel|everyone|subteam\^([A-Z0-9]*)))")
"""The same where no bracket is escaped: several times as quick, because the search can jump to the bracket."""
_USER_BYTES = re.compile(rb'"user_id"[ \t\r\n]*:[ \t\r\n]*"([^"]*)"')
_NOTHING = msgspec.Raw(b"")
_NO_NAMES: list[str] = []
_ONCE = (b'"ts"', b'"user"')
"""Keys that make a message what it is: standing twice in one object they are an error."""
Message = dict[str, Any]
NOBODY: frozenset[str] = frozenset()


class Reaction(msgspec.Struct, gc=False):
    """Who reacted; with what is content."""

    users: tuple[str, ...] = ()


class Mark(msgspec.Struct, gc=False):
    """Who or when, of an edit, a reply, a comment, a file or a quoted message."""

    user: str | None = None
    ts: str | None = None


class Wire(msgspec.Struct, gc=False):
    """A message as it is decoded: every other field is skipped without being built; text and blocks stay undecoded bytes of the file."""

    ts: str
    type: str = "message"
    subtype: str | None = None
    user: str | None = None
    bot_id: str | msgspec.UnsetType | None = msgspec.UNSET
    thread_ts: str | None = None
    parent_user_id: str | None = None
    user_team: str | None = None
    edited: Mark | None = None
    comment: Mark | None = None
    replies: tuple[Mark, ...] = ()  # no lists, which the decoder would make anew for each message that has none
    files: tuple[Mark, ...] = ()
    attachments: tuple[Mark, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    text: msgspec.Raw = _NOTHING
    blocks: msgspec.Raw = _NOTHING


class Part(msgspec.Struct, gc=False):
    """A piece of a message's blocks: who it names, and its text as undecoded bytes."""

    type: str | None = None
    user_id: str | None = None
    usergroup_id: str | None = None
    text: msgspec.Raw = _NOTHING
    elements: list["Part"] = []
    fields: list["Part"] = []


_WIRES = msgspec.json.Decoder(list[Wire])
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_BLOCKS = msgspec.json.Decoder(list[Part])


def wires(data: bytes) -> list[Wire] | None:
    """Return the messages of one JSON array, or None when one of them is of another shape and all have to be read with care."""
    try:
        found = _WIRES.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found if _written(data) == _told(found) else None


def one_by_one(data: bytes) -> Iterator[Wire | Message | FileError] | None:
    """Return the messages of one JSON array, those of an unusual shape read with care; None when it is no array that can be cut."""
    try:
        raws = _RAWS.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, RecursionError):
        return None
    return map(careful, raws)


def careful(raw: msgspec.Raw) -> Wire | Message | FileError:
    """Return one message: decoded, or projected when its shape is unusual, or what is wrong with it."""
    array = b"[" + bytes(raw) + b"]"
    found = wires(array)
    if found:
        return found[0]
    try:
        item: Message = next(json_items(io.BytesIO(array), project))
    except FileError as error:
        return error
    return item


def _written(data: bytes) -> tuple[int, ...]:
    """Return how often each of those keys stands in a file, found by its colons in half the time of ``bytes.count``."""
    text = np.frombuffer(data, np.uint8)
    colons = np.flatnonzero(text == ord(":"))
    return tuple(_before(text, colons[colons >= len(key)], key) for key in _ONCE)


def _before(text: npt.NDArray[np.uint8], places: npt.NDArray[np.intp], key: bytes) -> int:
    """Return before how many places a key stands."""
    for distance, byte in enumerate(reversed(key), 1):
        places = places[text[places - distance] == byte]
    return len(places)


def _told(found: Sequence[Wire]) -> tuple[int, int]:
    """Return how often those keys were read; another number in the file means twice in one object, or where nobody looked."""
    if "message_changed" in [wire.subtype for wire in found]:
        return -1, -1  # its message lies deeper
    marks = [mark for wire in found for mark in (*wire.replies, *wire.files, *wire.attachments)]
    marks += [mark for wire in found for mark in (wire.edited, wire.comment) if mark is not None]
    stamps = len(found) + sum([mark.ts is not None for mark in marks])
    users = sum([wire.user is not None for wire in found]) + sum([mark.user is not None for mark in marks])
    return stamps, users


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
            found.update(user or EVERYBODY + group for user, group in _MENTION.findall(text))
    elif isinstance(text, frozenset):
        found |= text
    for key in _PARTS:
        if key in item and isinstance(item[key], list):
            found.update(*(part for part in item[key] if isinstance(part, frozenset)))
    if "user_id" in item and isinstance(item["user_id"], str):
        found.add(item["user_id"])
    elif item.get("type") in ("broadcast", "usergroup"):
        group = item.get("usergroup_id")
        found.add(EVERYBODY + group if isinstance(group, str) else EVERYBODY)
    return frozenset(found) if found else NOBODY


def mentions(wire: Wire) -> frozenset[str]:
    """Return who is mentioned in a message's text and blocks; both are searched as bytes and never decoded to text."""
    named, blocks = _in_text(bytes(wire.text)), bytes(wire.blocks)
    if _repeat(blocks, named):
        return frozenset(named) if named else NOBODY
    return _block_mentions(blocks).union(named)


def _repeat(blocks: bytes, named: Sequence[str]) -> bool:
    """Return whether blocks surely name nobody but these, as those of most messages do: then they need not be decoded."""
    if b'"broadcast"' in blocks:
        return False
    told = _in_text(blocks)
    if (first := blocks.find(b'"user')) >= 0:  # user_id, usergroup
        if b'"usergroup' in blocks or b"\\u" in blocks:
            return False
        told = told + [user.decode() for user in _USER_BYTES.findall(blocks, first)]
    return not told or {*told}.issubset(named)


def _in_text(text: bytes) -> list[str]:
    """Return whom brackets name, plain or escaped."""
    if b"\\" in text and b"\\u003" in text:
        return [user.decode() or EVERYBODY + group.decode() for user, group in _MENTION_BYTES.findall(text)]
    start = text.find(b"<")
    return [user.decode() or EVERYBODY + group.decode() for user, group in _MENTION_PLAIN.findall(text, start)] if start >= 0 else _NO_NAMES


def _block_mentions(blocks: bytes) -> frozenset[str]:
    try:
        return frozenset(_named(_BLOCKS.decode(blocks), set()))
    except (msgspec.MsgspecError, RecursionError):
        parts = json.loads(blocks, object_pairs_hook=project)
        return NOBODY.union(*(part for part in parts if isinstance(part, frozenset))) if isinstance(parts, list) else NOBODY


def _named(parts: Sequence[Part], found: set[str]) -> set[str]:
    """Add whom parts name to what was found, however deep they lie (msgspec bounds the depth)."""
    for part in parts:
        if part.user_id is not None:
            found.add(part.user_id)
        elif part.type in ("broadcast", "usergroup"):
            found.add(EVERYBODY + (part.usergroup_id or ""))
        if part.text is not _NOTHING:
            found.update(_in_text(bytes(part.text)))
        if part.elements:
            _named(part.elements, found)
        if part.fields:
            _named(part.fields, found)
    return found
