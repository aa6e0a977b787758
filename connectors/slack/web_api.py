"""Slack's Web API through slack-sdk: public channels by default, every channel from its own durable position, late replies included."""

import math
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr, model_validator
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.slack_response import SlackResponse

import connectors.network
from connectors.base import Coverage, Cursor, RawPerson
from connectors.http import Answer, Client, Stream, whole_json
from connectors.identity import AddressRules, HandleError, address_reader
from connectors.network import Asked, Plan, Scopes, Step, Surroundings
from connectors.pages import Page, PageError, walk
from connectors.slack import wire
from connectors.slack.records import Directory, Reader, Space
from connectors.slack.walk import Position, Reach, Walk, moment
from ona.errors import AccessError, ConnectorError, RateLimitError, SettingsError
from ona.tables import SpaceKind

TIERS = {
    "auth.test": 300.0,
    "users.list": 20.0,
    "usergroups.list": 20.0,
    "conversations.list": 20.0,
    "conversations.members": 100.0,
    "conversations.history": 50.0,
    "conversations.replies": 50.0,
    "admin.analytics.messages.metadata": 20.0,
}
"""Calls a minute of an internal app, https://docs.slack.dev/apis/web-api/rate-limits; lower ones are learnt from refusals."""

PASSING = frozenset(
    {"ratelimited", "rate_limited", "request_timeout", "fatal_error", "internal_error", "service_unavailable", "team_added_to_org"}
)
"""Errors of answers with status 200 that are worth another try."""
DENIED = frozenset({"invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive"})
"""Errors that refuse the token."""

NEEDED = ("channels:history", "channels:read", "users:read")
PRIVATE = ("groups:history", "groups:read")
DIRECT = ("im:history", "im:read", "mpim:history", "mpim:read")
HARMLESS = frozenset({"users:read.email", "team:read", "usergroups:read", "reactions:read"})
"""Scopes that show no text, so they are not too wide."""

PAGE = 200
PROBED = 100
"""Channels that a forecast looks at; the others are taken to be like them."""
NOT_READ = ("message text, files, links and names of channels and emoji", "direct messages", "private channels")


HOW_TO = (
    "1. On api.slack.com/apps choose Create New App, From a manifest, and give it the manifest that lies here:",
    f"   {Path(__file__).with_name('manifest.json')}",
    "   It asks for public channels and users, changes nothing and stays inside your company: such apps keep Slack's full rates.",
    "2. Install it, invite its bot to the channels that may be counted, and put the bot token into a file: chmod 600 HOME/slack_token",
    '3. In ona.toml: [connectors.slack_web_api] with token_file = "slack_token"',
    "4. ona connect slack_web_api --check, then: ona pull slack_web_api --dry-run",
)
"""Steps that an operator takes, in words."""


class Config(connectors.network.Config):
    """Where the service is, who asks, and which conversations may be read."""

    address: str = "https://slack.com/api/"
    token: SecretStr | None = Field(default=None, repr=False)
    token_file: Path | None = None
    """File with the token, readable by its owner alone; it is read again when Slack refuses the token."""
    private: bool = False
    """Read private channels too."""
    direct: bool = False
    """Read direct and group messages too."""
    user_groups: bool = False
    """Take user groups that are mentioned apart, with usergroups:read; without, such a mention is of everybody."""
    channels: frozenset[str] | None = None
    """Ids or names of the only channels to be read."""
    days: int = Field(default=91, ge=1)
    """How far the first pull of a channel reaches back."""
    lookback_days: int = Field(default=28, ge=2)
    """How far later pulls look for new replies, edits and deletions under older messages."""
    per_minute: dict[str, float] = Field(default={})
    """Call rates by method, where they differ from those of an internal app."""
    page: int = Field(default=PAGE, ge=1, le=999)
    addresses: AddressRules = AddressRules()

    @model_validator(mode="after")
    def _has_token(self) -> "Config":
        if self.token is None and self.token_file is None:
            raise ValueError(
                "needs token_file, or the token in ONA_CONNECTORS__NAME__TOKEN with NAME in capitals, for instance SLACK_WEB_API"
            )
        return self


@dataclass(frozen=True)
class Told:
    """What every channel is read with."""

    known: Directory
    cursor: Cursor
    coverage: Coverage


