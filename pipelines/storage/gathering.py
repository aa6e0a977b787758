"""Group commit: what many threads want to store durably at one moment goes to the disk in one transaction."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST = 500
"""Items in one batch, so that nobody waits for long behind a crowd."""


class Gathering(Generic[Item]):
    """Items that wait for the next batch: whoever finds nobody committing commits for all who came meanwhile.

    Nobody waits for company, so a single writer is as fast as without it; under load a batch is what arrived during the one before.
    """

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._waiting: deque[tuple[Item, Future[None]]] = deque()
        self._committing = Lock()

    def put(self, item: Item, commit: Callable[[Sequence[Item]], None]) -> None:
        """Return once the item is stored by ``commit``, or raise what kept it from being stored."""
        stored: Future[None] = Future()
        self._waiting.append((item, stored))
        with self._committing:
            while not stored.done():
                _commit([self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))], commit)
        stored.result()


def _commit(batch: Sequence[tuple[Item, "Future[None]"]], commit: Callable[[Sequence[Item]], None]) -> None:
    """Store a batch; when it cannot be stored as one, each item tries alone, so that a bad one fails nobody else."""
    try:
        commit([item for item, _ in batch])
    except Exception as error:  # noqa: BLE001 - handed to the threads whose items these are
        if len(batch) > 1:
            for one in batch:
                _commit([one], commit)
        else:
            batch[0][1].set_exception(error)
    except BaseException as error:
        for _, stored in batch:
            stored.set_exception(error)
        raise
    else:
        for _, stored in batch:
            stored.set_result(None)
