"""Google Workspace for one connector: sign-in in somebody's name, errors of all its services, whose mailboxes there are, and lists."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import ClassVar, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic import Field

from connectors import network
from connectors.base import Coverage, Cursor
from connectors.cells import CellError
from connectors.google import people, rest
from connectors.google.login import LISTING, NEEDED, Config, Login
from connectors.http import Answer, Client, StatusError, Stream
from connectors.identity import address_reader
from connectors.lanes import Lanes
from connectors.network import PROBED, Meter, Plan, Scopes, Surroundings
from connectors.pages import Page, PageError, PartError, ResyncError, each, walk
from connectors.records import M, Raw, read
from connectors.rounds import twice

C = TypeVar("C", bound=Config)
P = TypeVar("P", bound="PerOwnerConfig")

RATES = {"gmail": 3_000.0, "calendar": 600.0, "directory": 1_200.0}
"""Calls a minute: 15,000 units per user at 5 each; 600 per user; half of what the Directory grants by default."""

SIGN_IN = 1
"""Calls for a token, in each name."""

LIMITED = frozenset(("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED"))
"""Reasons of a 403 that mean too many calls."""


@dataclass
class Service:
    """One of Google's services, called in many names."""

    name: str
    base: str
    config: Config
    around: Surroundings
    login: Login
    scopes: tuple[str, ...]
    lanes: Lanes
    streams: dict[str, Stream] = field(default_factory=dict)
    calls: int = 0

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        if (client := self.__dict__.pop("_client", None)) is not None:
            client.close()
        self.streams.clear()
        self.login.close()

    def body(self, path: str, subject: str) -> bytes:
        """Return an answer in somebody's name."""
        self.calls += 1
        try:
            return self._in_the_name_of(subject).get(path, method=self.name).body
        except StatusError as error:
            raise _meaning(error) from None

    def pages(self, first: str, name: str, subject: str, start: str | None = None) -> Iterator[Page]:
        """Yield the pages of a list, from its first page or a later one on; ``name`` is the list in an answer."""
        return walk(start or first, lambda path: rest.page_of(self.body(path, subject), name, first))

    def path(self, path: str, query: Mapping[str, str | tuple[str, ...]]) -> str:
        """Return a path with its parameters."""
        return f"{self.base}/{path}?{urlencode(query, quote_via=quote, safe='(),/', doseq=True)}"

    def _in_the_name_of(self, subject: str) -> Stream:
        """Return the calls in one name, whose token and patience are their own."""
        if subject not in self.streams:
            name = f"{self.name} {len(self.streams) + 1}"
            token = partial(self.login.token, subject, self.scopes)
            self.streams[subject] = self._client.stream(name, subject, lambda fresh: token(fresh=fresh))
        return self.streams[subject]

    @cached_property
    def _client(self) -> Client:
        options = replace(network.options(self.config, self.around, RATES), clock=self.lanes, judge=judged, aside=self.lanes.aside)
        return Client(f"{self.base}/", None, options)


def judged(answer: Answer) -> str | None:
    """Return what is wrong with an answer that may pass: it is tried again."""
    if answer.status == 403:
        return "ratelimited" if rest.reason(answer.body) in LIMITED else None
    if answer.status >= 300:
        return None
    try:
        return "error_in_answer" if read(answer.body, rest.Answer).is_error else None
    except CellError:
        return "html" if answer.body.lstrip()[:1] == b"<" else "cut_off"


def _meaning(error: StatusError) -> Exception:
    """Say what a status means for the stream that met it."""
    if error.status == 410:
        return ResyncError("Google has forgotten a position. The stream is read anew.")
    return PartError({403: "denied", 404: "not_found", 400: "no_mailbox"}.get(error.status, "not_answered"))


@dataclass
class Directory:
    """The directory as far as the other connectors need it: whose mailboxes there are, and who is in a list."""

    service: Service
    admin: str
    address: Callable[[str], str]
    coverage: Coverage
    groups: dict[str, str] = field(default_factory=dict)
    """Group id by address."""
    known: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    def owners(self, only: Sequence[str]) -> list[str]:
        """Return the main addresses of everybody with a mailbox, or of a pilot, in the order of their ids."""
        query = {"customer": "my_customer", "maxResults": "500", "fields": "nextPageToken,users(id,primaryEmail,suspended,archived)"}
        users = self._records("users", query, people.User)
        found = (user.primary_email for user in sorted(users, key=lambda user: user.id or "") if user.primary_email)
        return [name for name in dict.fromkeys(found) if not only or name in only]

    def load(self) -> None:
        """Learn which addresses are lists; a workspace that does not let us loses nothing but that."""
        query = {"customer": "my_customer", "maxResults": "200", "fields": "nextPageToken,groups(id,email,aliases,nonEditableAliases)"}
        try:
            for group in self._records("groups", query, people.Group):
                self.groups |= dict.fromkeys(people.list_addresses(group, self.address), group.id or "")
        except PartError:
            self.coverage.notes["groups_not_read"] += 1

    def members(self, handle: str) -> tuple[str, ...] | None:
        """Return the members of a list, None for somebody who is no list or for one that cannot be read."""
        id = self.groups.get(handle)
        if id is None:
            return None
        if id not in self.known:
            self.known[id] = self._members(id)
        return self.known[id]

    def _members(self, id: str) -> tuple[str, ...] | None:
        query = {"includeDerivedMembership": "true", "maxResults": "200", "fields": "nextPageToken,members(id,email,type)"}
        try:
            found = (people.member(one, self.address) for one in self._records(f"groups/{id}/members", query, people.Member, "members"))
            return tuple(sorted({handle for handle in found if handle is not None}))
        except PartError:
            self.coverage.notes["lists_not_read"] += 1
            return None

    def _records(self, path: str, query: dict[str, str], kind: type[M], name: str = "") -> list[M]:
        first = self.service.path(path, query)
        raw = twice(lambda: list(each(self.service.pages(first, name or path, self.admin))))
        return [record for item in raw if (record := _readable(item, kind)) is not None]