class Connector:
    """Reads the users and the channels that the app may see."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take the settings; nothing is called yet."""
        self._config = config
        self._client: Client | None = None
        self._users: list[wire.User] | None = None
        self.around = Surroundings()

    def steps(self, coverage: Coverage, cursor: Cursor) -> Iterator[Step]:
        """Yield the events of every channel page by page; a channel that cannot be read is counted and leaves its cursor alone."""
        upper = int(self.around.clock.now() * 1_000_000)
        known = wire.directory(self._team(), self._known_users(Coverage()), self._groups(coverage))
        rooms = self._rooms()
        asked = Asked(coverage, "channels")
        asked.asked(len(rooms))
        for room in rooms:
            try:
                yield from self._room(room, upper, Told(known, cursor, coverage))
                asked.read()
            except AccessError:
                raise
            except RateLimitError:
                asked.skipped("parked")
            except ConnectorError as error:
                asked.refused(getattr(error, "code", "failed"))

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield everyone in the list of users: members, guests, bots, those who left."""
        address = address_reader(self._config.addresses)
        found = self._known_users(coverage)
        known = wire.directory(self._team(), found)
        for user in found:
            try:
                yield wire.person(user, known, coverage, address)
            except HandleError as error:
                coverage.quarantined[error.code] += 1

    def check(self) -> Scopes:
        """Ask Slack what the token may do."""
        answer = _Web(self._http().stream("auth")).auth_test()
        granted = tuple(sorted(scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()))
        groups = ("usergroups:read",) if self._config.user_groups else ()
        needed = tuple(sorted({*NEEDED, *groups, *(PRIVATE if self._config.private else ()), *(DIRECT if self._config.direct else ())}))
        return Scopes(granted, needed, tuple(scope for scope in granted if scope not in needed and scope not in HARMLESS))

    def forecast(self, cursor: Cursor) -> Plan:
        """Look at the newest page of each channel and reckon how many pages and threads there are; nothing of it is kept."""
        people, rooms = len(self._known_users(Coverage())), self._rooms()
        upper = int(self.around.clock.now() * 1_000_000)
        probed = [self._probe(room, Position.read(cursor.streams.get(room.id)), upper) for room in rooms[:PROBED]]
        scale = len(rooms) / len(probed) if probed else 0.0
        histories, replies = (scale * sum(found[place] for found in probed) for place in (0, 1))
        listed = math.ceil(people / PAGE) + math.ceil(len(rooms) / PAGE)
        seconds = scale * sum(found[2] for found in probed) + listed * self._interval("users.list")
        unread = tuple(one for one, on in zip(NOT_READ, (False, self._config.direct, self._config.private), strict=True) if not on)
        return Plan(people, len(rooms), round(histories + replies) + listed + 1, seconds, unread)

    def _room(self, room: wire.Channel, upper: int, told: Told) -> Iterator[Step]:
        """Finish the walk that was broken off, if there is one, then walk from this run's upper bound."""
        stream, position = self._http().stream(room.id), Position.read(told.cursor.streams.get(room.id))
        space = Space(room.id, room.kind, self._inside(room, stream))
        broken_off = position.upper if position.walked is not None else None
        for bound in dict.fromkeys((broken_off, upper)):
            if bound is not None and bound != position.done:
                begun = replace(position, upper=bound, walked=position.walked if bound == broken_off else None)
                reader = Reader(space, told.known, told.coverage, int(self.around.clock.now() * 1_000_000))
                for step in self._walk(stream, room, reader, begun).steps():
                    position = Position.read(step.streams[room.id])
                    yield step

    def _walk(self, stream: Stream, room: wire.Channel, reader: Reader, position: Position) -> Walk:
        config = self._config

        def pages(method: str, given: Mapping[str, str]) -> Iterator[Page]:
            return listed(stream, method, "messages", given)

        return Walk(pages, reader, position, Reach(config.days, config.lookback_days), config.page, room.is_member)

    def _inside(self, room: wire.Channel, stream: Stream) -> tuple[str, ...]:
        """Return who is in a direct or group conversation."""
        if room.kind not in (SpaceKind.DIRECT, SpaceKind.GROUP):
            return ()
        pages = listed(stream, "conversations.members", "members", {"channel": room.id, "limit": str(PAGE)})
        return tuple(sorted({id for page in pages for id in wire.ids(page.items)}))

    def _probe(self, room: wire.Channel, position: Position, upper: int) -> tuple[float, float, float]:
        """Return about how many calls for history and for threads a channel takes, and the seconds."""
        reader = Reader(Space(room.id, room.kind), Directory("T"), Coverage(), upper)
        way = self._walk(self._http().stream(room.id), room, reader, replace(position, upper=upper, walked=None))
        try:
            page = next(way.pages("conversations.history", way.window(upper + 1)))
        except ConnectorError:
            return 1.0, 0.0, self._interval("conversations.history")
        heads = [one for raw in page.items if (one := wire.head(raw)) is not None]
        stamps = [at for one in heads if (at := moment(one.ts)) is not None]
        oldest = max(way.oldest, room.created * 1_000_000)
        share = max(1.0, (upper - oldest) / max(1, upper - min(stamps))) if page.next and stamps else 1.0
        threads = sum(math.ceil((one.reply_count + 1) / self._config.page) for one in heads if one.reply_count and way.changed(one))
        per_page = max(self._interval("conversations.history"), threads * self._interval("conversations.replies"))
        return math.ceil(share), threads * share, per_page * share

    def _interval(self, method: str) -> float:
        """Return the seconds between two calls."""
        return 60.0 / self._http().bucket(method).rate

    def _rooms(self) -> list[wire.Channel]:
        """Return the channels that the settings allow, by id."""
        types = ["public_channel", *(["private_channel"] if self._config.private else []), *(["im", "mpim"] if self._config.direct else [])]
        given = {"types": ",".join(types), "limit": str(PAGE), "exclude_archived": "false"}
        pages = listed(self._http().stream("channels"), "conversations.list", "channels", given)
        found = {room.id: room for page in pages for room in wire.channels(page.items)}
        chosen = self._config.channels
        return [found[id] for id in sorted(found) if chosen is None or id in chosen or found[id].name in chosen]

    def _known_users(self, coverage: Coverage) -> list[wire.User]:
        """Return all users, asked for once."""
        if self._users is None:
            pages = listed(self._http().stream("users"), "users.list", "members", {"limit": str(PAGE)})
            found = {user.id: user for page in pages for user in wire.users(page.items, coverage)}
            coverage.duplicate += coverage.read - coverage.quarantined["user_malformed"] - len(found)
            self._users = [found[id] for id in sorted(found)]
        else:
            coverage.read += len(self._users)
        return self._users

    def _groups(self, coverage: Coverage) -> dict[str, tuple[str, ...]]:
        """Return the members of user groups; a workspace that does not let us know them loses nothing but that."""
        if not self._config.user_groups:
            return {}
        try:
            pages = listed(self._http().stream("usergroups"), "usergroups.list", "usergroups", {"include_users": "true"})
            return {id: members for page in pages for id, members in wire.groups(page.items).items()}
        except _RefusedError:
            coverage.notes["user_groups_not_read"] += 1
            return {}

    def _team(self) -> str:
        found = _data(_Web(self._http().stream("auth")).auth_test())
        team = found["enterprise_id"] or found["team_id"]
        if not team:
            raise PageError("no_team", "Slack does not say which workspace the token belongs to")
        return str(team)

    def _http(self) -> Client:
        if self._client is None:
            config = self._config
            given = connectors.network.options(config, self.around, {**TIERS, **config.per_minute})
            options = replace(given, judge=_judge, denied=_denied)
            self._client = Client(config.address, _token(config), options)
        return self._client


