"""Raw events in batches → pseudonymous rows: accounts for handles, keyed digests for ids; raw handles end here."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Coverage, RawEvent, RawTable
from connectors.identity import VERSION
from ona.tables import EVENTS, RECIPIENT, SpaceKind
from pipelines.keys import Keys
from pipelines.storage.vault import Span, Vault

Longs = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]

DERIVED = ("week", "day", "bin")
"""Columns that follow from the time and the sender's zone; they are made when a week is merged."""

ROWS = pa.schema([*(field for field in EVENTS.schema if field.name not in DERIVED), ("rows", pa.uint32())])
"""An event without its local time, and the number of vendor rows that it was made of."""

REMEMBERED = 200_000
"""Handles and ids kept in memory during one pull."""

OPEN_SPACES = frozenset({SpaceKind.CHANNEL, SpaceKind.PRIVATE})
"""Where an event means something without any recipient."""

EACH = RawEvent.__struct_fields__

Digest = Callable[[str], int]

MAX_HOURS = np.iinfo(np.int16).max
MAX_LONG = np.iinfo(np.int64).max

MICROSECONDS_A_DAY = 86_400_000_000
EPOCH = date(1970, 1, 1).toordinal()


class Pseudonyms:
    """Turns the raw events of one connector into rows, remembering a bounded number of handles."""

    def __init__(self, vault: Vault, keys: Keys, source: str, *, create: bool) -> None:
        """Take the vault that knows the accounts; without ``create`` it is only read."""
        self._vault, self._source, self._create = vault, source, create
        self._accounts: dict[str, int] = {}
        self._handed_over: list[tuple[Span, ...]] = []
        self._digests: dict[str, dict[str | None, int | None]] = defaultdict(dict)
        self._event, self._series, self._space = keyed(keys.event), keyed(keys.event, "series\0"), keyed(keys.channel)

    def rows(self, events: Sequence[RawEvent], coverage: Coverage) -> pa.Table:
        """Return the rows of a batch; events of people who objected or are protected are dropped and counted."""
        count, of = len(events), {name: list(map(attrgetter(name), events)) for name in EACH}
        told = list(chain.from_iterable(of["recipients"]))
        handles, roles = zip(*told, strict=True) if told else ((), ())
        self._learn({*of["sender"], *handles})
        accounts = self._accounts.__getitem__
        people = _People(
            sent=np.fromiter(of["sent"], np.int64, count),
            senders=np.fromiter(map(accounts, of["sender"]), np.int64, count),
            owner=np.repeat(np.arange(count), np.fromiter(map(len, of["recipients"]), np.int64, count)),
            accounts=np.fromiter(map(accounts, handles), np.int64, len(handles)),
            roles=np.fromiter(roles, np.int64, len(roles)),
            audience=np.fromiter(of["audience"], np.int64, count),
            is_open=np.fromiter(map(OPEN_SPACES.__contains__, of["space_kind"]), np.bool_, count),
        )
        columns = {
            "event": self._events(of["id"]),
            "space": self._remembered(of["space"], "space", self._space),
            "root": self._remembered(of["root"], "root", self._event),
            "reply_to": self._remembered(of["reply_to"], "root", self._event),
            "series": self._remembered(of["series"], "series", self._series),
            "lead_hours": [None if hours is None else max(-MAX_HOURS, min(MAX_HOURS, hours)) for hours in of["lead_hours"]],
        } | {name: of[name] for name in ("kind", "space_kind", "minutes", "flags", "revision", "rows")}
        return self._made(people, columns, coverage)

    def table(self, raw: RawTable, coverage: Coverage) -> pa.Table:
        """Return the rows of a table of events, as ``rows`` does of single ones."""
        events, count = raw.events.combine_chunks(), raw.events.num_rows
        lists = events["recipients"].combine_chunks()
        codes, handles = events["sender"].to_numpy(), lists.flatten().field("handle").to_numpy()
        accounts = self._numbered(raw.handles, np.union1d(codes, handles))
        space_kind = events["space_kind"].fill_null(0).to_numpy()
        people = _People(
            sent=events["sent"].to_numpy(),
            senders=accounts[codes],
            owner=pc.list_parent_indices(lists).to_numpy().astype(np.int64),
            accounts=accounts[handles],
            roles=lists.flatten().field("role").to_numpy().astype(np.int64),
            audience=events["audience"].to_numpy().astype(np.int64),
            is_open=np.isin(space_kind, [kind.value for kind in OPEN_SPACES]),
        )
        columns = {
            "event": [self._event(id) for id in events["id"].to_pylist()],
            "space": self._coded(events["space"], "space", self._space),
            "root": self._coded(events["root"], "root", self._event),
            "reply_to": self._coded(events["reply_to"], "root", self._event),
        } | {name: pa.nulls(count, ROWS.field(name).type) for name in ("series", "lead_hours")}
        columns |= {name: events[name].combine_chunks() for name in ("kind", "space_kind", "minutes", "flags", "revision", "rows")}
        return self._made(people, columns, coverage)

    def _made(self, people: "_People", columns: dict[str, object], coverage: Coverage) -> pa.Table:
        sent, senders = people.sent, self._at_time(people.senders, people.sent)
        recipients, audience, emptied = self._recipients(people, senders, coverage)
        columns |= {
            "source": pa.repeat(self._source, len(sent)),
            "sent": sent.view("M8[us]"),
            "sender": senders,
            "recipients": recipients,
            "audience": np.minimum(audience, np.iinfo(np.uint16).max),
        }
        table = pa.table([_array(columns[field.name], field.type) for field in ROWS], schema=ROWS)
        return _kept(table, (senders == 0) | emptied, coverage)

    def _learn(self, handles: set[str]) -> None:
        """Have an account, or a negative place among those handed over, for every handle of the batch."""
        if len(self._accounts) > REMEMBERED:
            self._accounts.clear()
        new = sorted(handle for handle in handles if handle not in self._accounts)  # sorted: the vault must not depend on the hash seed
        for handle, spans in self._vault.spans(new, create=self._create).items() if new else ():
            self._accounts[handle] = self._code(handle, spans)

    def _numbered(self, handles: Sequence[str], used: Longs) -> Longs:
        """Return the accounts of a table's handles by their place; places that are not used stay empty."""
        names = [handles[place] for place in used.tolist()]
        self._learn(set(names))
        accounts = np.zeros(int(used.max(initial=-1)) + 1, np.int64)
        accounts[used] = [self._accounts[name] for name in names]
        return accounts

    def _code(self, handle: str, spans: tuple[Span, ...]) -> int:
        if not spans:  # a dry run: any stable number will do
            return self._event(f"account\0{handle}") >> 2 & MAX_LONG | 1
        if len(spans) == 1:
            return spans[0].account
        self._handed_over.append(spans)
        return -len(self._handed_over)

    def _at_time(self, codes: Longs, sent: Longs) -> Longs:
        """Return accounts; a handle that changed hands means the one whose day it was."""
        accounts = codes.copy()
        for code in np.unique(accounts[accounts < 0]):
            spans = self._handed_over[-code - 1]
            here = np.flatnonzero(accounts == code)
            starts = [(span.valid_from.toordinal() - EPOCH) * MICROSECONDS_A_DAY for span in spans]
            turn = np.searchsorted(starts, sent[here], side="right") - 1
            accounts[here] = np.array([span.account for span in spans])[np.maximum(turn, 0)]
        return accounts

    def _recipients(self, people: "_People", senders: Longs, coverage: Coverage) -> tuple[pa.ListArray, Longs, Masks]:
        """Return the recipients, the original audience, and which events lost all their recipients."""
        owner, roles, count = people.owner, people.roles, len(senders)
        accounts = self._at_time(people.accounts, people.sent[owner])
        lengths = np.bincount(owner, minlength=count)
        unknown = np.where(accounts == 0, -1 - np.arange(len(accounts)), accounts)  # each withheld person is somebody else
        order = np.lexsort((roles, unknown, owner))
        owner, unknown, roles = owner[order], unknown[order], roles[order]
        first = _changes(owner) | _changes(unknown)
        counted = np.bincount(owner[first & (unknown != senders[owner])], minlength=count)
        audience = np.maximum(counted, people.audience)
        kept = first & (unknown > 0)
        coverage.notes["recipients_objected_or_protected"] += int((unknown < 0).sum())
        left = np.bincount(owner[kept], minlength=count)
        offsets = np.concatenate([[0], np.cumsum(left)])
        return _lists(offsets, unknown[kept], roles[kept]), audience, (lengths > 0) & (left == 0) & ~people.is_open

    def _events(self, ids: Sequence[str]) -> list[int]:
        """Return the digests of events, remembered because answers and reactions name them next."""
        known, digests = self._digests["root"], [self._event(id) for id in ids]
        if len(known) > REMEMBERED:
            known.clear()
        known.update(zip(ids, digests, strict=True))
        return digests

    def _remembered(self, ids: Sequence[str | None], memory: str, digest: Digest) -> list[int | None]:
        """Return the digests of ids of which many come again."""
        known = self._digests[memory]
        if len(known) > REMEMBERED:
            known.clear()
        known[None] = None
        for id in set(ids):  # not set - keys, which would walk over everything known, forty times a batch's size
            if id not in known:
                known[id] = digest(str(id))
        return [known[id] for id in ids]

    def _coded(self, ids: pa.ChunkedArray, memory: str, digest: Digest) -> pa.Array:
        coded = ids.combine_chunks().dictionary_encode()
        return pa.array(self._remembered(coded.dictionary.to_pylist(), memory, digest), pa.int64()).take(coded.indices)


