"""People of a Microsoft 365 tenant: users, those deleted of late, their managers, all their addresses and what mailboxes are for."""

import math
from collections.abc import Iterator
from dataclasses import replace

from connectors.base import Coverage, Cursor, RawPerson
from connectors.cells import CellError
from connectors.microsoft import login
from connectors.microsoft.graph import DIRECTORY, RATES, SIGN_IN, Connected
from connectors.microsoft.people import PURPOSES, SELECT, Purpose, User
from connectors.microsoft.people import people as people_of
from connectors.network import Meter, Plan
from connectors.pages import PartError, each
from connectors.records import read
from connectors.rounds import twice
from ona.tables import AccountKind

NOT_READ = ("photos", "phone numbers", "private addresses", "job titles")
HOW_TO = login.how_to("directory")
PAGE = 100
"""Users of a page; more of them with their managers would time out."""


class Config(login.Config):
    """How people are named elsewhere."""

    employee_namespace: str = "hr"
    """Of the employee ids; the one that the HR table uses."""
    mailbox_purpose: bool = False
    """Whether to ask of each mailbox what it is for: one call per user, with MailboxSettings.Read."""


class Connector(Connected[Config]):
    """Reads people."""

    part = "directory"

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield every user, and those deleted in the last 30 days."""
        try:
            query = {"$select": SELECT, "$expand": "manager($select=id)", "$top": str(PAGE)}
            users = self._users("users", query, coverage)
            try:
                users += self._users("directory/deletedItems/microsoft.graph.user", {"$select": SELECT, "$top": str(PAGE)}, coverage)
            except PartError:
                coverage.notes["deleted_users_not_read"] += 1
            kinds = self._kinds(users, coverage) if self._config.mailbox_purpose else {}
            yield from people_of(users, self._config.tenant, coverage, self._address, kinds, self._config.employee_namespace)
        finally:
            self._close()

    def forecast(self, cursor: Cursor) -> Plan:
        """Count the users by their ids; one page of those deleted of late is added."""
        try:
            meter = Meter(self.around.clock, RATES[DIRECTORY] * self._config.pace)
            users = sum(1 for _ in each(self._graph.pages(self._graph.url("users", {"$select": "id", "$top": "999"}))))
            meter.made = self._graph.calls + SIGN_IN
            asked = [float(self._config.mailbox_purpose)]
            return replace(meter.plan(users, asked, SIGN_IN + math.ceil(users / PAGE) + 1, NOT_READ), streams=0)
        finally:
            self._close()

    def _users(self, path: str, query: dict[str, str], coverage: Coverage) -> list[User]:
        found: dict[str, User] = {}
        for raw in twice(lambda: list(each(self._graph.pages(self._graph.url(path, query))))):
            coverage.read += 1
            try:
                user = read(raw, User)
            except CellError as error:
                coverage.quarantined[error.code] += 1
                continue
            coverage.duplicate += (user.id or "") in found
            found[user.id or ""] = user
        return [found[id] for id in sorted(found)]

    def _kinds(self, users: list[User], coverage: Coverage) -> dict[str, AccountKind]:
        found = {}
        for user in users:
            if user.id and not user.is_guest and not user.deleted_date_time:
                try:
                    url = self._graph.url(f"users/{user.id}/mailboxSettings/userPurpose")
                    purpose = read(self._graph.body(url, user.id), Purpose).value or ""
                except (PartError, CellError):
                    coverage.notes["mailbox_purpose_unknown"] += 1
                    continue
                if purpose in PURPOSES:
                    found[user.id] = PURPOSES[purpose]
        return found
