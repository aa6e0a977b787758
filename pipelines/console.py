"""How the command line speaks: tables, sentences, JSON on standard output; progress and errors on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console()
err = Console(stderr=True)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """Draw a bar for each part of long work, on a terminal only."""
    columns = (SpinnerColumn(), TextColumn("{task.description:<22}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            part = what.partition(" (")[0]  # what stands in brackets changes, the bar stays
            if part not in tasks:
                tasks[part] = bars.add_task(what, total=total)
            bars.update(tasks[part], description=what, completed=done, total=total)

        yield tell


def table(header: str, rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header whose names are separated by spaces; ``_`` in a name is shown as a space."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for name in header.split(" "):
        drawn.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        drawn.add_row(*(escape("" if value is None else str(value)) for value in row))
    out.print(drawn)


def say(*lines: str) -> None:
    """Print sentences."""
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def next_verb(verb: str) -> None:
    """Tell what to call next."""
    out.print(f"Next: {verb}", style="dim", markup=False, highlight=False)


def print_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=1) + "\n")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Path) else repr(type(value).__name__)