def _readable(raw: Raw, kind: type[M]) -> M | None:
    """Return a record, None for one that cannot be read: the others can."""
    try:
        return read(raw, kind)
    except CellError:
        return None


def directory_service(config: Config, around: Surroundings, login: Login, scopes: tuple[str, ...], lanes: Lanes) -> Service:
    """Return the Directory."""
    return Service("directory", f"{config.admin_api}/admin/directory/v1", config, around, login, scopes, lanes)


class Connected(Generic[C]):
    """What the connectors of this family share: settings, how addresses are read, and services opened at the first call."""

    part: ClassVar[str]
    """Name in ``login.NEEDED`` of what is read."""
    around: Surroundings = Surroundings()

    def __init__(self, config: C) -> None:
        """Take the settings; nothing is sent yet."""
        self._config = config
        self._address = address_reader(config.addresses)

    @cached_property
    def _login(self) -> Login:
        return Login(self._config, self._lanes)

    @cached_property
    def _lanes(self) -> Lanes:
        return Lanes(self.around.clock, self._config.abreast)

    @cached_property
    def _directory(self) -> Service:
        return directory_service(self._config, self.around, self._login, self._listing(), self._lanes)

    def _listing(self) -> tuple[str, ...]:
        """Return the scopes for asking whom there is."""
        return LISTING

    def check(self) -> Scopes:
        """Return what the sign-in may do against what is needed."""
        return Login(self._config, self.around.clock).scopes(tuple(dict.fromkeys((*NEEDED[self.part], *self._listing()))))

    def _close(self) -> None:
        """Close all connections; a later call opens new ones."""
        for name in ("_service", "_directory"):
            if (held := self.__dict__.pop(name, None)) is not None:
                held.close()


class PerOwnerConfig(Config):
    """Whose data, and how far back."""

    days: int = Field(default=90, ge=1, le=400)
    """Days read in the first pull."""
    only: tuple[str, ...] = ()
    """Addresses of a pilot, whose own data alone are read; everybody's when empty."""
    lists: bool = False
    """Whether to take mailing lists apart, with admin.directory.group.member.readonly."""


class PerOwner(Connected[P]):
    """A connector that reads one mailbox or calendar after the other."""

    root: ClassVar[str]
    """Path of the service below its address."""
    not_read: ClassVar[tuple[str, ...]]
    """What stays unread, in words."""

    @cached_property
    def _service(self) -> Service:
        base, needed = f"{self._host()}/{self.root}", NEEDED[self.part]
        return Service(self.part, base, self._config, self.around, self._login, needed, self._lanes)

    def forecast(self, cursor: Cursor) -> Plan:
        """Look at the first page of each owner and reckon how many calls all of them take; nothing of it is kept."""
        try:
            meter = Meter(self.around.clock, RATES[self.part] * self._config.pace, self._lanes.overlapping)
            directory = Directory(self._directory, self._config.admin, self._address, Coverage())
            if self._config.lists:
                directory.load()
            ids = directory.owners(self._config.only)
            before = self._directory.calls
            probed = [SIGN_IN + self._asked(id, cursor.streams) for id in ids[:PROBED]]
            meter.made = before + self._service.calls + SIGN_IN * len(probed)
            return meter.plan(len(ids), probed, before + SIGN_IN, self.not_read)
        finally:
            self._close()

    def _asked(self, id: str, streams: Mapping[str, str]) -> float:
        """Return about how many calls one owner takes; somebody who cannot be read takes one."""
        try:
            return self._probe(id, streams, int(self.around.clock.now() * 1_000_000))
        except (PartError, PageError, ResyncError):
            return 1.0

    def _probe(self, id: str, streams: Mapping[str, str], now: int) -> float:
        """Return about how many calls one owner takes."""
        raise NotImplementedError

    def _host(self) -> str:
        """Return the address of the service."""
        return self._config.api

    def _listing(self) -> tuple[str, ...]:
        return NEEDED["directory"] if self._config.lists else LISTING
