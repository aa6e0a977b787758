"""Raw events as columns: handles by number, single events as rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from connectors.base import RAW_EVENTS, RAW_RECIPIENT, RawEvent

MANY_HANDLES = 65_536
"""Handles after which a new list is begun, so that an archive of any length is read in bounded memory."""
MANY_ROWS = 5_000
"""Rows of a table that is worth passing on: whole-array work costs about the same for a few."""


@dataclass
class Numbers:
    """Handles by the number under which a table names them."""

    names: list[str] = field(default_factory=list)
    _known: dict[str, int] = field(default_factory=dict)

    def of(self, handle: str) -> int:
        """Return the number of a handle, a new one at its end when it has none."""
        number = self._known.setdefault(handle, len(self.names))
        if number == len(self.names):
            self.names.append(handle)
        return number


def rows_of(events: Sequence[RawEvent], numbers: Numbers) -> pa.Table:
    """Return events as rows."""
    of = {name: [getattr(event, name) for event in events] for name in RAW_EVENTS.names}
    offsets, handles, roles = [0], [], []
    for recipients in of["recipients"]:
        handles += [numbers.of(handle) for handle, _ in recipients]
        roles += [role for _, role in recipients]
        offsets.append(len(handles))
    of |= {"sender": [numbers.of(sender) for sender in of["sender"]], "recipients": recipient_lists(offsets, handles, roles)}
    return pa.table(
        [of[name] if isinstance(of[name], pa.Array) else pa.array(of[name], RAW_EVENTS.field(name).type) for name in of], RAW_EVENTS
    )


def recipient_lists(offsets: object, handles: object, roles: object) -> pa.ListArray:
    """Return lists of recipients from where each begins, their numbers and their roles."""
    people = pa.StructArray.from_arrays([pa.array(handles, pa.int32()), pa.array(roles, pa.uint8())], fields=list(RAW_RECIPIENT))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), people).cast(RAW_EVENTS.field("recipients").type)
