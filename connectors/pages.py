"""Pages of a vendor's list one after the other: which page may follow which, and when a walk is broken."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.records import Raw
from ona.errors import ConnectorError

MAX_PAGES = 100_000
"""Pages of one list; more is a service that never ends."""
MAX_RESYNCS = 3
"""Rounds of everything in one pull of one stream."""


class PageError(ConnectorError):
    """A service's answer is no page; ``code`` is stable, what the answer held is not repeated."""

    def __init__(self, code: str, seen: str, do: str = "The stream stays where it was; pull again later.") -> None:
        """Keep the code beside the sentence."""
        super().__init__(f"{seen} ({code}). {do}")
        self.code = code


class ResyncError(ConnectorError):
    """A service has forgotten the position from which only changes were wanted; the stream has to be read anew."""


class PartError(ConnectorError):
    """One mailbox, calendar, group or record cannot be read, the others can; ``code`` is stable."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(f"A part of a service could not be read ({code}). The coverage report names how many.")
        self.code = code


@dataclass(frozen=True, repr=False)
class Page:
    """One page of a list."""

    items: list[Raw]
    next: str | None = None
    """Where the next page is, as the service wrote it."""
    final: str | None = None
    """Position from which a later pull gets only what has changed; on the last page alone."""


def each(pages: Iterator[Page]) -> Iterator[Raw]:
    """Yield the records of all pages."""
    for page in pages:
        yield from page.items


def walk(first: str, fetch: Callable[[str], Page], limit: int = MAX_PAGES) -> Iterator[Page]:
    """Yield the pages from the first on; a page that was already read, or too many of them, is an error.

    A page that names both a next one and the final position is not the last: nothing is lost by going on. An empty page
    with a next one is an ordinary page.
    """
    seen, place = {first}, first
    for _ in range(limit):
        page = fetch(place)
        yield page
        if not page.next:
            return
        if page.next in seen:
            raise PageError("cursor_loop", "A list led back to a page that was already read")
        seen.add(page.next)
        place = page.next
    raise PageError("endless_paging", f"A list did not end within {limit:,} pages")


def changes(position: str | None, fresh: str, pages: Callable[[str], Iterator[Page]]) -> Iterator[tuple[Page, bool]]:
    """Yield the pages of what has changed since a position, or of everything when there is none or it was forgotten.

    Beside each page stands whether it belongs to a round of everything. What a broken round gave comes again in the next.
    """
    first = position or fresh
    for _ in range(MAX_RESYNCS):
        try:
            for page in pages(first):
                yield page, first == fresh
        except ResyncError:
            first = fresh
        else:
            return
    raise PageError("resync_loop", f"A service forgot a position {MAX_RESYNCS} times in one pull")
