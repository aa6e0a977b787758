"""Users, groups and their members as Microsoft Graph gives them → people with all their addresses, and lists with theirs."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from connectors.base import Coverage, RawPerson
from connectors.identity import HandleError, entra_handle, id_handle
from connectors.records import NOTHING, Model, Raw, Text, day, label
from ona.tables import AccountKind

SELECT = (
    "id,displayName,userPrincipalName,mail,proxyAddresses,userType,accountEnabled,employeeId,department,officeLocation,createdDateTime,"
    "deletedDateTime"
)
MAX_ADDRESSES = 1_000
"""Addresses of one user; an Exchange mailbox has fewer (its limit is 300)."""

PURPOSES = {"shared": AccountKind.SHARED, "room": AccountKind.ROOM, "equipment": AccountKind.ROOM}
"""What a mailbox is for → what stands behind the account; user, linked and others are people."""

_NO_PERSON = frozenset(f"#microsoft.graph.{name}" for name in ("group", "device", "servicePrincipal", "administrativeUnit"))


class Manager(Model, frozen=True):
    """Somebody's manager by object id."""

    id: Text | None = None


class User(Model, frozen=True):
    """What is read of a user."""

    id: Text | None = None
    display_name: Text | None = None
    user_principal_name: Text | None = None
    mail: Text | None = None
    proxy_addresses: list[Text] | None = None
    user_type: Text | None = None
    account_enabled: bool | None = None
    employee_id: Text | None = None
    department: Text | None = None
    office_location: Text | None = None
    created_date_time: Text | None = None
    deleted_date_time: Text | None = None
    manager: Manager | None = None
    removed: Raw = msgspec.field(default=NOTHING, name="@removed")
    type: Text | None = msgspec.field(default=None, name="@odata.type")

    @property
    def is_guest(self) -> bool:
        """Whether the user belongs to another company."""
        return self.user_type == "Guest" or "#EXT#" in (self.user_principal_name or "").upper()


class Group(Model, frozen=True):
    """What is read of a group: its addresses."""

    id: Text | None = None
    mail: Text | None = None
    proxy_addresses: list[Text] | None = None


class Purpose(Model, frozen=True):
    """What a mailbox is for."""

    value: Text | None = None


def people(
    users: Sequence[User], tenant: str, coverage: Coverage, address: Callable[[str], str], kinds: Mapping[str, AccountKind], namespace: str
) -> Iterator[RawPerson]:
    """Yield a person per user; somebody's main address is never believed to be another one's alias.

    ``kinds`` are the kinds of mailboxes by object id, ``namespace`` that of the employee ids.
    """
    main = {handle: user.id for user in users if (handle := _handle(user.mail, address)) is not None}
    for user in users:
        try:
            yield _person(user, tenant, coverage, _addresses(user, address, coverage, main), kinds, namespace)
        except HandleError as error:
            coverage.quarantined[error.code] += 1


def _person(
    user: User, tenant: str, coverage: Coverage, handles: Sequence[str], kinds: Mapping[str, AccountKind], namespace: str
) -> RawPerson:
    anchor = entra_handle(tenant, user.id or "")
    number = (id_handle(namespace, user.employee_id),) if user.employee_id and user.employee_id.strip() else ()
    if user.account_enabled is False and not user.deleted_date_time:
        coverage.notes["account_disabled"] += 1
    return RawPerson(
        handles=tuple(dict.fromkeys((anchor, *handles, *number))),
        name=label(user.display_name),
        manager=entra_handle(tenant, user.manager.id) if user.manager and user.manager.id else None,
        group=label(user.department),
        site=label(user.office_location),
        joined=day(user.created_date_time),
        left=day(user.deleted_date_time),
        kind=kinds.get(user.id or "", AccountKind.GUEST if user.is_guest else AccountKind.MEMBER),
    )


def _addresses(user: User, address: Callable[[str], str], coverage: Coverage, main: Mapping[str, str | None]) -> list[str]:
    """Return the main address, the sign-in name and the aliases, each once; ``otherMails`` are private and never read."""
    sign_in = None if user.is_guest else user.user_principal_name
    raw = [name for name in (user.mail, sign_in) if name and "@" in name]
    proxies = user.proxy_addresses or []
    if len(proxies) > MAX_ADDRESSES:
        coverage.notes["aliases_cut"] += len(proxies) - MAX_ADDRESSES
    raw += [text for proxy in proxies[:MAX_ADDRESSES] if (text := _proxy(proxy))]
    found = dict.fromkeys(handle for text in raw if (handle := _counted(text, address, coverage)) is not None)
    own = [handle for handle in found if main.get(handle, user.id) == user.id or handle == _handle(user.mail, address)]
    if len(own) < len(found):
        coverage.notes["alias_of_another"] += len(found) - len(own)
    return own


def _proxy(proxy: str) -> str:
    """Return the address of ``SMTP:``, ``smtp:`` and ``X500:`` entries; others (SIP, SPO) are no mail addresses."""
    scheme, _, rest = proxy.partition(":")
    return rest if scheme.lower() in ("smtp", "x500") else ""


def _counted(text: str, address: Callable[[str], str], coverage: Coverage) -> str | None:
    if (found := _handle(text, address)) is None:
        coverage.notes["alias_refused"] += 1
    return found


def _handle(text: str | None, address: Callable[[str], str]) -> str | None:
    try:
        return address(text) if text else None
    except HandleError:
        return None


def list_addresses(group: Group, address: Callable[[str], str]) -> list[str]:
    """Return the handles under which a group gets mail."""
    raw = [group.mail or "", *map(_proxy, group.proxy_addresses or ())]
    return list(dict.fromkeys(handle for text in raw if (handle := _handle(text, address)) is not None))


def member(user: User, tenant: str, address: Callable[[str], str]) -> str | None:
    """Return the handle of a group's member; None for groups inside it, which the service has taken apart already."""
    if user.type in _NO_PERSON:
        return None
    try:
        return _handle(user.mail, address) or entra_handle(tenant, user.id or "")
    except HandleError:
        return None
