"""What each source says of people in a scan, put side by side: the evidence ledger as one viewer may read it."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc

from ona.skills import LABELLED, SILENT, Ledger, Signal, ablations, cleaned, ledger, signals_of, traced, wording
from pipelines.access.answers import Evidence, SourceEvidence, Without
from pipelines.access.policy import Sight
from pipelines.access.readable import ReadableScan
from pipelines.access.readings import MARKED_FACETS
from pipelines.access.stamp import remembered
from pipelines.access.words import SMALLEST_COUNT
from pipelines.intake import skill_tables

OLDEST = timedelta(days=400)
"""Evidence older than this before the end of a scan says nothing about it."""

MOST_SKILLS = 30
"""Skills that people may be named for, by how often; the others are too rare to be compared."""

VERDICTS = {1: "supports", 0: "neutral", -1: "contradicts"}

Ledgers = Mapping[str, tuple[Ledger, Mapping[str, Ledger]]]
"""Facet → its ledger, and the ledger without each source."""


def ledgers(sight: Sight) -> Ledgers:
    """Return the ledgers of a scan, made once while the evidence stays as it is."""
    return remembered(sight.ws, f"ledgers {sight.scan.id}", sight.mark, lambda: _made(sight))


def evidence_of(sight: Sight, row: int) -> tuple[Evidence, ...]:
    """Return what the sources say of a member: both marked facets, and the skills somebody speaks of."""
    found = [_evidence(facet, row, *both) for facet, both in ledgers(sight).items()]
    return tuple(one for one in found if one.facet in MARKED_FACETS or one.state != SILENT)


def states_of(sight: Sight, row: int) -> dict[str, str]:
    """Return facet → state of a member, for a column of a table."""
    return {facet: str(both[0].state[row]) for facet, both in ledgers(sight).items() if facet in MARKED_FACETS}


def _made(sight: Sight) -> Ledgers:
    scan = sight.scan
    end = date.fromisoformat(str(scan.sealed.manifest["end"]))
    table, _ = cleaned(skill_tables.evidence(sight.ws))
    table = table.filter(pc.greater(table["day"], end - OLDEST))
    facets = pc.value_counts(table["facet"].combine_chunks()).to_pylist()
    often = sorted((-one["counts"], one["values"]) for one in facets if one["values"] not in MARKED_FACETS)
    wanted = (*MARKED_FACETS, *(name for _, name in often[:MOST_SKILLS]))
    made = {}
    for facet in wanted:
        found = ledger(facet, signals_of(table, facet, scan.persons, _traces(scan, facet)))
        made[facet] = (found, ablations(found))
    return made


def _traces(scan: ReadableScan, facet: str) -> Signal | None:
    columns = scan.scores.get(facet)
    if columns is None:
        return None
    told = np.array([reason is None for reason in columns.reason], dtype=np.bool_)
    low, middle, high = (np.where(told, part, np.nan) for part in (columns.percentile_low, columns.percentile, columns.percentile_high))
    return traced(middle, low, high)


def _evidence(facet: str, row: int, found: Ledger, without: Mapping[str, Ledger]) -> Evidence:
    silent = str(found.state[row]) == SILENT
    return Evidence(
        facet=facet,
        state=str(found.state[row]),  # type: ignore[arg-type]  # one of the four states of the ledger
        label=wording(facet, str(found.label[row])),
        certain=str(found.label[row]) == LABELLED,
        value=None if silent else round(float(found.value[row]), 2),
        standard_error=None if silent else round(float(found.standard_error[row]), 2),
        sources=tuple(_source(one, row) for one in found.signals),
        without=tuple(
            Without(name, str(other.state[row]), wording(facet, str(other.label[row])))
            for name, other in without.items()
            if any(one.source == name and one.speaks[row] for one in found.signals)
        ),
    )


def _source(one: Signal, row: int) -> SourceEvidence:
    if not one.speaks[row]:
        return SourceEvidence(one.source, "silent", None, None)
    answers = int(one.raters[row])
    verdict = VERDICTS[int(one.verdict[row])]
    told = answers if one.source != "traces" and answers >= SMALLEST_COUNT else None
    return SourceEvidence(one.source, verdict, told, round(float(one.reliability[row]), 2))  # type: ignore[arg-type]  # one of VERDICTS
