"""People of a Google Workspace: users, those deleted of late, their managers and all their addresses."""

import math
from collections.abc import Iterator
from dataclasses import replace

from connectors.base import Coverage, Cursor, RawPerson
from connectors.cells import CellError
from connectors.google import login
from connectors.google.people import FIELDS, User
from connectors.google.people import people as people_of
from connectors.google.workspace import RATES, SIGN_IN, Connected, Directory
from connectors.network import Meter, Plan
from connectors.pages import PartError, each
from connectors.records import read
from connectors.rounds import twice

NOT_READ = ("photos", "phone numbers", "private addresses", "job titles")
HOW_TO = login.how_to("directory")
PAGE = 500
"""Users of a page, the most that there may be."""


class Config(login.Config):
    """How people are named elsewhere."""

    employee_namespace: str = "hr"
    """Of the employee ids; the one that the HR table uses."""


class Connector(Connected[Config]):
    """Reads people."""

    part = "directory"

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield every user, and those deleted in the last 20 days."""
        try:
            users = self._users({}, coverage)
            try:
                users += self._users({"showDeleted": "true"}, coverage)
            except PartError:
                coverage.notes["deleted_users_not_read"] += 1
            yield from people_of(users, coverage, self._address, self._config.employee_namespace)
        finally:
            self._close()

    def forecast(self, cursor: Cursor) -> Plan:
        """Count the users by their addresses; one page of those deleted of late is added."""
        try:
            meter = Meter(self.around.clock, RATES["directory"] * self._config.pace)
            users = len(Directory(self._directory, self._config.admin, self._address, Coverage()).owners(()))
            meter.made = self._directory.calls + SIGN_IN
            return replace(meter.plan(users, [0.0], SIGN_IN + math.ceil(users / PAGE) + 1, NOT_READ), streams=0)
        finally:
            self._close()

    def _users(self, more: dict[str, str], coverage: Coverage) -> list[User]:
        first = self._directory.path(
            "users", {"customer": "my_customer", "maxResults": str(PAGE), "projection": "full", "fields": FIELDS, **more}
        )
        found: dict[str, User] = {}
        for raw in twice(lambda: list(each(self._directory.pages(first, "users", self._config.admin)))):
            coverage.read += 1
            try:
                user = read(raw, User)
            except CellError as error:
                coverage.quarantined[error.code] += 1
                continue
            coverage.duplicate += (user.id or "") in found
            found[user.id or ""] = user
        return [found[id] for id in sorted(found)]
