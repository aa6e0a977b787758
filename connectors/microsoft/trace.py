"""Message-trace rows, one per recipient, → one mail event per message; subjects and internet addresses are never built."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from connectors.addressees import MAX_AUDIENCE, MAX_RECIPIENTS, NO_REPLY
from connectors.base import Coverage, RawEvent
from connectors.cells import CellError, plausible, second_zero
from connectors.identity import HandleError
from connectors.microsoft.sent import mail_id
from connectors.records import Model, Raw, Text, read, timestamp
from ona.tables import Flag, Kind, Role, SpaceKind

DELIVERED = "delivered"
EXPANDED = "expanded"
"""Status of a row that is the list itself; its members follow in rows of their own."""


class Row(Model, frozen=True):
    """What is read of a row."""

    id: Text | None = None
    sender_address: Text | None = None
    recipient_address: Text | None = None
    message_id: Text | None = None
    received_date_time: Text | None = None
    status: Text | None = None


@dataclass
class _Message:
    sent: int
    sender: str
    recipients: dict[str, None] = field(default_factory=dict)
    rows: int = 0


@dataclass
class Reader:
    """Puts the rows of a window together, message by message."""

    coverage: Coverage
    now: int
    address: Callable[[str], str]

    def events(self, rows: Iterable[Raw]) -> Iterator[RawEvent]:
        """Yield one event per message, in the order of time."""
        found: dict[str, _Message] = {}
        seen: set[str] = set()
        for raw in rows:
            self.coverage.read += 1
            try:
                self._take(read(raw, Row), found, seen)
            except (CellError, HandleError) as error:
                self.coverage.quarantined[error.code] += 1
        for id, message in sorted(found.items(), key=lambda item: (item[1].sent, item[0])):
            yield from self._event(id, message)

    def _take(self, row: Row, found: dict[str, _Message], seen: set[str]) -> None:
        if row.status != DELIVERED:
            self.coverage.dropped["list_row" if row.status == EXPANDED else "not_delivered"] += 1
            return
        id = mail_id(row.message_id)
        if id is None:
            raise HandleError("message_id_missing", "a message id in each row")
        sender, recipient = self.address(row.sender_address or ""), self.address(row.recipient_address or "")
        sent = plausible(timestamp(row.received_date_time), self.now)
        if (key := f"{row.id}\0{recipient}") in seen:  # one page again
            self.coverage.duplicate += 1
            return
        seen.add(key)
        message = found.setdefault(id, _Message(sent, sender))
        message.rows += 1
        message.sent, message.sender = min((message.sent, message.sender), (sent, sender))
        message.recipients[recipient] = None

    def _event(self, id: str, message: _Message) -> Iterator[RawEvent]:
        message.recipients.pop(message.sender, None)
        if not message.recipients:
            self.coverage.dropped["nobody"] += message.rows
            return
        whom = sorted(message.recipients)
        yield RawEvent(
            id=id,
            kind=Kind.MAIL,
            sent=message.sent,
            sender=message.sender,
            recipients=tuple((handle, Role.TO) for handle in whom[:MAX_RECIPIENTS]),
            audience=min(len(whom), MAX_AUDIENCE),
            space_kind=SpaceKind.MAIL,
            flags=(Flag.NOREPLY if NO_REPLY.match(message.sender) else 0) | second_zero(message.sent),
            rows=message.rows,
        )
