"""Evidence tables: 360 feedback, recognition, customer satisfaction and surveys as CSV; numbers on scales, never a comment."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from connectors.archive import FileError, read_bytes, regular
from connectors.base import Coverage, RawRating
from connectors.cells import CellError, Csv, Row, day, number
from connectors.columns import TableConfig, placed
from connectors.identity import HandleError, address_reader, handle
from ona.tables import EVIDENCE_SOURCES

MAX_LABEL = 100
MAX_RECEIVERS = 100
"""Receivers of one thank-you; more is a greeting to everybody."""
LARGEST = 1e9

Source = Literal["peer_360", "recognition", "csat", "survey"]

COLUMNS = {
    "id": ("id", "feedback_id", "response_id", "recognition_id", "ticket_id"),
    "person": ("ratee", "receiver", "receivers", "recipient", "agent", "named", "person", "employee", "email", "subject_email", "about"),
    "rater": ("rater", "giver", "sender", "respondent", "reviewer", "rater_email", "giver_email", "from"),
    "team": ("team", "unit", "group"),
    "facet": ("facet", "skill", "competency", "value_tag"),
    "value": ("value", "rating", "score", "points_given", "csat", "satisfaction"),
    "scale_low": ("scale_low", "scale_min"),
    "scale_high": ("scale_high", "scale_max"),
    "day": ("day", "date", "given_on", "submitted_on", "submitted_at", "created_at"),
    "weight": ("weight", "answers", "responses", "n"),
    "source": ("source",),
}
"""What a column is → the normal header names that are taken for it, the first found wins. No other column is looked at."""

SCALES: Mapping[str, tuple[float, float]] = {"peer_360": (1, 5), "csat": (1, 5), "recognition": (0, 1), "survey": (0, 1)}
"""Scale where neither the table nor the settings name one; being thanked or named counts 1."""
NAMED = frozenset({"recognition", "survey"})
"""Sources in which being named is the whole figure, so that a row needs no value."""
COUNTED_BY_TEAM = "csat"
"""The one source whose rows may be about a team instead of a person."""


class Config(TableConfig):
    """Where the tables lie and how their columns are named."""

    path: Path
    """One CSV file, or a folder of them; a name says the source by how it begins: ``peer_360-2026-q3.csv``."""
    source: Source | None = None
    """What the table is, where neither its name nor a ``source`` column says it."""
    facets: dict[str, str] = Field(default_factory=dict)
    """What the ``facet`` column says → facet or skill it stands for, for instance ``"Helps others" = "helper"``."""
    facet: str = "helper"
    """Facet or skill where a row names none."""
    scale: tuple[float, float] | None = None
    """Lowest and highest possible value, where the table has no columns for them."""
    namespace: str = "hr"
    """Of employee ids, as in the HR table."""
    separator: str = Field(default=";", min_length=1, max_length=1)
    """Between several receivers or named colleagues in one cell."""


class Connector:
    """Reads evidence tables."""

    gives = "evidence"

    def __init__(self, config: Config) -> None:
        """Take the files and the column map."""
        self._config = config

    def sources(self) -> tuple[str, ...]:
        """Return what the files are about; a table with a ``source`` column may be about anything."""
        named = [self._named(path) for path in self._files()]
        return EVIDENCE_SOURCES if None in named else tuple(sorted({one for one in named if one}))

    def evidence(self, coverage: Coverage) -> Iterator[RawRating]:
        """Yield one rating per row and person named in it."""
        for path in self._files():
            with Csv(read_bytes(path), self._config.delimiter, self._config.encoding) as table:
                at, source = self._positions(table.header), self._named(path)
                if source is None and "source" not in at:
                    told = ", ".join(EVIDENCE_SOURCES)
                    raise FileError("source_missing", "Nothing says what a table is about", f"Set `source` to one of: {told}.")
                reader = _Reader(self._config, source, at, coverage)
                for row in table.rows():
                    yield from reader.ratings(row)

    def _files(self) -> list[Path]:
        path = self._config.path
        if not path.is_dir():
            return [regular(path)]
        found = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv" and file.is_file() and not file.is_symlink())
        if not found:
            raise FileError("file_missing", "The folder holds no CSV file", "Correct `path` in the connector's settings.")
        return found

    def _named(self, path: Path) -> str | None:
        """Return the source that the settings or the file's name tell."""
        stem = path.name.lower().replace("-", "_")
        return self._config.source or next((name for name in EVIDENCE_SOURCES if stem.startswith(name)), None)

    def _positions(self, header: tuple[str, ...]) -> dict[str, int]:
        at = placed(header, COLUMNS, self._config.columns)
        if "day" not in at or not at.keys() & {"person", "team"}:
            raise FileError("columns_missing", "There is no day, or neither person nor team", "Set `columns` in the connector's settings.")
        return at


