"""Message traces of Exchange as CSV, downloaded or exported: who wrote to whom, without any mailbox; subjects are never decoded."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

import connectors.base
from connectors.archive import FileError, open_archive, read_bytes, regular
from connectors.base import Coverage, Cursor, RawEvent, RawTable
from connectors.cells import Csv, ZoneName, normal_header, positions
from connectors.files.event_cells import Handles, Meaning, Reading
from connectors.files.event_groups import Groups
from connectors.identity import AddressRules, address_reader
from ona.tables import Kind

BYTES_PER_ROW = 250

HEADERS = {
    "sender": ("SenderAddress", "sender_address", "Absenderadresse", "Adresse de l'expéditeur", "Dirección del remitente"),
    "recipient": ("RecipientAddress", "recipient_address", "Empfängeradresse", "Adresse du destinataire", "Dirección del destinatario"),
    "statuses": ("recipient_status", "Recipient_status", "Empfängerstatus", "Statut du destinataire", "Estado del destinatario"),
    "time": ("Received", "ReceivedDateTime", "origin_timestamp_utc", "origin_timestamp", "date", "Empfangen", "Reçu", "Recibido"),
    "id": ("MessageId", "message_id", "Internet message ID", "Nachrichten-ID", "ID de message", "ID de mensaje"),
    "status": ("Status", "delivery_status", "Zustellungsstatus", "Statut", "Estado"),
}
"""Column names by meaning, as reports of several years and languages write them; further ones are settings."""

LISTS = ("Expanded", "Erweitert", "Développé", "Expandido")
"""Status of the list itself: its members follow in rows of their own."""
UNDELIVERED = (
    *("Failed", "Pending", "Quarantined", "FilteredAsSpam", "Filtered as spam", "GettingStatus", "Getting status"),
    *("Fehlgeschlagen", "Ausstehend", "Échec", "En attente", "Error", "Pendiente"),
)


class Config(connectors.base.Config):
    """Where the reports lie and how they are written."""

    path: Path
    """One CSV file, plain or ``.gz``, or a folder of them."""
    columns: dict[str, str] = Field(default_factory=dict)
    """For headers in another language: sender, recipient (or statuses), time, id, status → the column's name."""
    time_format: str | None = None
    """A strptime pattern, where times are not written in ISO 8601."""
    zone: ZoneName = "UTC"
    """Zone of times without an offset; reports are in UTC unless the export was made otherwise."""
    delimiter: str | None = None
    addresses: AddressRules = AddressRules()


class Connector:
    """Reads message-trace reports: one row per recipient, or one per message that lists recipients with their status."""

    gives: ClassVar[str] = "events"

    def __init__(self, config: Config) -> None:
        """Take where the reports lie."""
        self._config = config

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield mails."""
        for table in self.tables(coverage, cursor):
            yield from table.records()

    def tables(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawTable]:
        """Yield tables of mails; rows of lists and of mail that did not arrive are dropped by rule."""
        for stream in self._streams(coverage):
            with closing(_report(stream, self._config.delimiter)) as report:
                yield from self._read(report, coverage)

    def size(self) -> int | None:
        """Return about how many rows there are; None for compressed files."""
        path = self._config.path
        files = [file for file in path.rglob("*.csv") if file.is_file()] if path.is_dir() else [regular(path)]
        return None if path.suffix.lower() == ".gz" else sum(file.stat().st_size for file in files) // BYTES_PER_ROW

    def _streams(self, coverage: Coverage) -> Iterator[IO[bytes]]:
        path = self._config.path
        if not path.is_dir():
            yield read_bytes(path)
            return
        with open_archive(path) as folder:
            for name in folder.names:
                if name.lower().endswith((".csv", ".csv.gz")):
                    yield read_bytes(path / name)
                else:
                    coverage.notes["file_ignored"] += 1

    def _read(self, report: Csv, coverage: Coverage) -> Iterator[RawTable]:
        roles = _roles(report.header, self._config.columns)
        handles = Handles(None, address_reader(self._config.addresses))
        known = frozenset({"sender", "time", "id", "recipient"})
        meaning = Meaning(known, Kind.MAIL, self._config.time_format or "iso", self._config.zone, separator=";")
        reading, groups = Reading(meaning, handles, time.time_ns() // 1_000), Groups(coverage, handles)
        for columns, faults in report.columns(tuple(roles.values())):
            coverage.read += len(columns[0]) + faults.total()
            coverage.quarantined.update(faults)
            cells = _delivered(dict(zip(roles, columns, strict=True)), coverage)
            yield from groups.take(reading.rows(_plain(cells), coverage))
        yield from groups.rest()


def _report(stream: IO[bytes], delimiter: str | None) -> Csv:
    """Open a report: UTF-16 by its mark, else UTF-8."""
    head = stream.peek(2)[:2] if hasattr(stream, "peek") else b""
    return Csv(stream, delimiter, "utf-16" if head in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _roles(header: tuple[str, ...], named: dict[str, str]) -> dict[str, int]:
    """Return which column is what, by the settings first, then by the names that are known."""
    wanted = dict(named)
    for role, names in HEADERS.items():
        found = next((name for name in names if normal_header(name) in header), None)
        if found is not None and role not in wanted:
            wanted[role] = found
    roles = positions(header, {role: name for role, name in wanted.items() if role in HEADERS})
    if "statuses" in roles:
        roles.pop("recipient", None)
    missing = [role for role in ("sender", "time", "id") if role not in roles]
    missing += [] if {"recipient", "statuses"} & roles.keys() else ["recipient"]
    if missing:
        raise FileError(
            "columns_missing", f"No column was recognised for {', '.join(missing)}", 'Name them in `columns`, such as sender = "Absender".'
        )
    return roles


def _delivered(cells: dict[str, pa.Array], coverage: Coverage) -> dict[str, pa.Array]:
    """Drop the rows of lists and of mail that did not arrive, by the status column if there is one."""
    if "status" not in cells:
        return cells
    coded = cells["status"].dictionary_encode()
    fates = [_fate(status) for status in coded.dictionary.to_pylist()]
    fate = pa.array(fates, pa.string()).take(coded.indices)
    coverage.dropped.update(Counter(one for one in fate.to_pylist() if one))
    return {role: column.filter(pc.is_null(fate)) for role, column in cells.items()}


def _fate(status: str) -> str | None:
    word = normal_header(status)
    if word in map(normal_header, LISTS):
        return "list_itself"
    return "not_delivered" if word in map(normal_header, UNDELIVERED) else None


def _plain(cells: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the columns in the form of an event table: recipients between semicolons, times of at most microseconds."""
    recipient = cells["recipient"] if "recipient" in cells else _addressed(cells["statuses"])
    moment = pc.replace_substring_regex(cells["time"], r"(\.\d{6})\d+", r"\1")
    return {"sender": cells["sender"], "time": moment, "id": cells["id"], "recipient": recipient}


def _addressed(statuses: pa.Array) -> pa.Array:
    """Return the addresses of ``address##status`` entries that were not told as failed alone."""
    kept = pc.replace_substring_regex(statuses, r"[^;]*##[\s,]*(?:Receive[\s,]+)?Fail[^;]*", "")
    return pc.replace_substring_regex(kept, r"##[^;]*", "")
