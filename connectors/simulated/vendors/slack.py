"""Slack's Web API over the simulated company: channels, history, replies, members, users, token check; content is canaries."""

import bisect
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from connectors.simulated.identities import SLACK_TEAM, Identities, canary
from connectors.simulated.records import records
from connectors.simulated.slack_zip import SlackZip
from connectors.simulated.vendors import deployments
from connectors.simulated.world import Call, Handler, Json, Reply, Route, World, opened, page_of, sealed
from ona.simulate.company import Company

TOKEN = "xoxb-fake-token"
SCOPES = ("channels:read", "channels:history", "users:read", "users:read.email", "usergroups:read", "team:read")
TIER_2, TIER_3, TIER_4, SPECIAL = 20.0, 50.0, 100.0, 300.0
"""Calls a minute, https://docs.slack.dev/apis/web-api/rate-limits."""
MOST = 999
CROWDED_PAGE = 15
"""Messages a page for apps that are held to one call a minute."""


@dataclass(frozen=True)
class Said:
    """One message as the export has it."""

    sent: int
    document: Json


@dataclass
class Room:
    """A channel: what stands in it and under its messages, each by time."""

    about: Json
    private: bool
    members: list[str]
    top: list[Said] = field(default_factory=list)
    threads: dict[str, list[Said]] = field(default_factory=dict)  # replies by the parent's time stamp


@dataclass
class Chat:
    """Everything that Slack knows, whenever it happens."""

    users: list[Json]
    rooms: dict[str, Room]
    groups: dict[str, list[str]] = field(default_factory=dict)
    """Members of user groups by id."""
    outside: set[str] = field(default_factory=set)
    """Channels in which the app is not a member."""
    silent: set[str] = field(default_factory=set)
    """Of these, channels that look empty instead of saying so."""

    def say(self, channel: str, document: Json) -> None:
        """Put a message where it belongs."""
        room, said = self.rooms[channel], Said(_microseconds(str(document["ts"])), document)
        thread = document.get("thread_ts")
        if thread is not None and thread != document["ts"]:
            bisect.insort(room.threads.setdefault(str(thread), []), said, key=_when)
        if thread in (None, document["ts"]) or document.get("subtype") == "thread_broadcast":
            bisect.insort(room.top, said, key=_when)


def chat(world: World) -> Chat:
    """Return what Slack knows of this world's company."""
    if "slack" not in world.stores:
        world.stores["slack"] = _chat(world.company, world.identities)
    found = world.stores["slack"]
    assert isinstance(found, Chat)
    return found


class Slack:
    """The Web API under ``/api/``."""

    def routes(self, world: World) -> Sequence[Route]:
        """Return the methods; the token of the README's recipe is known."""
        world.tokens.issued.setdefault(TOKEN, frozenset(SCOPES))
        methods: dict[str, tuple[Handler, float, str | None]] = {
            "auth.test": (_auth, SPECIAL, None),
            "team.info": (_team, TIER_3, "team:read"),
            "users.list": (_users, TIER_2, "users:read"),
            "usergroups.list": (_groups, TIER_2, "usergroups:read"),
            "conversations.list": (_list, TIER_2, "channels:read"),
            "conversations.members": (_members, TIER_4, "channels:read"),
            "conversations.history": (_history, TIER_3, "channels:history"),
            "conversations.replies": (_replies, TIER_3, "channels:history"),
            "admin.analytics.messages.metadata": (_metadata, TIER_2, "admin.analytics:read"),
        }
        return [Route(f"/api/{name}", _checked(handler, scope), name, per_minute=tier) for name, (handler, tier, scope) in methods.items()]

    def section(self, address: str, folder: Path, pace: float) -> str:
        """Return the settings of a deployment in the folder that pulls from here, and leave the token there."""
        token = deployments.secret(folder / "slack_token", TOKEN)
        return deployments.section("slack_web_api", pace, {"address": f"{address}/api/", "token_file": token})

    def refusal(self, code: str) -> Reply:
        """Return an error: Slack answers 200 but for rate limits."""
        error = {"no_token": "invalid_auth", "dead_token": "token_expired", "limited": "ratelimited"}.get(code, "fatal_error")
        return Reply({"ok": False, "error": error}, 429 if code == "limited" else 200)


def _error(code: str, **more: str) -> Reply:
    return Reply({"ok": False, "error": code, **more})


