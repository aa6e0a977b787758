"""Cells of an event table, column by column: handles, times, kinds, ids and numbers, and the code of what cannot be read."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.archive import FileError
from connectors.base import Coverage
from connectors.cells import FUTURE_MICROSECONDS, MICROSECONDS, CellError
from connectors.files.event_times import Longs, Masks, clock, mask, quick_times
from connectors.identity import HandleError, handle
from ona.tables import Flag, Kind, Role, SpaceKind

MAX_ID_CHARACTERS = 998
MAX_MINUTES = 7 * 24 * 60

KINDS = {kind.name.lower(): kind for kind in Kind}
ROLES = {role.name.lower(): role for role in Role}

ROWS = pa.schema(
    {
        "id": pa.string(),
        "kind": pa.uint8(),
        "sent": pa.int64(),
        "sender": pa.int32(),
        "recipients": pa.list_(pa.int32()),
        "role": pa.uint8(),
        "space": pa.string(),
        "space_kind": pa.uint8(),
        "root": pa.string(),
        "reply_to": pa.string(),
        "minutes": pa.float32(),
        "flags": pa.uint16(),
        "empty": pa.bool_(),  # names nobody and stands in no thread or space
    }
)
"""Rows of the file that could be read, one row each; handles by their place."""

_SPACE_KINDS = {Kind.MAIL: SpaceKind.MAIL, Kind.MEETING: SpaceKind.CALENDAR}
_TO_SECOND = r"^[^:]*:[^:]*:"


@dataclass(frozen=True)
class Meaning:
    """What the columns of one file mean."""

    roles: frozenset[str]
    """Which of sender, time, recipient, id, reply_to, root, role, space, minutes, kind the file has."""
    kind: Kind | None = Kind.MAIL
    """None: the column ``kind`` says so."""
    time_format: str = "iso"
    zone: str | None = None
    namespace: str | None = None
    id_prefix: str = "event"
    thread_prefix: str = "event"
    separator: str | None = None
    by_row: bool = False


class Handles:
    """Canonical handles by number; a cell that has none keeps the code of what is wrong."""

    def __init__(self, namespace: str | None, address: Callable[[str], str]) -> None:
        """Begin without any."""
        self._namespace, self._address = namespace, address
        self.names: list[str] = []
        self.codes: list[str] = []
        self._cells: dict[str, int] = {"": -1}
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many cells are remembered."""
        return len(self._cells)

    def of(self, cells: pa.Array) -> Longs:
        """Return the number of each cell's handle; -1 for an empty cell, -2 - i for a fault with code i."""
        coded = cells.dictionary_encode()
        distinct = coded.dictionary.to_pylist()
        known = self._cells
        numbers = np.fromiter((known[cell] if cell in known else self._new(cell) for cell in distinct), np.int64, len(distinct))
        return numbers[coded.indices.to_numpy()] if len(distinct) else np.empty(0, np.int64)

    def _new(self, cell: str) -> int:
        try:
            name = handle(cell, self._namespace, self._address)
        except HandleError as error:
            if error.code not in self.codes:
                self.codes.append(error.code)
            number = -2 - self.codes.index(error.code)
        else:
            number = self._numbers.setdefault(name, len(self.names))
            if number == len(self.names):
                self.names.append(name)
        self._cells[cell] = number
        return number


class _Faults:
    """The first fault of each row."""

    def __init__(self, rows: int) -> None:
        """Begin without any."""
        self._number, self._codes = np.zeros(rows, np.int16), [""]

    def set(self, where: Masks | Longs, code: str) -> None:
        """Name the fault of these rows, unless they have one."""
        here = np.zeros(len(self._number), np.bool_)
        here[where] = True
        if here.any():
            self._codes += [] if code in self._codes else [code]
            self._number[here & (self._number == 0)] = self._codes.index(code)

    @property
    def bad(self) -> Masks:
        """Return which rows have one."""
        return self._number > 0

    def counts(self) -> Counter[str]:
        """Return the number of rows by code."""
        numbers = np.bincount(self._number, minlength=len(self._codes))
        return Counter({code: int(n) for code, n in zip(self._codes[1:], numbers[1:], strict=True) if n})


