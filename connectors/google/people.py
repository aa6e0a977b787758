"""Users and list members as Google's Directory gives them → people with all their addresses."""

from collections.abc import Callable, Iterator, Sequence

from connectors.base import Coverage, RawPerson
from connectors.identity import HandleError, id_handle
from connectors.records import Model, Text, day, label
from ona.tables import AccountKind

FIELDS = (
    "nextPageToken,users(id,primaryEmail,name/fullName,aliases,nonEditableAliases,suspended,archived,isGuestUser,orgUnitPath,"
    "relations(type,value),organizations(department,location,primary),externalIds(type,value),creationTime,deletionTime)"
)
"""Mask of a page of users: no phones, addresses, photographs or notes."""

MAX_ALIASES = 1_000
NAMESPACE = "google"
"""Of the ids of users, which last when an address changes."""


class _Name(Model, frozen=True):
    full_name: Text | None = None


class _Typed(Model, frozen=True):
    type: Text | None = None
    value: Text | None = None


class _Organization(Model, frozen=True):
    department: Text | None = None
    location: Text | None = None
    primary: bool | None = None


class User(Model, frozen=True):
    """What is read of a user."""

    id: Text | None = None
    primary_email: Text | None = None
    name: _Name | None = None
    aliases: list[Text] | None = None
    non_editable_aliases: list[Text] | None = None
    suspended: bool | None = None
    archived: bool | None = None
    is_guest_user: bool | None = None
    relations: list[_Typed] | None = None
    organizations: list[_Organization] | None = None
    external_ids: list[_Typed] | None = None
    creation_time: Text | None = None
    deletion_time: Text | None = None


class Member(Model, frozen=True):
    """Somebody in a group."""

    id: Text | None = None
    email: Text | None = None
    type: Text | None = None


class Group(Model, frozen=True):
    """A mailing list: its addresses."""

    id: Text | None = None
    email: Text | None = None
    aliases: list[Text] | None = None
    non_editable_aliases: list[Text] | None = None


def people(users: Sequence[User], coverage: Coverage, address: Callable[[str], str], namespace: str) -> Iterator[RawPerson]:
    """Yield a person per user; somebody's main address is never believed to be another one's alias.

    ``namespace`` is that of the employee ids.
    """
    main = {handle: user.id for user in users if (handle := handle_of(user.primary_email, address)) is not None}
    for user in users:
        try:
            yield _person(user, coverage, address, main, namespace)
        except HandleError as error:
            coverage.quarantined[error.code] += 1


def _person(user: User, coverage: Coverage, address: Callable[[str], str], main: dict[str, str | None], namespace: str) -> RawPerson:
    own = address(user.primary_email or "")
    aliases = []
    for raw in [*(user.aliases or ()), *(user.non_editable_aliases or ())][:MAX_ALIASES]:
        found = handle_of(raw, address)
        if found is None or main.get(found, user.id) != user.id:
            coverage.notes["alias_refused" if found is None else "alias_of_another"] += 1
        else:
            aliases.append(found)
    if user.suspended or user.archived:
        coverage.notes["account_disabled"] += 1
    organization = next(iter(sorted(user.organizations or (), key=lambda one: not one.primary)), _Organization())
    return RawPerson(
        handles=tuple(dict.fromkeys((id_handle(NAMESPACE, user.id or ""), own, *aliases, *_numbers(user, namespace)))),
        name=label(user.name.full_name if user.name else None),
        manager=next((found for one in user.relations or () if one.type == "manager" and (found := handle_of(one.value, address))), None),
        group=label(organization.department),
        site=label(organization.location),
        joined=day(user.creation_time),
        left=day(user.deletion_time),
        kind=AccountKind.GUEST if user.is_guest_user else AccountKind.MEMBER,
    )


def _numbers(user: User, namespace: str) -> list[str]:
    """Return the employee number that HR gave; other external ids mean nothing here."""
    return [id_handle(namespace, one.value) for one in user.external_ids or () if one.type == "organization" and one.value][:1]


def handle_of(raw: str | None, address: Callable[[str], str]) -> str | None:
    """Return the handle of an address, None when there is none that can be read."""
    try:
        return address(raw) if raw else None
    except HandleError:
        return None


def list_addresses(group: Group, address: Callable[[str], str]) -> list[str]:
    """Return the handles under which a group gets mail."""
    raw = [group.email, *(group.aliases or ()), *(group.non_editable_aliases or ())]
    return list(dict.fromkeys(handle for text in raw if (handle := handle_of(text, address)) is not None))


def member(one: Member, address: Callable[[str], str]) -> str | None:
    """Return the handle of a group's member; None for groups inside it and for the whole company."""
    return handle_of(one.email, address) if one.type in ("USER", "EXTERNAL", None) else None