def _checked(handler: Handler, scope: str | None) -> Handler:
    def answer(world: World, call: Call) -> Reply:
        if scope is not None and scope not in call.scopes:
            return _error("missing_scope", needed=scope, provided=",".join(sorted(call.scopes)))
        reply = handler(world, call)
        return Reply(reply.content, reply.status, {**reply.headers, "X-OAuth-Scopes": ",".join(sorted(call.scopes))})

    return answer


def _auth(_: World, call: Call) -> Reply:
    return Reply(
        {"ok": True, "url": f"{call.address}/", "team": canary("team", 0), "team_id": SLACK_TEAM, "user_id": "U0APP", "bot_id": "B0APP"}
    )


def _team(_: World, __: Call) -> Reply:
    return Reply({"ok": True, "team": {"id": SLACK_TEAM, "name": canary("team", 0), "domain": "acme"}})


def _users(world: World, call: Call) -> Reply:
    hidden = frozenset() if "users:read.email" in call.scopes else frozenset({"email"})
    users = [
        user | {"profile": {key: value for key, value in _object(user["profile"]).items() if key not in hidden}}
        for user in chat(world).users
    ]
    return _listed(world, call, "members", users)


def _groups(world: World, call: Call) -> Reply:
    known, with_users = chat(world).groups, call.given.get("include_users") == "true"
    groups: list[Json] = [{"id": id, "name": canary("group", 1), "handle": canary("group", 2), "date_delete": 0} for id in known]
    return Reply({"ok": True, "usergroups": [one | ({"users": known[str(one["id"])]} if with_users else {}) for one in groups]})


def _object(value: object) -> Json:
    assert isinstance(value, dict)
    return value


def _list(world: World, call: Call) -> Reply:
    types = call.given.get("types", "public_channel").split(",")
    known, began = chat(world), int(datetime.combine(world.company.plan.start, datetime.min.time(), UTC).timestamp())
    rooms = [
        room.about | {"created": began, "num_members": len(room.members), "is_member": channel not in known.outside}
        for channel, room in sorted(known.rooms.items())
        if ("private_channel" if room.private else "public_channel") in types
    ]
    return _listed(world, call, "channels", rooms)


def _members(world: World, call: Call) -> Reply:
    room = chat(world).rooms.get(call.given.get("channel", ""))
    return _error("channel_not_found") if room is None else _listed(world, call, "members", room.members)


def _history(world: World, call: Call) -> Reply:
    channel = call.given.get("channel", "")
    room = _open(world, channel)
    if isinstance(room, Reply):
        return room
    latest, oldest = _bounds(world, call)
    return _messages(world, call, room, [said for said in room.top[::-1] if oldest < said.sent <= latest])


def _replies(world: World, call: Call) -> Reply:
    channel, thread = call.given.get("channel", ""), call.given.get("ts", "")
    room = _open(world, channel)
    if isinstance(room, Reply):
        return room
    latest, _ = _bounds(world, call)
    parents = [said for said in room.top if said.document["ts"] == thread]
    rows = parents[:1] + [said for said in room.threads.get(thread, []) if said.sent <= latest]
    if not any(_there(world, channel, said) for said in rows):
        return _error("thread_not_found")
    return _messages(world, call, room, rows)


def _metadata(world: World, call: Call) -> Reply:
    channel = call.given.get("channel", "")
    room = _open(world, channel)
    if isinstance(room, Reply):
        return room
    oldest, latest = (_microseconds(call.given[name]) for name in ("oldest_ts", "latest_ts"))
    under = [said for replies in room.threads.values() for said in replies if said.document.get("subtype") != "thread_broadcast"]
    rows = sorted((said for said in [*room.top, *under] if oldest <= said.sent <= latest and _there(world, channel, said)), key=_when)
    return _listed(world, call, "messages", [_counted(said.document) for said in rows])


def _counted(document: Json) -> Json:
    """Return a message as it is without its content."""
    reactions = document.get("reactions", ())
    assert isinstance(reactions, list | tuple)
    return {
        **{name: document[name] for name in ("type", "subtype", "ts", "thread_ts", "client_msg_id") if name in document},
        "user_id": document.get("user"),
        "text_character_count": len(str(document.get("text", ""))),
        "reactions": [{"name": one["name"], "count": one["count"]} for one in reactions],
    }


