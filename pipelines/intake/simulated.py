"""A simulated company streamed straight into the buffer, week by week, for sizes at which vendor files would take hours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Coverage, RawPerson
from connectors.identity import id_handle
from ona.simulate.company import Company
from ona.tables import AccountKind
from pipelines.intake import people
from pipelines.intake.events import SORTED_BY, monday, part_of
from pipelines.intake.merging import week_starts
from pipelines.storage.accounting import Progress
from pipelines.storage.workspace import Workspace

NAME = "simulated"

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Directory:
    """The company's people as a directory would give them."""

    company: Company

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        """Yield everybody with the attributes that a real HR table would state."""
        labels = self.company.labels
        for row in self.company.people.to_pylist():
            coverage.read += 1
            yield _person(row, labels)


def stream(ws: Workspace, company: Company, progress: Progress | None = None) -> int:
    """Write people and events of the company into the vault, the service database and the lake; return the events written."""
    with ws.exclusive():
        people.pull_people(ws, NAME, Directory(company))
        known = company.people["person"].to_numpy()
        accounts = np.array(ws.vault.accounts([_handle(int(person)) for person in known]), np.int64)
        order = np.argsort(known)
        written, waiting = 0, dict[str, list[pa.Table]]()
        for number, batch in enumerate(company.batches()):
            table = _with_accounts(pa.Table.from_batches([batch]), known[order], accounts[order])
            weeks = week_starts(table["sent"].cast(pa.int64()).to_numpy())
            for week in np.unique(weeks):
                waiting.setdefault(part_of(int(week)), []).append(table.filter(pa.array(weeks == week)))
            written += _flush(ws, waiting, before=_monday(int(weeks.min())))
            if progress:
                progress(NAME, number + 1, None)
        return written + _flush(ws, waiting, before=date.max)


def _flush(ws: Workspace, waiting: dict[str, list[pa.Table]], before: date) -> int:
    """Write the weeks that no later batch can touch; a batch reaches back one week at most."""
    done = [part for part in waiting if monday(part) + timedelta(days=7) < before]
    return sum(ws.lake.write("events", part, pa.concat_tables(waiting.pop(part)), sort=SORTED_BY).rows for part in done)


def _with_accounts(events: pa.Table, known: Longs, accounts: Longs) -> pa.Table:
    lists = events["recipients"].combine_chunks()
    structs = lists.flatten()
    renamed = pa.StructArray.from_arrays(
        [_renamed(structs.field("account"), known, accounts), structs.field("role")], fields=list(structs.type)
    )
    recipients = pa.ListArray.from_arrays(lists.offsets, renamed).cast(lists.type) if lists.offset == 0 else _rebuilt(lists, renamed)
    place = events.schema.get_field_index
    events = events.set_column(place("recipients"), events.field("recipients"), recipients)
    return events.set_column(place("sender"), events.field("sender"), _renamed(events["sender"].combine_chunks(), known, accounts))


def _rebuilt(lists: pa.ListArray, values: pa.Array) -> pa.ListArray:
    lengths = pc.list_value_length(lists).to_numpy()
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()), values).cast(lists.type)


def _renamed(persons: pa.Array, known: Longs, accounts: Longs) -> pa.Array:
    values = persons.to_numpy(zero_copy_only=False)
    place = np.clip(np.searchsorted(known, values), 0, len(known) - 1)
    return pa.array(np.where(known[place] == values, accounts[place], values))


def _person(row: Mapping[str, object], labels: Mapping[str, Mapping[int, str]]) -> RawPerson:
    named = {name: labels[name].get(row[name]) for name in ("team", "site", "function", "group")}  # type: ignore[call-overload]
    same = ("level", "named_lead", "service_role", "on_call", "protected", "fte", "work_days", "zone", "language", "joined", "left")
    return RawPerson(
        handles=(_handle(int(str(row["person"]))),),
        manager=None if row["manager"] is None else _handle(int(str(row["manager"]))),
        kind=AccountKind(int(str(row["kind"]))),
        named_on_map=True,
        **named,
        **{name: row[name] for name in same},  # type: ignore[arg-type]
    )


def _handle(person: int) -> str:
    return id_handle(NAME, str(person))


def _monday(days: int) -> date:
    return date(1970, 1, 1) + timedelta(days=days)
