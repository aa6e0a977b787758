"""Whose mailboxes a connector reads, the mailing lists among the recipients, and the account of what could not be read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.base import Coverage
from connectors.cells import CellError
from connectors.microsoft import people
from connectors.microsoft.graph import Graph
from connectors.pages import PartError, each
from connectors.records import M, Raw, read
from connectors.rounds import twice


@dataclass
class Lists:
    """Members of the tenant's mailing lists, each fetched when the first mail to it is met."""

    graph: Graph
    tenant: str
    address: Callable[[str], str]
    coverage: Coverage
    groups: dict[str, str] = field(default_factory=dict)
    """Group id by address."""
    known: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Members by group id; None for a list that cannot be taken apart."""

    def load(self) -> None:
        """Learn which addresses are lists; a tenant that does not let us loses nothing but that."""
        query = {"$select": "id,mail,proxyAddresses", "$filter": "mailEnabled eq true", "$top": "999"}
        try:
            groups = twice(lambda: list(each(self.graph.pages(self.graph.url("groups", query)))))
        except PartError:
            self.coverage.notes["groups_not_read"] += 1
            return
        for raw in groups:
            if (group := _readable(raw, people.Group)) is not None:
                self.groups |= dict.fromkeys(people.list_addresses(group, self.address), group.id or "")

    def members(self, handle: str) -> tuple[str, ...] | None:
        """Return the members of a list, None for somebody who is no list or for one that cannot be read."""
        id = self.groups.get(handle)
        if id is None:
            return None
        if id not in self.known:
            self.known[id] = self._fetched(id)
        return self.known[id]

    def _fetched(self, id: str) -> tuple[str, ...] | None:
        first = self.graph.url(f"groups/{id}/transitiveMembers", {"$select": "id,mail", "$top": "999"})
        try:
            users = [user for raw in each(self.graph.pages(first)) if (user := _readable(raw, people.User)) is not None]
        except PartError:
            self.coverage.notes["lists_not_read"] += 1
            return None
        found = (people.member(user, self.tenant, self.address) for user in users)
        return tuple(sorted({handle for handle in found if handle is not None}))


def owners(graph: Graph, chosen: str | None) -> dict[str, str]:
    """Return object id → address of those whose mailboxes are read: members of the pilot group, else everybody who is no guest."""
    query = {"$select": "id,userType,userPrincipalName,mail", "$top": "999"}
    path = f"groups/{chosen}/transitiveMembers" if chosen else "users"
    found = (_readable(raw, people.User) for raw in twice(lambda: list(each(graph.pages(graph.url(path, query))))))
    users = [user for user in found if user is not None]
    kept = {user.id: user.mail or "" for user in users if user.id and not user.is_guest and user.type != "#microsoft.graph.group"}
    return dict(sorted(kept.items()))


def _readable(raw: Raw, kind: type[M]) -> M | None:
    """Return a record, None for one that cannot be read: the others can."""
    try:
        return read(raw, kind)
    except CellError:
        return None