@dataclass
class _Reader:
    """Turns the rows of one table into ratings and counts what it cannot use."""

    config: Config
    source: str | None
    at: Mapping[str, int]
    coverage: Coverage

    def __post_init__(self) -> None:
        """Set up the bounded memory of addresses and the count of rows that nothing tells apart."""
        self._address = address_reader(self.config.addresses)
        self._facets = {said.strip().casefold(): facet for said, facet in self.config.facets.items()}
        self._alike = Counter[str]()

    def ratings(self, row: Row) -> Iterator[RawRating]:
        """Yield the row's ratings, one per person named, or count the row where it belongs."""
        cells = {} if row.fault else {role: row.cells[place].strip() for role, place in self.at.items()}
        named = list(dict.fromkeys(part.strip() for part in cells.get("person", "").split(self.config.separator) if part.strip())) or [""]
        if len(named) > MAX_RECEIVERS:
            row, named = Row((), "too_many_receivers"), [""]
        for person in named:
            self.coverage.read += 1
            try:
                if row.fault:
                    raise CellError(row.fault)
                rating = self._rating(cells, person, shared=len(named))
            except (CellError, HandleError) as error:
                self.coverage.quarantined[error.code] += 1
            else:
                yield rating

    def _rating(self, cells: Mapping[str, str], person: str, shared: int) -> RawRating:
        source = self._source(cells)
        facet = self._facet(cells.get("facet", ""))
        low, high = self._scale(cells, source)
        value = self._value(cells, source, low, high)
        team = _label(cells.get("team", "")) if not person and source == COUNTED_BY_TEAM else ""
        if not (person or team):
            raise CellError("person_missing")
        on = day(cells.get("day", ""), self.config.date_order)
        if on is None:
            raise CellError("date_missing")
        rater = self._handle(cells["rater"]) if cells.get("rater") else None
        weight = number(cells.get("weight", ""), 0, LARGEST)
        if weight == 0:
            raise CellError("no_answers")
        about = self._handle(person) if person else None
        id = None if rater and not cells.get("id") else self._id(source, cells, person)
        answers = (weight or 1.0) / (shared if source == "recognition" else 1)  # a thank-you to five is one, not five
        return RawRating(source, facet, value, (low, high), on, about, rater, team or None, answers, id)

    def _source(self, cells: Mapping[str, str]) -> str:
        told = cells.get("source", "").lower().replace("-", "_") or self.source or ""
        if told not in EVIDENCE_SOURCES:
            raise CellError("unknown_source")
        return told

    def _facet(self, said: str) -> str:
        """Return the facet or skill in lower case; the settings may say what a word of the table stands for."""
        mapped = self._facets.get(said.casefold(), said or self.config.facet)
        return " ".join(_label(mapped).casefold().split())

    def _scale(self, cells: Mapping[str, str], source: str) -> tuple[float, float]:
        low, high = (number(cells.get(name, ""), -LARGEST, LARGEST) for name in ("scale_low", "scale_high"))
        usual = self.config.scale or SCALES[source]
        scale = (usual[0] if low is None else low, usual[1] if high is None else high)
        if not scale[0] < scale[1]:
            raise CellError("scale_unreadable")
        return scale

    def _value(self, cells: Mapping[str, str], source: str, low: float, high: float) -> float:
        value = number(cells.get("value", ""), -LARGEST, LARGEST) if self._counts(source) else None
        if value is None and source in NAMED:
            return high
        if value is None:
            raise CellError("value_missing")
        if not low <= value <= high or not math.isfinite(value):
            raise CellError("outside_scale")
        return value

    def _counts(self, source: str) -> bool:
        """Return whether the value column is a rating: points that come with a thank-you are money, not a scale."""
        return source != "recognition" or self.config.scale is not None or "scale_high" in self.at

    def _handle(self, cell: str) -> str:
        return handle(cell.removeprefix("'"), self.config.namespace, self._address)

    def _id(self, source: str, cells: Mapping[str, str], person: str) -> str:
        """Return what tells the row from others: its own id, else its cells and how many alike came before it."""
        if own := cells.get("id"):
            return f"{source}/{own}/{person}"
        digest = hashlib.sha256("\0".join((source, person, *(cells[role] for role in sorted(cells)))).encode(errors="replace")).hexdigest()
        self._alike[digest] += 1
        return f"{source}/{digest}/{self._alike[digest]}"


def _label(text: str) -> str:
    """Return a label without the apostrophe that spreadsheets put before formulas."""
    label = text.strip().removeprefix("'")
    if len(label) > MAX_LABEL or not (label.isprintable() or not label):
        raise CellError("label_unreadable")
    return label
