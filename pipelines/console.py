"""How the command line speaks: tables, sentences, JSON on standard output; progress and errors on standard error."""

import json
import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from typer._click.core import Context  # typer keeps what its groups take under no other name
from typer._click.formatting import HelpFormatter
from typer.core import TyperGroup

PIPED_WIDTH = 500
"""Columns where nobody looks and nobody says: a line for a file or another program is not folded."""

out = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH)
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


class Verbs(TyperGroup):
    """A group of verbs whose list says of each all that it says of itself, on as many lines as that takes."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the list."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help or "") for name, verb in found if verb is not None])


def table(header: str, rows: Iterable[Sequence[object]], *, cut: Container[str] = ()) -> None:
    """Print rows under a header whose names are separated by spaces; ``_`` in a name is shown as a space.

    With columns to ``cut`` each row is one line: on a narrow terminal these give way and the others stay whole.
    """
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    names = header.split(" ")
    for name in names:
        drawn.add_column(name.replace("_", " "), overflow="fold", no_wrap=bool(cut) and name not in cut)
    for row in rows:
        drawn.add_row(*(_cell(value, name in cut) for name, value in zip(names, row, strict=True)))
    out.print(drawn)


def say(*lines: str) -> None:
    """Print sentences."""
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def next_verb(verb: str, home: Path | None = None) -> None:
    """Tell what to call next, in the same folder if one was named."""
    out.print(f"Next: {verb}{f' --home {home}' if home else ''}", style="dim", markup=False, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=1) + "\n")


def _cell(value: object, cut: bool) -> Text:
    return Text("" if value is None else str(value), no_wrap=cut, overflow="ellipsis" if cut else "fold")


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
