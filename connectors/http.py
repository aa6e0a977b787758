"""The one HTTP client of all network connectors: pinned to its host, paced, patient within a budget, bounded in size and time."""

import logging
import random
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from connectors.pace import DEFAULTS, SYSTEM, Breaker, Bucket, Budget, Clock, Policy, retry_after
from connectors.pinning import Resolve, resolved, transport, trusting
from ona.errors import AccessError, ConnectorError, SettingsError

for _name in ("httpx2", "httpcore2"):  # they log addresses of calls, and those hold user ids
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 509})
KEPT_HEADERS = frozenset({"content-type", "date", "location", "request-id", "retry-after", "x-oauth-scopes", "x-slack-req-id"})
SMALL_ANSWER = 2**20
"""Bytes up to which an answer may be compressed by any ratio."""
DEFAULT_PER_MINUTE = 600.0

Token = Callable[[bool], str]
"""Returns the access token; with True a fresh one, because a service refused the last."""

Watch = Callable[[str, int, int, float], None]
"""Takes the stream, its calls answered, its refusals so far, and the seconds until the next try (zero: none is waited for)."""


class LinkError(ConnectorError):
    """A link leads to another host, scheme or port than the connector was pinned to; nothing was sent there."""


class StatusError(ConnectorError):
    """A service refused a call for good."""

    def __init__(self, answer: "Answer") -> None:
        """Keep status and body for the connector, out of the sentence."""
        super().__init__(f"A service answered with status {answer.status}. The stream stays where it was.")
        self.status, self.answer = answer.status, answer


class UnavailableError(ConnectorError):
    """A service failed at every try; ``code`` says how the last one failed."""

    def __init__(self, code: str, tries: int) -> None:
        """Keep the code beside the sentence."""
        super().__init__(f"A service failed {tries} times in a row, last with: {code}. What was read is kept; pull again later.")
        self.code = code


