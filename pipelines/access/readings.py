"""One person of a scan as records: score, sources that agree, contributions in words, badges."""

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np

from ona.skill_map import name_of
from pipelines.access import words
from pipelines.access.answers import Badge, Contribution, Facet, FacetReading, PersonRow, Score, SourceReading, Sureness, Verdict
from pipelines.access.policy import Sight
from pipelines.access.readable import Floats, ScoreColumns
from pipelines.intake import badges

CONFIDENCE_LEVEL = 0.90
"""Of every interval in SCORES."""

STRONG_WIDTH, MODERATE_WIDTH = 15.0, 35.0
"""Widest interval, in percentiles, that is called strong or moderate; a source that disagrees costs one step."""

EVIDENCE = {"helper": "asks", "broker": "contacts", "reach": "contacts", "overall": "contacts"}
MARKED_FACETS: tuple[Facet, ...] = ("helper", "broker")
"""Facets that may mark a person; reach is context and overall only sorts."""

FACETS: tuple[Facet, ...] = get_args(Facet)


def rows_of(sight: Sight, rows: Sequence[int], facet: Facet) -> tuple[PersonRow, ...]:
    """List entries of these members, their badges read together."""
    sight.read_names(rows)
    held = badges_of(sight, rows)
    return tuple(_row(sight, row, facet, held.get(int(sight.scan.persons[row]), ())) for row in rows)


def badges_of(sight: Sight, rows: Sequence[int]) -> dict[int, tuple[Badge, ...]]:
    """Badges by person."""
    table = badges.badges(sight.ws, {int(sight.scan.persons[row]) for row in rows}, own=sight.viewer.person)
    known = badges.checks(sight.ws, {int(sight.scan.persons[row]) for row in rows})
    found: dict[int, list[Badge]] = {}
    for held in table.to_pylist():
        fields = {name: held[name] for name in ("name", "issuer", "standard", "level", "issued_on", "expires_on", "status")}
        check = known[held["badge"]]
        badge = Badge(**fields, skills=tuple(map(name_of, held["skills"] or ())), method=check.method, checked=check.checked)
        found.setdefault(held["person"], []).append(badge)
    return {person: tuple(sorted(some, key=lambda badge: badge.name)) for person, some in found.items()}


def score(sight: Sight, row: int, facet: Facet) -> Score:
    """Score of a member with its interval, or the reason why there is none."""
    columns = sight.scan.scores.get(facet)
    numbers = [None, None, None] if columns is None else _percentiles(columns, row)
    code = "channel_missing" if columns is None else columns.reason[row]
    if code is None and numbers[0] is None:
        code = "undefined"
    seen = sources(sight, row, facet)
    shown = code is None and columns is not None
    evidence = sight.scan.facts_of(row).get(EVIDENCE[facet], 0.0)
    return Score(
        name=facet,
        value=numbers[0] if shown else None,
        low=numbers[1] if shown else None,
        high=numbers[2] if shown else None,
        confidence=CONFIDENCE_LEVEL,
        sureness=sureness(numbers[1], numbers[2], seen) if shown else None,
        tier=columns.tier[row] if shown and columns is not None and facet != "reach" else None,
        n_evidence=round(evidence) if evidence >= words.SMALLEST_COUNT else None,
        sources=tuple(one.source for one in seen if one.share is not None),
        scan_id=sight.scan.id,
        reason=words.reason(code),
        reason_code=code,
    )


def sureness(low: float | None, high: float | None, seen: Sequence[SourceReading]) -> Sureness | None:
    """How firm a score stands: width of its interval, one step less where a source disagrees."""
    if low is None or high is None:
        return None
    steps: tuple[Sureness, ...] = ("strong", "moderate", "tentative")
    width = high - low
    step = 0 if width <= STRONG_WIDTH else 1 if width <= MODERATE_WIDTH else 2
    return steps[min(2, step + any(one.verdict == "disagrees" for one in seen))]


def sources(sight: Sight, row: int, facet: str) -> tuple[SourceReading, ...]:
    """Say for each connected source whether it alone says the same, something else, or nothing."""
    facts = sight.scan.facts
    known = [name for name in words.SOURCES if name in facts]
    return tuple(SourceReading(one, _number(facts[one][row]), _verdict(facts.get(f"agrees_{facet}_{one}"), row)) for one in known)


def facet_reading(sight: Sight, row: int, facet: Facet) -> FacetReading:
    """Return a facet of a member and why."""
    flags = sight.scan.flags.get(facet)
    facts = sight.scan.facts_of(row)
    found = score(sight, row, facet)
    marked = facet in MARKED_FACETS and flags is not None and bool(flags.flagged[row])
    return FacetReading(
        facet=facet,
        score=found,
        marked=marked,
        hidden=facet in MARKED_FACETS and flags is not None and bool(flags.hidden[row]),
        sentence=words.sentence(facet, facts) if found.reason is None else None,
        contributions=_contributions(sight, row, facet, facts),
        sources=sources(sight, row, facet),
    )


def marks(sight: Sight, row: int, kind: str) -> tuple[str, ...]:
    """Facets in which a member is ``flagged`` or ``hidden``."""
    return tuple(facet for facet in MARKED_FACETS if facet in sight.scan.flags and getattr(sight.scan.flags[facet], kind)[row])


def _row(sight: Sight, row: int, facet: Facet, held: tuple[Badge, ...]) -> PersonRow:
    label, named = sight.label(row)
    found = score(sight, row, facet)
    team = sight.unit_name("team", row)
    return PersonRow(
        id=sight.codes[row],
        label=label,
        named=named,
        team=team,
        team_id=int(sight.scan.units("team")[row]) if team else None,
        department=sight.unit_name("group", row),
        marks=marks(sight, row, "flagged"),
        hidden=marks(sight, row, "hidden"),
        score=found,
        sentence=words.sentence(facet, sight.scan.facts_of(row)) if found.reason is None else None,
        sources=_row_sources(sight, row, facet),
        badges=held,
    )


def _row_sources(sight: Sight, row: int, facet: Facet) -> tuple[SourceReading, ...]:
    """Return the sources of a facet; those of the overall score are the ones of its clearest part."""
    if facet != "overall":
        return sources(sight, row, facet)
    own = marks(sight, row, "flagged")
    return sources(sight, row, own[0] if own else "helper")


def _percentiles(columns: ScoreColumns, row: int) -> list[float | None]:
    return [_number(column[row], 100.0) for column in (columns.percentile, columns.percentile_low, columns.percentile_high)]


def _number(value: float, scale: float = 1.0) -> float | None:
    return None if math.isnan(value) else round(float(value) * scale, 1 if scale > 1 else 3)


def _verdict(column: Floats | None, row: int) -> Verdict:
    if column is None or np.isnan(column[row]):
        return "silent"
    return "agrees" if column[row] > 0 else "disagrees"


def _contributions(sight: Sight, row: int, facet: str, facts: dict[str, float]) -> tuple[Contribution, ...]:
    rows = sight.scan.contributions.get(int(sight.scan.persons[row]))
    if rows is None:
        return ()
    own = rows[(rows["facet"] == facet) & rows["contribution"].notna()]
    parts = [
        Contribution(str(name), words.contribution(str(name), facts, size), round(float(size), 3), round(float(share), 3))
        for name, size, share in zip(own["indicator"], own["contribution"], own["share"], strict=True)
    ]
    return tuple(sorted(parts, key=lambda part: -abs(part.contribution)))
