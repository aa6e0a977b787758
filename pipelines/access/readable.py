"""A sealed scan laid out for reading: one array per score, fact and flag, aligned with its sorted members."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ona.tables import AccountKind
from pipelines.scans import SealedScan

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]

NO_UNIT = -1
"""Code of people whose team or department is not known."""

OVERLOAD = "overload"
"""Fact of a scan: 1 for people with signs of too much load for weeks on end."""


NUMBERS = ("value", "percentile", "percentile_low", "percentile_high")


@dataclass(frozen=True, eq=False)
class ScoreColumns:
    """One score of every member, in member order."""

    value: Floats
    percentile: Floats
    percentile_low: Floats
    percentile_high: Floats
    tier: Objects
    reason: Objects


@dataclass(frozen=True, eq=False)
class FlagColumns:
    """One facet's marks of every member, in member order."""

    flagged: Bools
    hidden: Bools
    visibility: Floats
    reason: Objects


@dataclass(frozen=True, eq=False)
class ReadableScan:
    """A sealed scan with the indexes that every reading needs; built once per scan and kept in memory."""

    sealed: SealedScan
    view_ids: dict[str, list[str]] = field(default_factory=dict)  # by audience, filled on first use

    @property
    def id(self) -> str:
        """Identity of the sealed scan."""
        return self.sealed.id

    @cached_property
    def table(self) -> pd.DataFrame:
        """PEOPLE of the members, one row a person, by ascending person."""
        people: pd.DataFrame = self.sealed.people.to_pandas()
        members = people.loc[people["kind"] == AccountKind.MEMBER]
        return members.drop_duplicates("person", keep="last").sort_values("person").reset_index(drop=True)

    @cached_property
    def persons(self) -> Ids:
        """Members of the scan, ascending."""
        return self.table["person"].to_numpy(dtype=np.int64)

    @cached_property
    def scores(self) -> Mapping[str, ScoreColumns]:
        """Every score by name."""
        return {str(name): self._score(rows) for name, rows in self.sealed.scores.to_pandas().groupby("name")}

    @cached_property
    def flags(self) -> Mapping[str, FlagColumns]:
        """Every facet's marks by facet."""
        return {str(facet): self._flag(rows) for facet, rows in self.sealed.flags.to_pandas().groupby("facet")}

    @cached_property
    def facts(self) -> Mapping[str, Floats]:
        """Every counted fact by name, NaN where it is not known."""
        frame = self.sealed.facts.to_pandas()
        return {str(fact): self._aligned(rows)["value"].to_numpy(dtype=np.float64) for fact, rows in frame.groupby("fact")}

    @cached_property
    def contributions(self) -> Mapping[int, pd.DataFrame]:
        """Contributions of each person that has any."""
        frame = self.sealed.contributions.to_pandas()
        return {int(person): rows for person, rows in frame.groupby("person")}

    @cached_property
    def _column(self) -> Mapping[str, str]:
        """Column of each attribute: where no directory knows teams, departments (or cuts of the tree) stand in for them."""
        return {"team": "team" if self.table["team"].notna().any() else "group", "group": "group"}

    @cached_property
    def _units(self) -> Mapping[str, Ids]:
        return {name: self.table[column].fillna(NO_UNIT).to_numpy(dtype=np.int64) for name, column in self._column.items()}

    def units(self, attribute: str) -> Ids:
        """Code of each member's team or group (department), ``NO_UNIT`` where it is not known."""
        return self._units[attribute]

    def unit_name(self, attribute: str, code: int) -> str:
        """Name of a unit; its code where it has no label."""
        return self.sealed.labels.get(self._column[attribute], {}).get(code, f"{attribute.capitalize()} {code}")

    def facts_of(self, row: int) -> dict[str, float]:
        """Facts known of the member in this row."""
        return {name: float(values[row]) for name, values in self.facts.items() if not np.isnan(values[row])}

    def ties(self, graph: str) -> tuple[Ids, Ids, Floats]:
        """Return ends (as member rows) and weights of a graph's ties among members."""
        edges: pa.Table = self.sealed.graphs[graph]
        source, target = (self._rows(edges[end].to_numpy()) for end in ("source", "target"))
        known = (source >= 0) & (target >= 0)
        return source[known], target[known], edges["weight"].to_numpy()[known]

    def _rows(self, persons: Ids) -> Ids:
        """Row of each person, -1 for those who are no members."""
        rows = pd.Index(self.persons).get_indexer(pd.Index(persons))
        return rows.astype(np.int64)

    def _aligned(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.drop_duplicates("person").set_index("person").reindex(self.persons)

    def _score(self, rows: pd.DataFrame) -> ScoreColumns:
        aligned = self._aligned(rows)
        value, percentile, low, high = (aligned[name].to_numpy(dtype=np.float64) for name in NUMBERS)
        return ScoreColumns(value, percentile, low, high, _texts(aligned["tier"]), _texts(aligned["reason"]))

    def _flag(self, rows: pd.DataFrame) -> FlagColumns:
        aligned = self._aligned(rows)
        marks = [aligned[name].eq(True).to_numpy(dtype=np.bool_) for name in ("flagged", "hidden")]
        return FlagColumns(marks[0], marks[1], aligned["visibility"].to_numpy(dtype=np.float64), _texts(aligned["reason"]))


def _texts(column: "pd.Series[str]") -> Objects:
    """Strings with None where there is none, whatever string type pandas chose."""
    return np.array([text if isinstance(text, str) else None for text in column], dtype=object)
