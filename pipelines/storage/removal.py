"""Takes accounts or persons out of tables that are already stored: the buffer and the weekly tables."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ona.tables import EVENTS, RECIPIENT
from pipelines.storage.lake import SCHEMAS, File, Lake

WHO = ("from", "to", "asker", "helper", "account", "sender", "person")
"""Columns that hold an account or a person."""


def remove(lake: Lake, ids: Collection[int], *, tables: Collection[str] = tuple(SCHEMAS)) -> int:
    """Rewrite every part that holds one of these ids; return how many rows went. Call it inside ``Workspace.exclusive``."""
    gone = pa.array(sorted(ids), pa.int64())
    staged: list[File] = []
    removed = 0
    for table in tables:
        for file in lake.files(table) if len(gone) else ():
            before = lake.read(table, [file.part])
            after = without(before, gone)
            if after is not before:
                removed += before.num_rows - after.num_rows
                staged.append(lake.stage(table, file.part, after, sort=("sent", "event") if table == EVENTS.name else None))
    lake.publish(staged)
    return removed


def without(table: pa.Table, gone: pa.Array) -> pa.Table:
    """Return the table without rows of these ids, and without them among recipients; the same object when it holds none."""
    left = table
    for name in WHO:
        if name in left.schema.names and pc.any(found := pc.is_in(left[name], value_set=gone)).as_py():
            left = left.filter(pc.invert(found))
    return _without_recipients(left, gone) if "recipients" in left.schema.names else left


def _without_recipients(events: pa.Table, gone: pa.Array) -> pa.Table:
    lists = events["recipients"].combine_chunks()
    accounts = lists.flatten().field(0)
    kept = pc.invert(pc.is_in(accounts, value_set=gone)).to_numpy(zero_copy_only=False)
    if kept.all():
        return events
    owner = pc.list_parent_indices(lists).to_numpy()[kept]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(lists)))])
    structs = pa.StructArray.from_arrays(
        [accounts.filter(pa.array(kept)), lists.flatten().field(1).filter(pa.array(kept))], fields=list(RECIPIENT)
    )
    field = EVENTS.schema.field("recipients")
    return events.set_column(
        events.schema.get_field_index("recipients"),
        field,
        pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs).cast(field.type),
    )