@dataclass(frozen=True)
class _People:
    """Who sent what to whom, as arrays: one value per event, then one per recipient with the place of its event."""

    sent: Longs
    senders: Longs
    audience: Longs
    is_open: Masks
    owner: Longs
    accounts: Longs
    roles: Longs


def keyed(key: bytes, prefix: str = "") -> Digest:
    """Return ``connectors.identity.event_id`` of that key: HMAC-SHA-256 (RFC 2104) with both padded keys hashed once.

    It takes about half the time of the general function, which counts at two digests an event.
    """
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + f"{VERSION}\0event\0{prefix}".encode())
    outer, number = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)), int.from_bytes

    def digest(id: str) -> int:
        inside, outside = inner.copy(), outer.copy()
        inside.update(id.encode(errors="surrogatepass"))
        outside.update(inside.digest())
        return number(outside.digest()[:8], "big", signed=True)

    return digest


def batches(events: Iterable[RawEvent], size: int) -> Iterator[list[RawEvent]]:
    """Cut a stream into lists of at most ``size``."""
    stream = iter(events)
    while batch := list(islice(stream, size)):
        yield batch


def _array(values: object, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _kept(table: pa.Table, dropped: Masks, coverage: Coverage) -> pa.Table:
    if not dropped.any():
        return table
    coverage.dropped["objected_or_protected"] += int(table["rows"].to_numpy()[dropped].sum())
    return table.filter(pa.array(~dropped))


def _changes(values: Longs) -> Masks:
    return np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]


def _lists(offsets: Longs, accounts: Longs, roles: Longs) -> pa.ListArray:
    structs = pa.StructArray.from_arrays([pa.array(accounts, pa.int64()), pa.array(roles, pa.uint8())], fields=list(RECIPIENT))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs).cast(EVENTS.schema.field("recipients").type)
