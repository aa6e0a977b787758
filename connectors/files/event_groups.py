"""Rows of an event table become messages: rows of one id are one message, as long as they lie near each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import RAW_EVENTS, RAW_RECIPIENT, Coverage, RawTable
from connectors.files.event_cells import ROWS, Handles

HELD_ROWS = 10_000
"""A message stays open until so many rows after its last one; rows further apart become two records of one id."""
MAX_OPEN_ROWS = 200_000
"""A message is closed after so many rows, though its last one came just now."""
MAX_RECIPIENTS = 1_000
MAX_AUDIENCE = 65_535

Longs = npt.NDArray[np.int64]


@dataclass
class Groups:
    """Holds the rows of messages that may go on."""

    coverage: Coverage
    handles: Handles
    _held: pa.Table = field(default_factory=ROWS.empty_table)

    def take(self, rows: pa.Table) -> Iterator[RawTable]:
        """Take rows in and yield the messages that are complete."""
        together = pa.concat_tables([self._held, rows]).combine_chunks()
        count = together.num_rows
        group = _numbers(together["id"])
        last, first = np.zeros(len(group), np.int64), np.zeros(len(group), np.int64)
        last[group] = np.arange(count)
        first[group[::-1]] = np.arange(count)[::-1]
        closed = ((last < count - HELD_ROWS) | (first < count - MAX_OPEN_ROWS))[group]
        self._held = together.filter(pa.array(~closed))
        if closed.any():
            yield self._messages(together.filter(pa.array(closed)))

    def rest(self) -> Iterator[RawTable]:
        """Yield the messages still open."""
        rows, self._held = self._held, ROWS.empty_table()
        if rows.num_rows:
            yield self._messages(rows.combine_chunks())

    def _messages(self, rows: pa.Table) -> RawTable:
        """Return one event per id, told by its first row that says anything, and count the rows that add nothing."""
        rows = self._without_nobody(rows)
        rows = self._without_conflicts(rows)
        group = _numbers(rows["id"])
        count = int(group.max()) + 1 if len(group) else 0
        lists, audience = self._recipients(rows, group, count)
        begun = rows.take(pa.array(_first(group, count)))
        columns = {name: begun[name] for name in RAW_EVENTS.names if name in ROWS.names}
        columns |= {"recipients": lists, "audience": pa.array(np.minimum(audience, MAX_AUDIENCE), pa.int32())}
        columns["revision"] = pa.array(np.zeros(count, np.int64))
        columns["rows"] = pa.array(np.bincount(group, minlength=count), pa.uint32())
        return RawTable(self.handles.names, pa.table([columns[name] for name in RAW_EVENTS.names], schema=RAW_EVENTS))

    def _without_nobody(self, rows: pa.Table) -> pa.Table:
        """Drop rows to nobody that open no message: those before the first row of their id that says anything."""
        empty = rows["empty"].to_numpy(zero_copy_only=False)
        if not empty.any():
            return rows
        group = _numbers(rows["id"])
        opened = np.full(len(group), len(group))
        np.minimum.at(opened, group[~empty], np.flatnonzero(~empty))
        dropped = empty & (np.arange(len(group)) < opened[group])
        self.coverage.dropped["nobody"] += int(dropped.sum())
        return rows.filter(pa.array(~dropped)).combine_chunks()

    def _without_conflicts(self, rows: pa.Table) -> pa.Table:
        """Quarantine rows that give an id to another sender than its first row."""
        group = _numbers(rows["id"])
        sender = rows["sender"].to_numpy()
        bad = sender != sender[_first(group, int(group.max()) + 1 if len(group) else 0)][group]
        if not bad.any():
            return rows
        self.coverage.quarantined["id_conflict"] += int(bad.sum())
        return rows.filter(pa.array(~bad)).combine_chunks()

    def _recipients(self, rows: pa.Table, group: Longs, count: int) -> tuple[pa.ListArray, Longs]:
        """Return each recipient once per message, in the role and order first told, and how many there were."""
        lists = rows["recipients"].combine_chunks()
        owner = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
        handles = lists.flatten().to_numpy().astype(np.int64)
        oneself = handles == rows["sender"].to_numpy()[owner]
        owner, handles = owner[~oneself], handles[~oneself]
        _, told = np.unique(group[owner] * (len(self.handles.names) + 1) + handles, return_index=True)
        self.coverage.notes["row_to_oneself"] += int(oneself.sum())
        self.coverage.notes["row_repeated"] += len(owner) - len(told)
        told = told[np.lexsort((told, group[owner[told]]))]
        message = group[owner[told]]
        audience = np.bincount(message, minlength=count)
        starts = np.concatenate([[0], np.cumsum(audience)])
        kept = told[np.arange(len(told)) - starts[message] < MAX_RECIPIENTS]
        roles = rows["role"].to_numpy()[owner[kept]]
        people = pa.StructArray.from_arrays([pa.array(handles[kept], pa.int32()), pa.array(roles, pa.uint8())], fields=list(RAW_RECIPIENT))
        offsets = np.concatenate([[0], np.cumsum(np.minimum(audience, MAX_RECIPIENTS))])
        made = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), people)
        return made.cast(RAW_EVENTS.field("recipients").type), audience


def _numbers(ids: pa.ChunkedArray) -> Longs:
    """Return ids as numbers in the order of their first appearance."""
    numbers: Longs = ids.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    return numbers


def _first(group: Longs, count: int) -> Longs:
    first = np.zeros(count, np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]
    return first
