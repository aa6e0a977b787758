"""Network connectors → EVENTS in commits of their own: what was read, its position and what is gone at the source go together."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Coverage, Cursor, RawEvent
from connectors.network import Step, SteppedConnector, Whole
from ona.errors import ConnectorError
from ona.tables import Kind
from pipelines.intake.events import SORTED_BY, pull_events
from pipelines.intake.pseudonyms import Digest, Longs, Masks, keyed
from pipelines.storage.accounting import Progress, PullReport
from pipelines.storage.cursors import read_cursor
from pipelines.storage.vault import Span
from pipelines.storage.workspace import Workspace

ROWS = 20_000
"""Rows of one commit, about."""

SECONDS = 60.0
"""Time after which a commit is made although fewer rows were read: a killed pull loses this and the steps under way."""

PRINCIPALS = ("_asked", "_read", "_refused_", "_skipped_")
"""Parts of the notes that say who was asked; they belong to the whole pull, so its last commit holds them."""


@dataclass
class Round:
    """The steps of one commit, as a connector that has read them already."""

    steps: Sequence[Step]
    account: Coverage
    cursor: Cursor = field(init=False)

    def __post_init__(self) -> None:
        """Put the positions together: a later step of a stream wins."""
        self.cursor = Cursor({stream: value for step in self.steps for stream, value in step.streams.items()})

    def size(self) -> int | None:
        """Return how many rows there are."""
        return None

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        """Yield the events and give the account of how they were read."""
        _add(coverage, self.account)
        for step in self.steps:
            yield from step.events


def pull_steps(
    ws: Workspace, name: str, connector: SteppedConnector, *, progress: Progress | None = None, rows: int = ROWS, seconds: float = SECONDS
) -> PullReport:
    """Read a network connector from its cursor on, committing every so often; a pull killed anywhere goes on from its last commit.

    The events stored at the end do not depend on where commits were made, on restarts, repeats or the order of records.
    """
    coverage, kept, reports = Coverage(), Coverage(), list[PullReport]()
    with ws.exclusive():
        steps = connector.steps(coverage, read_cursor(ws, name))
        tick = connector.around.clock.tick
        rounds = _rounds(steps, rows, lambda begun: tick() - begun >= seconds, tick)
        calendars = _Calendars()
        for read_steps, failure in rounds:
            account = _taken(coverage, kept, last=failure is not None)
            steps_of_round = calendars.without_deleted(read_steps, account)
            account.notes["deleted_at_source"] += remove_gone(ws, name, steps_of_round)
            reports.append(pull_events(ws, name, Round(steps_of_round, account)))
            if progress:
                progress(name, sum(report.read for report in reports), None)
            if isinstance(failure, Exception):
                raise failure
    return _sum(name, reports)


def remove_gone(ws: Workspace, source: str, steps: Sequence[Step]) -> int:
    """Remove the stored events of a source that a service no longer has where its steps are whole; return how many there were."""
    whole = [one for step in steps for one in step.whole]
    if not whole:
        return 0  # a mail or calendar says itself what was deleted
    digest = keyed(ws.keys.event)
    came = np.unique(np.array([digest(event.id) for step in steps for event in step.events], np.int64))
    look = _Look(keyed(ws.keys.channel), digest, whole)
    look.know(ws.vault.spans({one for place in whole for one in place.organizers}, create=False))
    files, removed = [], 0
    for part in ws.lake.parts("events"):
        table = ws.lake.read("events", [part])
        gone = look.gone(table, came) & np.asarray(pc.equal(table["source"], source), np.bool_)
        if gone.any():
            removed += int(gone.sum())
            files.append(ws.lake.stage("events", part, table.filter(pa.array(~gone)), sort=SORTED_BY))
    if files:
        ws.lake.publish(files)
    return removed


class _Look:
    """Finds stored events of whole places that did not come again."""

    def __init__(self, space: Digest, event: Digest, whole: Iterable[Whole]) -> None:
        self._whole = [one for one in whole if one.organizers]
        self._meetings: list[tuple[Longs, int, int]] = []
        self._spans = [(space(one.space), one.start, one.end) for one in whole if one.root is None and not one.organizers]
        self._roots = np.array(sorted({event(one.root) for one in whole if one.root is not None}), np.int64)

    def know(self, accounts: Mapping[str, Sequence[Span]]) -> None:
        """Learn the accounts of organizers."""
        for one in self._whole:
            found = [span.account for handle in one.organizers for span in accounts.get(handle, ())]
            self._meetings.append((np.array(found, np.int64), one.start, one.end))

    def gone(self, table: pa.Table, came: Longs) -> Masks:
        """Return which rows are gone: messages, and the reactions to messages that were read again."""
        event, kind, sent = _longs(table, "event"), _longs(table, "kind"), table["sent"].cast(pa.int64()).to_numpy()
        space, root = _longs(table, "space"), _longs(table, "root")
        alone = np.asarray(table["root"].is_null(), np.bool_)
        inside = np.zeros(table.num_rows, np.bool_)
        for place, start, end in self._spans:
            inside |= (space == place) & (sent >= start) & (sent < end) & alone
        message = kind == Kind.MESSAGE
        looked_at = message & (inside | (np.isin(root, self._roots) & ~alone))
        answered = np.union1d(event[looked_at], came)
        reaction = (kind == Kind.REACTION) & np.isin(_longs(table, "reply_to"), answered)
        for organizers, start, end in self._meetings:
            looked_at |= (kind == Kind.MEETING) & np.isin(_longs(table, "sender"), organizers) & (sent >= start) & (sent < end)
        return np.asarray((looked_at | reaction) & ~np.isin(event, came), np.bool_)


@dataclass
class _Calendars:
    """Organizers' calendars that were read whole in this pull: what is missing there is no meeting, whoever else still lists it."""

    closed: dict[str, list[tuple[int, int, frozenset[str]]]] = field(default_factory=dict)  # organizer → start, end, ids

    def without_deleted(self, steps: Sequence[Step], account: Coverage) -> list[Step]:
        """Return the steps without copies of meetings that their organizer has deleted, whichever calendar came first."""
        for step in steps:
            for one in step.whole:
                ids = frozenset(event.id for event in step.events) if one.organizers else frozenset()
                for handle in one.organizers:
                    self.closed.setdefault(handle, []).append((one.start, one.end, ids))
        return [self._kept(step, account) for step in steps] if self.closed else list(steps)

    def _kept(self, step: Step, account: Coverage) -> Step:
        stays = [event for event in step.events if not self._is_deleted(event)]
        account.dropped["deleted_by_organizer"] += sum(event.rows for event in step.events) - sum(event.rows for event in stays)
        return step if len(stays) == len(step.events) else replace(step, events=stays)

    def _is_deleted(self, event: RawEvent) -> bool:
        places = self.closed.get(event.sender, ()) if event.kind == Kind.MEETING else ()
        return any(start <= event.sent < end and event.id not in ids for start, end, ids in places)