def _open(world: World, channel: str) -> Room | Reply:
    known = chat(world)
    if channel not in known.rooms:
        return _error("channel_not_found")
    room = known.rooms[channel]
    if channel in known.silent:
        return Room(room.about, room.private, room.members)
    return _error("not_in_channel") if channel in known.outside else room


def _bounds(world: World, call: Call) -> tuple[int, int]:
    """Return the newest moment shown, and the one before the oldest."""
    inclusive = call.given.get("inclusive") in ("1", "true")
    oldest = _microseconds(call.given["oldest"]) - inclusive if call.given.get("oldest") else -1
    latest = _microseconds(call.given["latest"]) - (not inclusive) if call.given.get("latest") else world.now
    return min(latest, world.now), oldest


def _messages(world: World, call: Call, room: Room, rows: Sequence[Said]) -> Reply:
    """Return a page of messages; those deleted leave a gap, so that a page may be short or empty and still have a next one."""
    channel = call.given["channel"]
    crowded = world.limits.get("conversations.history") == 1
    reply = _listed(world, call, "messages", rows, CROWDED_PAGE if crowded else MOST)
    if not isinstance(reply.content, dict) or not reply.content["ok"]:
        return reply
    page = [_shown(world, channel, room, said) for said in reply.content["messages"] if _there(world, channel, said)]
    more = bool(reply.content["response_metadata"]["next_cursor"])
    return Reply(reply.content | {"messages": world.faults.mangle(page), "has_more": more})


def _listed(world: World, call: Call, name: str, rows: Sequence[object], most: int = MOST) -> Reply:
    """Return a page; the cursor names the list and the place, and is good for this list only."""
    size = int(call.given.get("limit") or 100)
    if not 0 < size <= MOST:
        return _error("invalid_limit")
    key = [call.path, call.given.get("channel"), call.given.get("ts")]
    cursor = call.given.get("cursor")
    of, place = (opened(cursor) or (None, 0)) if cursor else (key, 0)
    if of != key:
        return _error("invalid_cursor")
    page, after = page_of(rows, place, min(size, most))
    following = "" if after is None else sealed([key, after])
    return Reply({"ok": True, name: page, "response_metadata": {"next_cursor": following}})


def _there(world: World, channel: str, said: Said) -> bool:
    return said.sent <= world.now and f"{channel}/{said.document['ts']}" not in world.deleted


def _shown(world: World, channel: str, room: Room, said: Said) -> Json:
    """Return a message as it looks now: its thread's counts are of the replies that are there."""
    under = [reply for reply in room.threads.get(str(said.document["ts"]), []) if _there(world, channel, reply)]
    ours = said.document.get("thread_ts") in (None, said.document["ts"])
    document = {key: value for key, value in said.document.items() if not (ours and key in _THREAD)}
    if under:
        users = list(dict.fromkeys(str(reply.document.get("user", reply.document.get("bot_id"))) for reply in under))
        counts = {"reply_count": len(under), "reply_users_count": len(users), "reply_users": users}
        document |= {"thread_ts": document["ts"], "latest_reply": under[-1].document["ts"], **counts}
    return document


_THREAD = frozenset({"thread_ts", "reply_count", "reply_users_count", "reply_users", "latest_reply", "replies"})


def _when(said: Said) -> int:
    return said.sent


def _microseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6] or 0)


class _Collected(SlackZip):
    """The export of the company, kept in memory instead of written."""

    def __init__(self, company: Company, identities: Identities) -> None:
        """Begin without a file."""
        super().__init__(company, identities, zipfile.ZipFile(io.BytesIO(), "w"))
        self.lists: dict[str, list[Json]] = {}

    def _write(self, name: str, rows: Iterable[Json]) -> None:
        self.lists[name] = list(rows)


def _chat(company: Company, identities: Identities) -> Chat:
    export = _Collected(company, identities)
    for batch in company.batches():
        export.week(records(batch))
    export.close()
    rooms, folders = {}, {}
    for list_, private in (("channels.json", False), ("groups.json", True)):
        for about in export.lists[list_]:
            members = [str(user) for user in about.pop("members")]
            rooms[str(about["id"])] = Room(about | {"is_channel": True, "is_private": private}, private, members)
            folders[str(about["name"])] = str(about["id"])
    found = Chat(export.lists["users.json"], rooms)
    for name, documents in export.lists.items():
        folder, _, day = name.partition("/")
        for document in documents if day and folder in folders else ():
            found.say(folders[folder], document)
    return found
