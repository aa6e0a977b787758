"""The HR table: CSV with known or mapped columns becomes people; whether the tree they form makes sense is judged later."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from connectors.archive import FileError, read_bytes
from connectors.base import Coverage, RawPerson
from connectors.cells import CellError, Csv, Row, day, number, truth
from connectors.columns import TableConfig, placed
from connectors.identity import HandleError, address_reader, id_handle, slack_handle
from ona.tables import AccountKind

MAX_TEXT = 200
"""Characters of a name or label; longer ones are no labels."""

COLUMNS = {
    "employee_id": ("employee_id", "id", "person_id", "employee_number"),
    "email": ("email", "employee_email", "mail", "e_mail"),
    "name": ("name", "full_name", "display_name"),
    "aliases": ("aliases", "alias", "proxy_addresses"),
    "slack_id": ("slack_id",),
    "manager": ("manager_id", "reports_to_id", "reports_to", "manager", "manager_email"),
    "dotted_manager": ("dotted_manager_id", "dotted_manager"),
    "team": ("team",),
    "site": ("site", "location", "office"),
    "function": ("function", "job_family"),
    "department": ("department", "group"),
    "level": ("level", "grade"),
    "named_lead": ("named_lead",),
    "service_role": ("service_role",),
    "on_call": ("on_call",),
    "protected": ("protected",),
    "named_on_map": ("named_on_map",),
    "objected": ("objected",),
    "fte": ("fte",),
    "work_days": ("work_days",),
    "time_zone": ("time_zone", "timezone", "zone", "tz"),
    "language": ("language",),
    "start_date": ("start_date", "join_date", "hire_date", "joined"),
    "end_date": ("end_date", "leave_date", "left"),
    "valid_from": ("valid_from", "snapshot_date", "snapshot"),
    "kind": ("kind", "employment_type", "account_kind"),
}
"""What a column is → the normal header names that are taken for it, the first found wins."""

_KINDS = {kind.name.lower(): kind for kind in AccountKind}
_DAYS = {name: 1 << n for n, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_KindName = Literal["MEMBER", "GUEST", "BOT", "SHARED", "ROOM", "TECHNICAL", "FORMER", "EXTERNAL"]


class Config(TableConfig):
    """Where the table lies and how its columns are named."""

    path: Path
    namespace: str = "hr"
    """Of the employee ids; the one that event tables use when they name people by the same ids."""
    slack_team: str | None = None
    """Team id for ``slack_id`` cells without one (``T1/U7`` carries its own)."""
    kind_from_manager: dict[str, _KindName] = Field(default_factory=dict)
    """Text that stands in the manager column of accounts that are no people → what they are."""
    alias_separator: str = ";"


class Connector:
    """Reads an HR table."""

    def __init__(self, config: Config) -> None:
        """Take the file and its column map."""
        self._config = config

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield one person per row; several rows of one person are dated versions, repeated rows are dropped."""
        with Csv(read_bytes(self._config.path), self._config.delimiter, self._config.encoding) as table:
            reader = _Reader(self._config, _columns(self._config, table.header), coverage)
            seen: set[int] = set()
            for row in table.rows():
                coverage.read += 1
                if row.fault is not None:
                    coverage.quarantined[row.fault] += 1
                elif (digest := hash(tuple(row.cells))) in seen:
                    coverage.dropped["row_repeated"] += 1
                else:
                    seen.add(digest)
                    if (person := reader.person(row)) is not None:
                        yield person


def _columns(config: Config, header: Sequence[str]) -> dict[str, int]:
    found = placed(header, COLUMNS, config.columns)
    if not found.keys() & {"employee_id", "email"}:
        raise FileError(
            "columns_missing", "There is neither an employee_id nor an email column", "Set `columns` in the connector's settings."
        )
    return found


@dataclass(frozen=True)
class _Cells:
    """One row by what its columns are; an absent column reads as empty."""

    row: Row
    at: Mapping[str, int]

    def text(self, role: str) -> str:
        return self.row.cells[self.at[role]].strip() if role in self.at else ""

    def label(self, role: str) -> str | None:
        """Return a name or label without the apostrophe that spreadsheets put before formulas; None when empty."""
        text = self.text(role)
        if len(text) > MAX_TEXT or not (text.isprintable() or not text):
            raise CellError("label_unreadable")
        return text.removeprefix("'") or None

    def truth(self, role: str) -> bool:
        return truth(self.text(role))


