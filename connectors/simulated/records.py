"""Events of a record batch as small objects for the writers of vendor files."""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa


class Record(NamedTuple):
    """One event; absent numbers are None."""

    event: int
    kind: int
    sent: int  # microseconds since 1970-01-01 UTC
    week: int  # days since 1970-01-01
    sender: int
    to: tuple[int, ...]
    roles: tuple[int, ...]
    space: int | None
    space_kind: int
    root: int | None
    reply_to: int | None
    series: int | None
    lead_hours: int | None
    minutes: float | None
    flags: int

    @property
    def recipients(self) -> list[tuple[int, int]]:
        """Return recipients with their roles."""
        return list(zip(self.to, self.roles, strict=True))


def records(batch: pa.RecordBatch) -> Iterator[Record]:
    """Yield the events of a batch, column by column and without boxing each row twice."""
    recipients = batch["recipients"]
    offsets = recipients.offsets.to_pylist()
    accounts = recipients.values.field("account").to_pylist()
    roles = recipients.values.field("role").to_pylist()
    plain = [batch[name].to_pylist() for name in ("space", "space_kind", "root", "reply_to", "series", "lead_hours", "minutes", "flags")]
    first = [batch["event"], batch["kind"], batch["sent"].cast(pa.int64()), batch["week"].cast(pa.int32()), batch["sender"]]
    rows = zip(*(column.to_pylist() for column in first), offsets[:-1], offsets[1:], *plain, strict=True)
    for event, kind, sent, week, sender, low, high, *rest in rows:
        yield Record(event, kind, sent, week, sender, tuple(accounts[low:high]), tuple(roles[low:high]), *rest)
