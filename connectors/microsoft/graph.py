"""Answers of Microsoft Graph: pages, errors in whatever dress, and links that lead nowhere else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from connectors import network
from connectors.cells import CellError
from connectors.http import Answer as HttpAnswer
from connectors.http import Client, StatusError, Stream
from connectors.lanes import Lanes
from connectors.microsoft import sent
from connectors.microsoft.login import Config, Login
from connectors.network import Scopes, Surroundings
from connectors.pages import Page, PageError, PartError, ResyncError, walk
from connectors.records import NOTHING, Model, Raw, Text, present, read, read_list

HEADERS = {"Prefer": 'IdType="ImmutableId", odata.maxpagesize=100, outlook.timezone="UTC"'}
"""Ids that last when a mail is moved, pages that do not time out, times in one zone."""

DIRECTORY, TRACE, MAILBOX = "directory", "message_trace", "mailbox"
RATES = {DIRECTORY: 2_000.0, TRACE: 20.0, MAILBOX: 1_000.0}
"""Calls a minute: half of what small tenants may in the directory, 100 traces in 5 minutes, 10,000 calls per mailbox in 10."""

PAGE = 100
"""Records of one page, as ``HEADERS`` ask."""
SIGN_IN = 2
"""Calls for a token: where to ask, and the asking."""
UNCOUNTED = 10
"""Pages that a list is taken to have when there is more than one and nobody says how many."""

C = TypeVar("C", bound=Config)

_CODE = re.compile(r"[A-Za-z]{1,60}")


class _Inner(Model, frozen=True):
    code: Text | None = None


class _Fault(Model, frozen=True):
    code: Text | None = None
    inner_error: _Inner | None = None
    innererror: _Inner | None = None


class Answer(Model, frozen=True):
    """An answer that is a page or an error; both kinds come with status 200."""

    value: Raw = NOTHING
    next: str | None = msgspec.field(default=None, name="@odata.nextLink")
    delta: str | None = msgspec.field(default=None, name="@odata.deltaLink")
    count: int | None = msgspec.field(default=None, name="@odata.count")
    error: _Fault | None = None
    bare: Text | None = msgspec.field(default=None, name="code")

    @property
    def is_error(self) -> bool:
        """Whether this is an error, whatever its status was."""
        return self.error is not None or (not present(self.value) and self.bare is not None)

    @property
    def code(self) -> str:
        """Return the deepest error code that is one; empty when there is none."""
        fault = self.error or _Fault()
        deep = [inner.code for inner in (fault.inner_error, fault.innererror) if inner]
        return next((code for code in (*deep, fault.code, self.bare) if code and _CODE.fullmatch(code) and code != "string"), "")


def page_of(body: bytes) -> Page:
    """Return the page that an answer holds; anything else is a PageError that repeats nothing but a known code."""
    try:
        answer = read(body, Answer)
        if not answer.is_error and present(answer.value):
            return Page(read_list(answer.value), answer.next, answer.delta)
    except CellError:
        raise PageError("not_json", "An answer of Graph is no JSON that could be read") from None
    raise PageError("error_in_answer", f"An answer of Graph holds an error instead of a page: {answer.code or 'without a code'}")


@dataclass
class Graph:
    """Reads Graph for one connector: the right headers, the right errors, page by page."""

    client: Client
    login: Login
    base: str
    streams: dict[str, Stream] = field(default_factory=dict)
    calls: int = 0

    def close(self) -> None:
        """Close all connections."""
        self.client.close()
        self.login.close()

    def url(self, path: str, query: dict[str, str] | None = None) -> str:
        """Return an address below version 1.0."""
        return f"{self.base}/v1.0/{path}" + (f"?{urlencode(query, quote_via=quote, safe='$,():')}" if query else "")

    def body(self, url: str, owner: str = DIRECTORY) -> bytes:
        """Return an answer."""
        self.calls += 1
        try:
            return self._stream(owner).get(url, method=owner if owner in RATES else MAILBOX, headers=HEADERS).body
        except StatusError as error:
            raise _meaning(error) from None

    def pages(self, first: str, owner: str = DIRECTORY) -> Iterator[Page]:
        """Yield the pages of a list; ``owner`` is whose mailbox it comes from, or which of the shared limits holds."""
        return walk(first, lambda url: self._page(url, owner))

    def counted(self, url: str, owner: str) -> tuple[int, list[Raw]]:
        """Return how many records a list has and some of them; a service that does not count is taken at its first page."""
        answer = read(self.body(url, owner), Answer)
        items = read_list(answer.value) if present(answer.value) else []
        return (len(items) * (UNCOUNTED if answer.next else 1) if answer.count is None else answer.count), items

    def _page(self, url: str, owner: str) -> Page:
        """Return a page whose links stay within Graph: one that leads away must neither be followed nor be kept as a position."""
        page = page_of(self.body(url, owner))
        if any(link and not link.startswith(f"{self.base}/v1.0/") for link in (page.next, page.final)):
            raise PageError("link_elsewhere", "A link to a next page leads away from Graph")
        return page

    def _stream(self, owner: str) -> Stream:
        """Return the calls of one mailbox, whose patience is its own."""
        if owner not in self.streams:
            self.streams[owner] = self.client.stream(owner if owner in RATES else f"mailbox {len(self.streams)}", owner)
        return self.streams[owner]


def open_graph(config: Config, around: Surroundings, lanes: Lanes) -> Graph:
    """Return Graph for one connector; nothing is sent yet."""
    options = replace(network.options(config, around, RATES), clock=lanes, judge=judged, aside=lanes.aside)
    login = Login(config, lanes)
    return Graph(Client(f"{config.graph}/v1.0/", login.token, options), login, config.graph)


def judged(answer: HttpAnswer) -> str | None:
    """Return what is wrong with an answer that came with a good status: it is tried again."""
    if answer.status >= 300:
        return None
    try:
        return "error_in_answer" if read(answer.body, Answer).is_error else None
    except CellError:
        return "html" if answer.body.lstrip()[:1] == b"<" else "cut_off"


def _meaning(error: StatusError) -> Exception:
    """Say what a status means for the stream that met it."""
    try:
        code = read(error.answer.body, Answer).code
    except CellError:
        code = ""
    if error.status == 410 or code.lower() in ("syncstatenotfound", "resyncrequired"):
        return ResyncError("Graph has forgotten a position. The stream is read anew.")
    if error.status == 403:
        return PartError("denied")
    return PartError("no_mailbox" if code == "MailboxNotEnabledForRESTAPI" else "not_found" if error.status == 404 else "not_answered")


class Connected(Generic[C]):
    """What the connectors of this family share: settings, how addresses are read, and a connection opened at the first call."""

    part: ClassVar[str]
    """Name in ``login.NEEDED`` of what is read."""
    around: Surroundings = Surroundings()

    def __init__(self, config: C) -> None:
        """Take the settings; nothing is sent yet."""
        self._config = config
        self._address = sent.addresses(config.addresses)

    @cached_property
    def _graph(self) -> Graph:
        return open_graph(self._config, self.around, self._lanes)

    @cached_property
    def _lanes(self) -> Lanes:
        return Lanes(self.around.clock, self._config.abreast)

    def check(self) -> Scopes:
        """Return what the sign-in may do against what is needed."""
        return Login(self._config, self.around.clock).scopes(self.part)

    def _close(self) -> None:
        """Close all connections; a later call opens new ones."""
        if (held := self.__dict__.pop("_graph", None)) is not None:
            held.close()
