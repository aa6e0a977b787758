"""Mailboxes or calendars side by side: a failure ends its own round alone, is tried once more at the end, and is counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from connectors.base import Coverage, RawEvent
from connectors.http import UnavailableError
from connectors.lanes import Lanes
from connectors.network import Asked, Step
from connectors.pages import Page, PageError, PartError
from connectors.records import Raw
from ona.errors import AccessError, ConnectorError, RateLimitError

T = TypeVar("T")

Positions = Mapping[str, str]
ReadOne = Callable[[str, Positions], Iterator[Step]]
"""Reads one principal from the positions on; what it keeps between two calls is its own, for others are read meanwhile."""


def rounds(ids: Sequence[str], read_one: ReadOne, asked: Asked, streams: Positions, lanes: Lanes) -> Iterator[Step]:
    """Yield the steps of all principals, several of them side by side; one that broke off goes on after all others.

    It goes on where it stood, but from its beginning where the pages themselves were wrong: a bad position must not stay for ever.
    """
    asked.asked(len(ids))
    positions = dict(streams)
    waiting = list(ids)
    for is_last in (False, True):
        broken: list[str] = []
        again = None if is_last else broken
        yield from lanes.run(partial(_round, id, read_one, asked, positions, again) for id in waiting)
        waiting = sorted(broken)


def _round(id: str, read_one: ReadOne, asked: Asked, positions: dict[str, str], again: list[str] | None) -> Iterator[Step]:
    try:
        for step in read_one(id, positions):
            positions |= step.streams
            yield step
    except AccessError:
        raise
    except ConnectorError as error:
        _failed(id, error, asked, positions, again)
    else:
        asked.read()


def _failed(id: str, error: ConnectorError, asked: Asked, positions: dict[str, str], again: list[str] | None) -> None:
    """Put a principal off to the end, or count what became of it."""
    if isinstance(error, PartError):
        asked.refused(error.code)
    elif again is not None and isinstance(error, (UnavailableError, PageError)):
        again.append(id)
        if isinstance(error, PageError):
            for stream in [name for name in positions if name.endswith(f"/{id}")]:
                del positions[stream]
    else:
        asked.skipped("limited" if isinstance(error, RateLimitError) else "broken_off")


def twice(run: Callable[[], T]) -> T:
    """Return what a few calls give; a service that was not there is asked once more."""
    try:
        return run()
    except UnavailableError:
        return run()


class Counting(Protocol):
    """Counts into a coverage."""

    coverage: Coverage


class Reader(Counting, Protocol):
    """Turns records into events and counts what it cannot use."""

    def event(self, raw: Raw) -> RawEvent | None:
        """Return the record's event, or count the row where it belongs."""


def events_of(page: Page, reader: Reader) -> tuple[RawEvent, ...]:
    """Return the events of a page; see ``accounted``."""
    return accounted(reader, lambda: (event for raw in page.items if (event := reader.event(raw)) is not None))


def accounted(reader: Counting, run: Callable[[], Iterator[RawEvent]]) -> tuple[RawEvent, ...]:
    """Return events; a run that breaks off leaves no trace in the account, for its rows come again."""
    whole, reader.coverage = reader.coverage, Coverage()
    try:
        events = tuple(run())
        _add(whole, reader.coverage)
    finally:
        reader.coverage = whole
    return events


def _add(whole: Coverage, part: Coverage) -> None:
    whole.read += part.read
    whole.duplicate += part.duplicate
    for name in ("dropped", "quarantined", "notes"):
        getattr(whole, name).update(getattr(part, name))