def _rounds(
    steps: Iterator[Step], rows: int, is_late: Callable[[float], bool], tick: Callable[[], float]
) -> Iterator[tuple[list[Step], Exception | bool | None]]:
    """Yield the steps of each commit; the last one comes with True, or with the error that ended the pull."""
    waiting, begun = list[Step](), tick()
    try:
        for step in steps:
            waiting.append(step)
            if sum(len(one.events) for one in waiting) >= rows or is_late(begun):
                yield waiting, None
                waiting, begun = [], tick()
    except ConnectorError as error:
        yield waiting, error
        return
    yield waiting, True


def _taken(coverage: Coverage, kept: Coverage, *, last: bool) -> Coverage:
    """Return what was counted since the last commit and begin anew; notes about principals wait for the last one."""
    taken = Coverage()
    _add(taken, coverage)
    for one in fields(Coverage):
        setattr(coverage, one.name, getattr(Coverage(), one.name))
    principals = Counter({code: count for code, count in taken.notes.items() if any(part in code for part in PRINCIPALS)})
    taken.notes -= principals
    kept.notes += principals
    if last:
        taken.notes += kept.notes
    return taken


def _add(coverage: Coverage, more: Coverage) -> None:
    for name in ("read", "accepted", "duplicate"):
        setattr(coverage, name, getattr(coverage, name) + getattr(more, name))
    for name in ("dropped", "quarantined", "notes"):
        getattr(coverage, name).update(getattr(more, name))


def _sum(name: str, reports: Sequence[PullReport]) -> PullReport:
    counts = {one: sum(getattr(report, one) for report in reports) for one in ("read", "accepted", "duplicate")}
    sums = {one: dict(sorted(sum((Counter(getattr(r, one)) for r in reports), Counter[str]()).items())) for one in _FATES}
    first, last = [r.first for r in reports if r.first], [r.last for r in reports if r.last]
    parts = tuple(sorted({part for report in reports for part in report.parts}))
    return PullReport(name, **counts, **sums, first=min(first, default=None), last=max(last, default=None), parts=parts)  # type: ignore[arg-type]


_FATES = ("dropped", "quarantined", "notes")


def _longs(table: pa.Table, name: str) -> Longs:
    column = table[name].cast(pa.int64())
    return np.asarray(column.fill_null(0).to_numpy(), np.int64)
