"""Slack's message metadata for owners of an Enterprise organisation: who wrote when in which thread, without any content at all."""

import json
from collections.abc import Iterator

import msgspec

from connectors.base import Coverage
from connectors.network import Scopes, Step
from connectors.slack import web_api, wire
from connectors.slack.decoding import Wire
from connectors.slack.records import Reader, Space
from connectors.slack.walk import stamp
from ona.tables import SpaceKind

METHOD = "admin.analytics.messages.metadata"
NEEDED = ("admin.analytics:read", "channels:read", "users:read")
OVERLAP = 2 * 86_400_000_000  # microseconds read again, for records that Slack made late

HOW_TO = (
    "1. An owner of the Enterprise organisation gives the app admin.analytics:read, channels:read and users:read (a user token).",
    '2. Put the token into a file, chmod 600, and in ona.toml: [connectors.slack_analytics] with token_file = "slack_token"',
    "3. ona connect slack_analytics --check, then: ona pull slack_analytics --dry-run",
    "Slack gives no mentions and does not say who reacted here; helpers and brokers are then seen by threads alone.",
)
"""Steps that an operator takes, in words."""


class Config(web_api.Config):
    """The same as of the Web API."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """What is read of a message."""

    ts: str
    type: str = "message"
    subtype: str | None = None
    thread_ts: str | None = None
    user_id: str | None = None

    def __repr__(self) -> str:
        """Mask everything."""
        return "Record(…)"


class Connector(web_api.Connector):
    """Reads users and channels as the Web API does, and of messages their metadata alone."""

    def check(self) -> Scopes:
        """Ask Slack what the token may do."""
        found = super().check()
        return Scopes(found.granted, NEEDED, tuple(one for one in found.granted if one not in (*NEEDED, *web_api.HARMLESS)))

    def _room(self, room: wire.Channel, upper: int, told: web_api.Told) -> Iterator[Step]:
        """Yield a channel page by page; its position moves with the last one."""
        if room.kind is not SpaceKind.CHANNEL:
            return
        done = json.loads(told.cursor.streams.get(room.id, "null"))
        oldest = upper - self._config.days * 86_400_000_000 if done is None else done - OVERLAP
        window = {"channel": room.id, "limit": str(self._config.page), "oldest_ts": stamp(oldest), "latest_ts": stamp(upper)}
        reader = Reader(Space(room.id, room.kind), told.known, told.coverage, upper)
        for page in web_api.listed(self._http().stream(room.id), METHOD, "messages", window):
            found = sorted((one for raw in page.items if (one := _record(raw, told.coverage)) is not None), key=lambda one: one.ts)
            events = [event for one in found for event in reader.events(_wire(one))]
            yield Step(events, {} if page.next else {room.id: json.dumps(upper)})


def _record(raw: msgspec.Raw, coverage: Coverage) -> Record | None:
    try:
        return msgspec.json.decode(raw, type=Record)
    except msgspec.MsgspecError:
        coverage.read += 1
        coverage.quarantined["not_a_message"] += 1
        return None


def _wire(one: Record) -> Wire:
    return Wire(one.ts, type=one.type, subtype=one.subtype, user=one.user_id, thread_ts=one.thread_ts)