class AnswerError(ConnectorError):
    """An answer breaks a bound; ``code`` is stable."""

    def __init__(self, code: str, seen: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(f"{seen} ({code}). The stream stays where it was; look at the service's address in the settings.")
        self.code = code


@dataclass(frozen=True, repr=False)
class Answer:
    """One whole answer; its body is content until a connector has projected it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Mask everything but the status."""
        return f"Answer({self.status})"


Judge = Callable[[Answer], str | None]
"""Returns None for an answer to be used, else the code of a passing fault that is worth another try."""


def whole_json(answer: Answer) -> str | None:
    """Judge an answer by whether it is JSON from beginning to end; a page of HTML or a cut-off answer is tried again."""
    if answer.status >= 300:
        return None
    start, end = answer.body.lstrip()[:1], answer.body.rstrip()[-1:]
    if (start, end) not in ((b"{", b"}"), (b"[", b"]")):
        return "html" if start == b"<" else "cut_off"
    try:
        msgspec.json.decode(answer.body, type=msgspec.Raw)  # checks the grammar and builds nothing
    except (msgspec.MsgspecError, RecursionError):
        return "cut_off"
    return None


def unauthorised(answer: Answer) -> bool:
    """Return whether an answer refuses the token."""
    return answer.status == 401


def anything(_: Answer) -> str | None:
    """Judge every answer as usable: for compressed files."""
    return None


@dataclass(frozen=True)
class Options:
    """What a client may be given besides its address and token."""

    policy: Policy = DEFAULTS
    clock: Clock = SYSTEM
    authority: Path | None = None  # certificate file of the only authority to trust; None for the system's
    proxy: str | None = None
    resolve: Resolve = resolved
    private: bool = False  # whether the host's name may lead to a private address
    rates: Mapping[str, float] = field(default_factory=dict)  # calls a minute by method
    judge: Judge = whole_json
    denied: Callable[[Answer], bool] = unauthorised  # whether an answer refuses the token
    watch: Watch | None = None
    seed: int | None = None  # of the jitter
    aside: Callable[[], AbstractContextManager[None]] = nullcontext  # entered while an answer is under way: others may go on then


@dataclass(frozen=True, repr=False)
class _Call:
    verb: str
    url: str
    method: str
    headers: Mapping[str, str]
    form: Mapping[str, str] | None


@dataclass(frozen=True)
class _Failure:
    """Why a try did not count, and the pause that the service asked for."""

    code: str
    pause: float | None = None


class Client:
    """Calls one host over TLS. Safe to use from several threads."""

    def __init__(self, address: str, token: Token | None = None, options: Options | None = None) -> None:
        """Pin the client to the host of an https address; the token is attached for that host only."""
        self.options = options or Options()
        self._address = address if address.endswith("/") else f"{address}/"
        self._pin = _pin(self._address)
        self._token = token
        policy, clock = self.options.policy, self.options.clock
        self._breaker = Breaker(policy, clock)
        self._random = random.Random(self.options.seed)
        self._buckets: dict[str, Bucket] = {}
        self._mailboxes: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()
        self._http = httpx2.Client(
            transport=self._transport(),
            trust_env=False,  # no .netrc, no proxy that nobody named
            follow_redirects=False,
            timeout=httpx2.Timeout(policy.call_seconds / 2, connect=10.0),
            headers={"Accept-Encoding": "gzip", "User-Agent": "ona"},
        )
        weakref.finalize(self, self._http.close)  # a client that nobody holds any more leaves no open sockets

    def _transport(self) -> httpx2.BaseTransport:
        options = self.options
        return transport(trusting(options.authority), options.proxy, options.resolve, private=options.private)

    def stream(self, name: str, mailbox: str | None = None, token: Token | None = None) -> "Stream":
        """Return the calls of one stream (channel, mailbox folder, list) with a budget of waiting, and maybe a token, of its own."""
        return Stream(self, name, mailbox, Budget(self.options.policy.budget), token or self._token)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    def resolve(self, target: str) -> str:
        """Return the full address of a path or link, or raise LinkError when it leads anywhere but to the pinned host."""
        url = urljoin(self._address, target)
        if _origin(url) != self._pin:
            raise LinkError("A link leads to another host than the connector was pinned to; it was not followed. Pull again later.")
        return url

    def bucket(self, method: str) -> Bucket:
        """Return the pace of one method."""
        with self._lock:
            if method not in self._buckets:
                rate = self.options.rates.get(method, self.options.rates.get("", DEFAULT_PER_MINUTE))
                self._buckets[method] = Bucket(rate, self.options.clock)
            return self._buckets[method]

    def send(self, call: _Call, stream: "Stream") -> Answer:
        """Make a call until it succeeds, is refused for good, or the stream's patience ends."""
        policy, bucket = self.options.policy, self.bucket(call.method)
        code = "not_tried"
        for attempt in range(policy.tries):
            while (closed := self._breaker.wait()) > 0:
                self._pause(stream, closed)
            bucket.wait()
            outcome = self._authorised(call, stream)
            if isinstance(outcome, Answer):
                bucket.granted()
                self._breaker.succeeded()
                return self._final(outcome, stream)
            code = outcome.code
            self._note(outcome, bucket, stream)
            if attempt + 1 < policy.tries:
                self._pause(stream, outcome.pause or self._random.uniform(0.0, min(policy.longest_wait, policy.first_wait * 2**attempt)))
        raise UnavailableError(code, policy.tries)

    def _final(self, answer: Answer, stream: "Stream") -> Answer:
        stream.answered()
        if self.options.denied(answer):
            raise AccessError(
                "A service refused the token even after it was renewed (auth_failed). Renew the credentials, then pull again."
            )
        if not 200 <= answer.status < 300:
            raise StatusError(answer)
        return answer

    def _note(self, failure: _Failure, bucket: Bucket, stream: "Stream") -> None:
        if failure.code in ("429", "ratelimited"):
            bucket.refused(failure.pause)
            self._breaker.succeeded()  # who refuses is there
            stream.limited += 1
        else:
            self._breaker.failed()

    def _pause(self, stream: "Stream", seconds: float) -> None:
        if seconds > 0:
            stream.budget.spend(seconds, self.options.policy.longest_wait)
            stream.report(seconds)
            self.options.clock.sleep(seconds)

    @contextmanager
    def _slot(self, mailbox: str | None) -> Iterator[None]:
        """Hold one of the few places that a mailbox has for calls at the same time."""
        if mailbox is None:
            yield
            return
        with self._lock:
            places = self._mailboxes.setdefault(mailbox, threading.BoundedSemaphore(self.options.policy.parallel))
        with places:
            yield

    def _authorised(self, call: _Call, stream: "Stream") -> Answer | _Failure:
        """Try once, and once more with a fresh token when the service refused the one at hand."""
        outcome = self._try(call, stream, renew=False)
        refused = isinstance(outcome, Answer) and self.options.denied(outcome) and stream.token is not None
        return self._try(call, stream, renew=True) if refused else outcome

    def _try(self, call: _Call, stream: "Stream", *, renew: bool) -> Answer | _Failure:
        headers = dict(call.headers)
        if stream.token is not None:
            headers["Authorization"] = f"Bearer {stream.token(renew)}"
        try:
            with self.options.aside(), self._slot(stream.mailbox):
                answer = self._exchange(call, headers)
        except (httpx2.TransportError, _SlowError, _CutOffError) as error:
            return _Failure(_CODES.get(type(error), "connection"))
        if answer.status in RETRIED:
            return _Failure(str(answer.status), retry_after(answer.headers.get("retry-after"), self.options.clock.now()))
        fault = self.options.judge(answer)
        return answer if fault is None else _Failure(fault, retry_after(answer.headers.get("retry-after"), self.options.clock.now()))

    def _exchange(self, call: _Call, headers: Mapping[str, str]) -> Answer:
        deadline = self.options.clock.tick() + self.options.policy.call_seconds
        with self._http.stream(call.verb, call.url, headers=headers, data=dict(call.form) if call.form else None) as response:
            body = b"".join(self._pieces(response, deadline))
        kept = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
        return Answer(response.status_code, kept, body)

    def _pieces(self, response: httpx2.Response, deadline: float) -> Iterator[bytes]:
        """Yield the body piece by piece, unpacked; stop at the first byte beyond a bound."""
        policy, packed, unpacked = self.options.policy, 0, 0
        unpack = _unpacker(response.headers.get("content-encoding", ""))
        for chunk in response.iter_raw():
            if self.options.clock.tick() > deadline:
                raise _SlowError
            piece = unpack(chunk, policy.largest_answer - unpacked + 1)
            packed, unpacked = packed + len(chunk), unpacked + len(piece)
            if unpacked > policy.largest_answer or unpacked > max(SMALL_ANSWER, policy.largest_ratio * packed):
                raise AnswerError("answer_too_large", "An answer unpacks to more than it may")
            yield piece
        if not unpack.complete:
            raise _CutOffError


@dataclass
class Stream:
    """The calls of one stream."""

    client: Client
    name: str
    mailbox: str | None
    budget: Budget
    token: Token | None = None
    fetched: int = 0
    limited: int = 0

    def get(self, target: str, *, method: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """Read a path below the client's address, or a link that a service gave."""
        return self.client.send(_Call("GET", self.client.resolve(target), method, headers or {}, None), self)

    def post(self, target: str, form: Mapping[str, str], *, method: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """Read by a form: only for methods that change nothing, because failures are tried again."""
        return self.client.send(_Call("POST", self.client.resolve(target), method, headers or {}, form), self)

    def answered(self) -> None:
        """Count one call."""
        self.fetched += 1
        self.report(0.0)

    def report(self, seconds: float) -> None:
        """Tell the watcher, if there is one."""
        if self.client.options.watch:
            self.client.options.watch(self.name, self.fetched, self.limited, seconds)


class _SlowError(Exception):
    """An answer took too long."""


class _CutOffError(Exception):
    """A compressed answer ended too early or is damaged."""


_CODES: dict[type[BaseException], str] = {_SlowError: "slow", _CutOffError: "cut_off", httpx2.RemoteProtocolError: "cut_off"}


class _Plain:
    complete = True

    def __call__(self, chunk: bytes, most: int) -> bytes:
        return chunk[:most]


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def __call__(self, chunk: bytes, most: int) -> bytes:
        try:
            return self._stream.decompress(chunk, most)
        except zlib.error:
            raise _CutOffError from None


def _unpacker(encoding: str) -> _Plain | _Gzip:
    if encoding in ("", "identity"):
        return _Plain()
    if encoding == "gzip":
        return _Gzip()
    raise AnswerError("answer_encoding", "An answer is compressed in a way that was not asked for")


def _pin(address: str) -> tuple[str, str, int]:
    origin = _origin(address)
    if origin is None:
        raise SettingsError("An address of a service is not usable. Expected https://host/path without a user name.")
    return origin


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for an address that is not plain https."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return None
    plain = parts.scheme == "https" and parts.hostname and parts.username is None and parts.password is None and "\\" not in url
    return (parts.scheme, parts.hostname.lower(), port) if plain and parts.hostname else None