@dataclass
class Reading:
    """Turns text columns into rows and counts those it cannot use."""

    meaning: Meaning
    handles: Handles
    now: int
    _clock: Callable[[str], int] = field(init=False)
    _checked: bool = False

    def __post_init__(self) -> None:
        """Choose how times are read."""
        self._clock = clock(self.meaning.time_format, self.meaning.zone)

    def rows(self, cells: dict[str, pa.Array], coverage: Coverage) -> pa.Table:
        """Return ROWS of a piece of the file."""
        cells = {role: pc.utf8_trim_whitespace(column) for role, column in cells.items()}
        count = len(cells["sender"])
        if count and not self._checked:
            self._check_first(cells["sender"][0].as_py(), cells["time"][0].as_py())
        faults = _Faults(count)
        sender = self._senders(cells["sender"], faults)
        sent, to_second = self._times(cells["time"], faults)
        kind = self._kinds(cells, count, faults)
        recipients, role = self._recipients(cells, count, faults)
        known = {"kind": kind, "sent": sent, "sender": sender}
        id = self._ids(cells, known, recipients, faults)
        minutes = _minutes(cells["minutes"], faults) if "minutes" in cells else pa.nulls(count, pa.float32())
        space = _spaces(cells["space"]) if "space" in cells else pa.nulls(count, pa.string())
        threads = {name: self._threads(cells, name, kind, faults) for name in ("root", "reply_to")}
        nowhere = pc.and_(pc.is_null(space), pc.and_(pc.is_null(threads["root"]), pc.is_null(threads["reply_to"])))
        empty = (recipients.value_lengths().to_numpy(zero_copy_only=False) == 0) & nowhere.to_numpy(zero_copy_only=False)
        zero = to_second & (kind != Kind.MEETING) & (sent // MICROSECONDS % 60 == 0)
        columns = known | threads | {"id": id, "recipients": recipients, "role": role, "space": space, "minutes": minutes}
        columns |= {"space_kind": _space_kinds(kind, space), "flags": np.where(zero, Flag.SECOND_ZERO.value, 0)}
        columns["empty"] = empty if "recipient" in cells else np.zeros(count, np.bool_)
        table = pa.table([_column(columns[f.name], f.type) for f in ROWS], schema=ROWS)
        coverage.quarantined.update(faults.counts())
        return table.filter(pa.array(~faults.bad)) if faults.bad.any() else table

    def _check_first(self, sender: str, moment: str) -> None:
        """Refuse a file whose column map cannot be right, before its rows fill the quarantine one by one."""
        self._checked = True
        if self.meaning.namespace is None and "@" not in sender:
            raise FileError(
                "namespace_missing", "The sender of the first row is no mail address", "Set `namespace`, or map another column."
            )
        try:
            self._clock(moment)
        except CellError as error:
            if error.code == "zone_missing":
                raise FileError(error.code, "Times carry no offset from UTC", "Set `zone`, such as Europe/Berlin.") from None
            if error.code == "time_ambiguous":
                raise FileError(
                    error.code, "Times are written as numbers between dots, dashes or slashes", "Set `time_format`, such as %d/%m/%Y %H:%M."
                ) from None
            if error.code == "time_unreadable" and self.meaning.time_format == "iso":
                raise FileError(
                    error.code, "The time of the first row is not ISO 8601", "Set `time_format`, or map another column."
                ) from None

    def _senders(self, cells: pa.Array, faults: _Faults) -> Longs:
        numbers = self.handles.of(cells)
        self._refused(numbers, np.arange(len(numbers)), faults)
        if (numbers == -1).any():
            try:
                handle("", self.meaning.namespace)
            except HandleError as error:
                faults.set(numbers == -1, error.code)
        return np.maximum(numbers, 0)

    def _refused(self, numbers: Longs, owner: Longs, faults: _Faults) -> None:
        for number in np.unique(numbers[numbers < -1]):
            faults.set(owner[numbers == number], self.handles.codes[-2 - number])

    def _times(self, cells: pa.Array, faults: _Faults) -> tuple[Longs, Masks]:
        """Return microseconds since 1970 UTC and whether the cell tells seconds."""
        sent, done = quick_times(cells, self.meaning.time_format, self.meaning.zone)
        sent = sent if done.all() else sent.copy()
        for place in np.flatnonzero(~done):
            try:
                sent[place] = self._clock(cells[int(place)].as_py())
            except CellError as error:
                faults.set(np.array([place]), error.code)
                sent[place] = 1
        faults.set(sent <= 0, "time_not_positive")
        faults.set(sent > self.now + FUTURE_MICROSECONDS, "time_in_future")
        if self.meaning.time_format == "epoch":
            return sent, np.ones(len(sent), np.bool_)
        return sent, mask(pc.match_substring_regex(pc.utf8_slice_codeunits(cells, 0, 19), _TO_SECOND))

    def _kinds(self, cells: dict[str, pa.Array], count: int, faults: _Faults) -> Longs:
        if self.meaning.kind is not None:
            return np.full(count, self.meaning.kind.value)
        numbers = _looked_up(pc.utf8_lower(cells["kind"]), KINDS)
        faults.set(numbers < 0, "kind_unknown")
        return numbers

    def _recipients(self, cells: dict[str, pa.Array], count: int, faults: _Faults) -> tuple[pa.ListArray, Longs]:
        """Return the handles named in each row, and the role they have there."""
        role = np.full(count, Role.TO.value)
        if "role" in cells:
            role = _looked_up(cells["role"], ROLES | {"": Role.TO})
            faults.set(role < 0, "role_unknown")
        if "recipient" not in cells:
            return _lists(np.empty(0, np.int64), np.empty(0, np.int64), count), role
        parts, owner = cells["recipient"], np.arange(count)
        if self.meaning.separator:
            split = pc.split_pattern(parts, self.meaning.separator)
            owner, parts = pc.list_parent_indices(split).to_numpy(), pc.utf8_trim_whitespace(split.flatten())
        numbers = self.handles.of(parts)
        self._refused(numbers, owner, faults)
        return _lists(numbers[numbers >= 0], owner[numbers >= 0], count), role

    def _ids(self, cells: dict[str, pa.Array], known: dict[str, Longs], recipients: pa.ListArray, faults: _Faults) -> pa.Array:
        meaning = self.meaning
        if "id" in cells:
            ids = self._native(cells["id"], known["kind"], meaning.id_prefix, faults)
            faults.set(mask(pc.is_null(ids)), "id_missing")
            return ids.fill_null("")
        names = pa.array(self.handles.names or [""], pa.string())
        parts = [names.take(pa.array(known["sender"])), *(pa.array(known[name]).cast(pa.string()) for name in ("sent", "kind"))]
        ids = pc.binary_join_element_wise(f"{meaning.id_prefix}:", parts[0], "")
        ids = pc.binary_join_element_wise(ids, *parts[1:], "/")
        if not meaning.by_row:
            return ids
        named = names.take(recipients.values)
        each = pc.binary_join(pa.ListArray.from_arrays(recipients.offsets, named), "/")
        return pc.if_else(pc.equal(pc.list_value_length(recipients), 0), ids, pc.binary_join_element_wise(ids, each, "/"))

    def _threads(self, cells: dict[str, pa.Array], name: str, kind: Longs, faults: _Faults) -> pa.Array:
        if name not in cells:
            return pa.nulls(len(kind), pa.string())
        return self._native(cells[name], kind, self.meaning.thread_prefix, faults)

    def _native(self, cells: pa.Array, kind: Longs, prefix: str, faults: _Faults) -> pa.Array:
        """Return namespaced ids, null for empty cells; a Message-ID is the same in every system that saw the mail."""
        text = pc.utf8_trim(cells, characters="<> ")
        faults.set(mask(pc.greater(pc.utf8_length(text), MAX_ID_CHARACTERS)), "id_too_long")
        is_mail = pc.and_(pa.array(kind == Kind.MAIL), pc.match_substring(text, "@"))
        ids = pc.binary_join_element_wise(pc.if_else(is_mail, "mail:", f"{prefix}:"), text, "")
        return pc.if_else(pc.equal(text, ""), None, ids)


def _minutes(cells: pa.Array, faults: _Faults) -> pa.Array:
    plain = pc.match_substring_regex(cells, r"^\d{1,5}(\.\d{1,6})?$")
    values = pc.if_else(plain, cells, "0").cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    empty = mask(pc.equal(cells, ""))
    for place in np.flatnonzero(~mask(plain) & ~empty):
        try:
            values[place] = float(cells[int(place)].as_py())
        except ValueError:
            faults.set(np.array([place]), "minutes_unreadable")
    faults.set(~((values >= 0) & (values < MAX_MINUTES)), "minutes_out_of_range")
    return pa.array(values.astype(np.float32), pa.float32(), mask=empty)


def _spaces(cells: pa.Array) -> pa.Array:
    """Return a digest for each name of a space: it only has to be the same for the same one."""
    coded = cells.dictionary_encode()
    digests = [f"space:{hashlib.sha256(name.encode()).hexdigest()[:32]}" if name else None for name in coded.dictionary.to_pylist()]
    return pa.array(digests, pa.string()).take(coded.indices)


def _space_kinds(kind: Longs, space: pa.Array) -> pa.Array:
    default = np.where(mask(pc.is_null(space)), 0, SpaceKind.CHANNEL.value)
    kinds = np.select([kind == one for one in _SPACE_KINDS], [other.value for other in _SPACE_KINDS.values()], default)
    return pa.array(kinds.astype(np.uint8), mask=kinds == 0)


def _looked_up(cells: pa.Array, words: dict[str, Any]) -> Longs:
    """Return the number of each word, -1 for one that is not known."""
    coded = cells.dictionary_encode()
    numbers = [int(words.get(word.lower(), -1)) for word in coded.dictionary.to_pylist()]
    return np.array(numbers, np.int64)[coded.indices.to_numpy()] if numbers else np.empty(0, np.int64)


def _lists(numbers: Longs, owner: Longs, count: int) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(numbers, pa.int32()))


def _column(values: pa.Array | Sequence[object], kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(np.asarray(values).astype(kind.to_pandas_dtype()), kind)