class _Reader:
    """Turns rows into people and counts what it cannot use."""

    def __init__(self, config: Config, at: dict[str, int], coverage: Coverage) -> None:
        self._config, self._at, self._coverage = config, at, coverage
        self._address: Callable[[str], str] = address_reader(config.addresses)
        self._kinds = {text.strip().lower(): _KINDS[kind.lower()] for text, kind in config.kind_from_manager.items()}
        self._days = lru_cache(64)(_work_days)

    def person(self, row: Row) -> RawPerson | None:
        """Return the row's person, or count the row where it belongs."""
        try:
            return self._person(_Cells(row, self._at))
        except (CellError, HandleError) as error:
            self._coverage.quarantined[error.code] += 1
        return None

    def _person(self, cells: _Cells) -> RawPerson:
        manager = cells.text("manager")
        kind = self._kinds.get(manager.lower())
        level = number(cells.text("level"), 0, 99)
        order = self._config.date_order
        return RawPerson(
            handles=self._handles(cells),
            name=cells.label("name"),
            manager=self._manager(manager) if kind is None else None,
            dotted_manager=self._manager(cells.text("dotted_manager")),
            team=cells.label("team"),
            site=cells.label("site"),
            function=cells.label("function"),
            group=cells.label("department"),
            level=None if level is None else int(level),
            named_lead=cells.truth("named_lead"),
            service_role=cells.truth("service_role"),
            on_call=cells.truth("on_call"),
            protected=cells.truth("protected"),
            fte=_fte(cells.text("fte")),
            work_days=self._days(cells.text("work_days")),
            zone=cells.label("time_zone"),
            language=cells.label("language"),
            joined=day(cells.text("start_date"), order),
            left=day(cells.text("end_date"), order),
            kind=kind or self._kind(cells.text("kind")),
            valid_from=day(cells.text("valid_from"), order),
            named_on_map=cells.truth("named_on_map"),
            objected=cells.truth("objected"),
        )

    def _handles(self, cells: _Cells) -> tuple[str, ...]:
        """Return the employee id first, which lasts, then the addresses; at least one of them has to be there."""
        found = []
        if number := cells.text("employee_id"):
            found.append(id_handle(self._config.namespace, number.removeprefix("'")))
        if address := cells.text("email"):
            found.append(self._address(address))
        if not found:
            raise HandleError("handle_missing", "an employee id or an address in each row")
        for alias in cells.text("aliases").split(self._config.alias_separator):
            found.extend(self._alias(alias.strip()))
        found.extend(self._slack(cells.text("slack_id")))
        return tuple(dict.fromkeys(found))

    def _slack(self, text: str) -> Iterator[str]:
        """Yield a Slack account; one without a team is left out with a note, its person stays."""
        team, _, user = text.rpartition("/")
        try:
            if text:
                yield slack_handle((team or self._config.slack_team or "").removeprefix("slack:"), user)
        except HandleError:
            self._coverage.notes["slack_id_without_team"] += 1

    def _alias(self, text: str) -> Iterator[str]:
        """Yield an alias; one that is no address is left out with a note, its person stays."""
        try:
            if text:
                yield self._address(text.removeprefix("smtp:").removeprefix("SMTP:"))
        except HandleError:
            self._coverage.notes["alias_refused"] += 1

    def _manager(self, text: str) -> str | None:
        """Return the manager's handle: an address where the cell holds one, else an employee id."""
        if not text:
            return None
        return self._address(text) if "@" in text else id_handle(self._config.namespace, text.removeprefix("'"))

    def _kind(self, text: str) -> AccountKind:
        kind = _KINDS.get(text.lower())
        if text and kind is None:
            self._coverage.notes["kind_unknown"] += 1
        return kind or AccountKind.MEMBER


def _fte(text: str) -> float:
    value = number(text.removesuffix("%").strip(), 0, 100)
    if value is None:
        return 1.0
    return value / 100 if text.endswith("%") or value > 2 else value


def _work_days(text: str) -> int:
    """Read working days: ``Mon,Tue``, ``11110`` from Monday on, or a bit mask with Monday = 1; empty is Monday to Friday."""
    if not text:
        return 0b11111
    if set(text) <= {"0", "1"} and len(text) in (5, 7):
        return sum(1 << n for n, on in enumerate(text) if on == "1")
    if text.isdigit() and 0 <= int(text) < 128:
        return int(text)
    names = [name.strip()[:3].lower() for name in text.replace(";", ",").replace(" ", ",").replace("|", ",").split(",") if name.strip()]
    if not names or not set(names) <= _DAYS.keys():
        raise CellError("work_days_unreadable")
    return sum(_DAYS[name] for name in set(names))