class _RefusedError(ConnectorError):
    """A channel cannot be read; ``code`` is Slack's word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refused a channel ({code}). Its cursor stays where it was.")
        self.code = code


class _Web(WebClient):
    """slack-sdk's client, whose calls go through ours: its own retries, its logging of answers and its JSON are not used."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(base_url=stream.client.resolve(""), retry_handlers=[])
        self._stream = stream

    def _urllib_api_call(self, *, url: str, body_params: Mapping[str, Any] | None = None, **_: object) -> SlackResponse:
        """Send a call and give back the envelope alone; the records in it stay undecoded."""
        form = {name: str(value) for name, value in (body_params or {}).items() if name != "token"}
        answer = self._stream.post(url, form, method=url.rpartition("/")[2])
        found = wire.envelope(answer.body) or wire.Envelope()
        data = {name: getattr(found, name) for name in (*found.__struct_fields__, "next")} | {"error": None if found.ok else found.code}
        response = SlackResponse(
            client=self, http_verb="POST", api_url=url, req_args={}, data=data, headers=dict(answer.headers), status_code=answer.status
        )
        response.validate()  # type: ignore[no-untyped-call]  # slack-sdk leaves it without types
        return response


def _data(response: SlackResponse) -> dict[str, Any]:
    assert isinstance(response.data, dict)
    return response.data


def listed(stream: Stream, method: str, name: str, given: Mapping[str, str]) -> Iterator[Page]:
    """Yield the pages of a list; an answer that is not ok is an error, never an empty page."""
    web = _Web(stream)

    def fetch(cursor: str) -> Page:
        try:
            data = _data(web.api_call(method, params={**given, **({"cursor": cursor} if cursor else {})}))
        except SlackApiError as error:
            raise _RefusedError(str(_data(error.response)["error"])) from None
        if not bytes(data[name]):
            raise PageError("not_a_page", "An answer of Slack does not hold the list that was asked for")
        if data["has_more"] and not data["next"]:
            raise PageError("no_cursor", "Slack says that there is more and not where")
        return Page(wire.items(data[name]), data["next"])

    return walk("", fetch)


def _judge(answer: Answer) -> str | None:
    if (fault := whole_json(answer)) is not None or answer.status >= 300:
        return fault
    found = wire.envelope(answer.body)
    if found is None:
        return "not_slack"
    return found.code if not found.ok and found.code in PASSING else None


def _denied(answer: Answer) -> bool:
    found = wire.envelope(answer.body)
    return answer.status == 401 or (found is not None and not found.ok and found.code in DENIED)


def _token(config: Config) -> Callable[[bool], str]:
    kept = [] if config.token is None else [config.token.get_secret_value()]

    def token(fresh: bool) -> str:
        if config.token_file is not None and (fresh or not kept):
            kept[:] = [_secret(config.token_file)]
        return kept[0]

    return token


def _secret(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            shared = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            text = file.read(4096).strip()
    except OSError as error:
        raise SettingsError(f"The token file {path} cannot be read ({error.strerror}). Mend `token_file` in ona.toml.") from None
    if shared or not text:
        raise SettingsError(f"The token file {path} is empty or can be read by others. Put the token in it and run: chmod 600 {path}")
    return text
