"""People of a SCIM 2.0 service (RFC 7643, 7644): ids, addresses, department and manager; names are not asked for."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from connectors import network
from connectors.base import Coverage, Cursor, RawPerson
from connectors.cells import CellError
from connectors.http import Answer, Client
from connectors.identity import COMMON_RULES, AddressRules, HandleError, address_reader, id_handle
from connectors.network import Plan, Surroundings
from connectors.pace import SAFETY
from connectors.pages import PageError
from connectors.records import NOTHING, Model, Raw, Text, day, label, present, read, read_text
from connectors.rounds import twice
from ona.errors import SettingsError
from ona.tables import AccountKind

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ATTRIBUTES = "id,userName,active,userType,emails,timezone,meta.lastModified," + ",".join(
    f"{ENTERPRISE}:{name}" for name in ("employeeNumber", "department", "manager.value")
)
"""Attributes asked for."""

PAGE = 100
PER_MINUTE = 120.0
"""Calls a minute; services publish no number, so a gentle one."""
MAX_ROUNDS = 3
"""Times that a list by number is read when it changed under the reader."""
MAX_USERS = 1_000_000
ACCEPTED = {"Accept": "application/scim+json"}
NOT_READ = ("names", "titles", "photos", "phone numbers", "private addresses")
HOW_TO = (
    "1. Make a token for the SCIM service of your directory that may read users and nothing else; put it into a file: "
    "chmod 600 HOME/scim_token",
    '2. In ona.toml: [connectors.scim] with url = "https://host/scim/v2" and token_file = "scim_token"',
    "3. ona pull scim --dry-run",
)
"""Steps that an operator takes, in words."""


class Config(network.Config):
    """Where the service is, and how its people are named elsewhere."""

    url: str
    """Address under which ``Users`` is found: https://host/scim/v2."""
    token_file: Path
    """File with the bearer token."""
    namespace: str = "scim"
    """Of the service's own ids."""
    employee_namespace: str = "hr"
    """Of the employee numbers; the one that the HR table uses."""
    addresses: AddressRules = COMMON_RULES


class Connector:
    """Reads people."""

    around: Surroundings = Surroundings()

    def __init__(self, config: Config) -> None:
        """Take the settings; nothing is sent yet."""
        self._config = config
        self._address = address_reader(config.addresses)

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield every user."""
        with self._client() as client:
            stream = client.stream("users")
            found = twice(lambda: users(lambda query: stream.get(query, headers=ACCEPTED).body, coverage))
        yield from people(found, coverage, self._address, self._config.namespace, self._config.employee_namespace)

    def forecast(self, cursor: Cursor) -> Plan:
        """Ask for one page of ids, which tells how many users there are and how many come at once."""
        with self._client() as client:
            begun = self.around.clock.tick()
            page = _page(client.stream("users").get(f"Users?startIndex=1&count={PAGE}&attributes=id", headers=ACCEPTED).body)
            took, each = self.around.clock.tick() - begun, 60.0 / (PER_MINUTE * self._config.pace * SAFETY)
        at_once = max(1, len(page.resources or ()))
        users = max(page.total_results or 0, len(page.resources or ()))
        calls = max(1, math.ceil(users / at_once))
        return Plan(users, 0, calls, max(calls * took, took + (calls - 1) * each), NOT_READ)

    def _client(self) -> Client:
        config = self._config
        options = replace(network.options(config, self.around, {"": PER_MINUTE}), judge=judged)
        return Client(config.url, lambda _: _secret(config.token_file), options)


class _Email(Model, frozen=True):
    value: Text | None = None
    type: Text | None = None
    primary: bool | None = None


class _Meta(Model, frozen=True):
    last_modified: Text | None = None


class _Manager(Model, frozen=True):
    value: Text | None = None


class _Enterprise(Model, frozen=True):
    employee_number: Text | None = None
    department: Text | None = None
    manager: Raw = NOTHING
    """An object with ``value``, or the id itself in some services."""


class User(Model, frozen=True):
    """What is read of a user."""

    id: Text | None = None
    user_name: Text | None = None
    active: bool | None = None
    user_type: Text | None = None
    emails: list[_Email] | None = None
    timezone: Text | None = None
    meta: _Meta | None = None
    enterprise: _Enterprise | None = msgspec.field(default=None, name=ENTERPRISE)


class Listing(Model, frozen=True):
    """One page."""

    resources: list[Raw] | None = msgspec.field(default=None, name="Resources")
    total_results: int | None = None
    next_cursor: Text | None = None
    status: Text | None = None
    """Of an error, which some services send as an answer like any other; it is text (RFC 7644 3.12)."""


Fetch = Callable[[str], bytes]
"""Reads what the query names, relative to the service's address."""


def users(fetch: Fetch, coverage: Coverage) -> list[User]:
    """Return every user once; a list that changed while it was read by number is read again, and what was seen is kept."""
    found: dict[str, User] = {}
    for _ in range(MAX_ROUNDS):
        total, seen = _round(fetch, found, coverage)
        if max(seen, len(found)) >= total:
            break
        coverage.notes["list_changed_while_read"] += 1
    return [found[id] for id in sorted(found)]


def _round(fetch: Fetch, found: dict[str, User], coverage: Coverage) -> tuple[int, int]:
    """Read the list once; return how many users the service says there are, and how many records came."""
    start, cursor, total, seen = 1, "", 0, set[str]()
    while True:
        page = _page(fetch(_query(start, cursor)))
        total = max(total, page.total_results or 0)
        resources = page.resources or []
        known = len(seen)
        seen.update(_take(raw, found, coverage) for raw in resources)
        if len(seen) == known and (resources or page.next_cursor):
            raise PageError("cursor_loop", "A page of a list brought nothing that was not already read")
        start += len({bytes(raw) for raw in resources})  # a record that came twice must not push the next one out
        cursor = page.next_cursor or ""
        if not cursor and (not resources or start > min(total, MAX_USERS)):
            return total, len(seen)


def judged(answer: Answer) -> str | None:
    """Return what is wrong with an answer that came with a good status: it is tried again."""
    if answer.status >= 300:
        return None
    try:
        page = read(answer.body, Listing)
    except CellError:
        return "html" if answer.body.lstrip()[:1] == b"<" else "cut_off"
    return "error_in_answer" if page.resources is None and page.status else None


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        raise SettingsError("The token file of the SCIM connector cannot be read. Check its path and its rights.") from None


def _query(start: int, cursor: str) -> str:
    place: dict[str, str | int] = {"cursor": cursor} if cursor else {"startIndex": start}
    return "Users?" + urlencode(place | {"count": PAGE, "attributes": ATTRIBUTES})


def _page(body: bytes) -> Listing:
    try:
        page = read(body, Listing)
    except CellError:
        raise PageError("not_json", "An answer is no JSON that could be read") from None
    if page.resources is None and not (page.total_results == 0 and page.status is None):
        raise PageError("error_in_answer" if page.status else "not_a_page", "An answer does not hold the list that was asked for")
    return page


def _take(raw: Raw, found: dict[str, User], coverage: Coverage) -> str:
    """Keep a user and return the id; of a record that cannot be used, something that tells it from others."""
    coverage.read += 1
    try:
        user = read(raw, User)
    except CellError as error:
        coverage.quarantined[error.code] += 1
        return f"\0{coverage.read}"
    if not user.id:
        coverage.quarantined["id_missing"] += 1
        return f"\0{coverage.read}"
    coverage.duplicate += user.id in found
    found[user.id] = user
    return user.id


def people(users: Sequence[User], coverage: Coverage, address: Callable[[str], str], namespace: str, employees: str) -> Iterator[RawPerson]:
    """Yield a person per user; ``namespace`` is that of the service's ids, ``employees`` that of the employee numbers."""
    main = {handle: user.id for user in users if (handle := _first(_mails(user), address)) is not None}
    for user in users:
        try:
            yield _person(user, coverage, address, main, (namespace, employees))
        except HandleError as error:
            coverage.quarantined[error.code] += 1


def _person(
    user: User, coverage: Coverage, address: Callable[[str], str], main: dict[str, str | None], namespaces: tuple[str, str]
) -> RawPerson:
    enterprise = user.enterprise or _Enterprise()
    anchor = id_handle(namespaces[0], user.id or "")
    addresses = []
    for raw in _mails(user):
        found = _first([raw], address)
        if found is None or main.get(found, user.id) != user.id:
            coverage.notes["alias_refused" if found is None else "alias_of_another"] += 1
        else:
            addresses.append(found)
    number = [id_handle(namespaces[1], enterprise.employee_number)] if enterprise.employee_number else []
    manager = _manager(enterprise.manager)
    return RawPerson(
        handles=tuple(dict.fromkeys((anchor, *addresses, *number))),
        manager=id_handle(namespaces[0], manager) if manager else None,
        group=label(enterprise.department),
        zone=label(user.timezone),
        left=day(user.meta.last_modified if user.meta else None) if user.active is False else None,
        kind=AccountKind.GUEST if (user.user_type or "").lower() in ("guest", "external", "contractor") else AccountKind.MEMBER,
    )


def _mails(user: User) -> list[str]:
    """Return the addresses of work, the main one first, and the user name where it is one; private ones are left alone."""
    work = [mail for mail in user.emails or () if mail.value and (mail.type or "work").lower() == "work"]
    ordered = [mail.value for mail in sorted(work, key=lambda mail: not mail.primary) if mail.value]
    return list(dict.fromkeys([*ordered, *([user.user_name] if user.user_name and "@" in user.user_name else [])]))


def _first(raw: Sequence[str], address: Callable[[str], str]) -> str | None:
    try:
        return address(raw[0]) if raw else None
    except HandleError:
        return None


def _manager(raw: Raw) -> str:
    if not present(raw):
        return ""
    try:
        return (read(raw, _Manager).value or "").strip()
    except CellError:
        try:
            return read_text(raw).strip()
        except CellError:
            return ""
