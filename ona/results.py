"""From facets and indicators to the rows of SCORES, FLAGS and CONTRIBUTIONS, and the notes beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ona.facets import Ground, departments
from ona.gates import PASSED, Reasons, after
from ona.indicators.base import DIRECT_CONFIDENCE
from ona.indicators.cross_team import crossing
from ona.metrics import METRICS
from ona.observation import BROKER, HELPER, REACH, Graphs, Window
from ona.rules import Rules
from ona.scores import Facet, Flags, overall
from ona.tables import CONTRIBUTIONS, FLAGS, SCORES, Table
from ona.uncertainty import Posterior, beta_binomial, beta_prior, critical_value, gamma_poisson

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MEASURES = ("constraint", "degree", "effective_contacts", "strength")
"""Plain measures that are shown beside the scores; those that read weights with an interval."""

FACET_OF = {name: facet for facet, names in (("helper", HELPER), ("broker", BROKER), ("reach", REACH)) for name in names}


@dataclass(frozen=True, eq=False)
class Outcome:
    """Everything that the tables are written from."""

    window: Window
    seen: Graphs
    ground: Ground
    facets: Mapping[str, Facet]
    flags: Sequence[Flags]
    visible: Floats
    overall_holds: bool = True  # whether the overall score says more about people than about its weights


def score_rows(outcome: Outcome) -> pa.Table:
    """Return SCORES: facets, the overall score, indicators and plain measures of every person."""
    parts = [_facet_rows(one, outcome.window.rules) for one in outcome.facets.values()]
    parts += [_overall_rows(outcome)]
    parts += [_indicator_rows(outcome, name) for name in (*HELPER, *BROKER, *REACH)]
    parts += [_measure_rows(outcome, name) for name in MEASURES]
    return _table(SCORES, outcome.window.ties.roster.persons, parts)


def flag_rows(outcome: Outcome) -> pa.Table:
    """Return FLAGS of the helper and the broker facet."""
    parts = [
        {
            "facet": one.facet,
            "flagged": one.flagged,
            "hidden": one.hidden,
            "visibility": outcome.visible,
            "gap": one.gap,
            "reason": one.reason,
        }
        for one in outcome.flags
    ]
    return _table(FLAGS, outcome.window.ties.roster.persons, parts)


def contribution_rows(outcome: Outcome) -> pa.Table:
    """Return CONTRIBUTIONS: how much each indicator adds to a published facet; they sum to its value."""
    persons, tables = outcome.window.ties.roster.persons, []
    for one in outcome.facets.values():
        for k, name in enumerate(one.indicators.names):
            kept = np.flatnonzero(one.published & (one.share[:, k] > 0))
            numbers = (one.indicators.score[kept, k], one.share[kept, k], one.contributions[kept, k])
            text = [pa.array([word] * len(kept), pa.string()) for word in (one.name, name)]
            tables.append(pa.table([pa.array(persons[kept]), *text, *(pa.array(n) for n in numbers)], schema=CONTRIBUTIONS.schema))
    return _sorted(pa.concat_tables(tables), CONTRIBUTIONS)


def displayed(outcome: Outcome, name: str) -> Posterior | None:
    """Return the empirical-Bayes version of an indicator that is shown instead of the raw one; None for the others."""
    asks, rules = outcome.window.asks, outcome.window.rules
    weights = asks.every_week()
    if name == "ask_pull":
        count, expected = asks.received(asks.counted, weights), asks.exposure @ weights
        noise = count - (1 - DIRECT_CONFIDENCE) * asks.received(asks.direct, weights)  # sum of squared confidences (amendment 6)
        return _by_stratum(outcome, lambda rows: gamma_poisson(count[rows], expected[rows], noise[rows], rules.confidence_level))
    if name == "cross_team":
        hits, trials = crossing(asks, weights)
        return beta_binomial(hits, trials, beta_prior(hits, trials), rules.confidence_level)
    return None


def notes_of(outcome: Outcome) -> dict[str, object]:
    """Return what a reader needs to judge the numbers, as plain JSON values."""
    window, who = outcome.window, outcome.window.ties.roster
    first, end = who.window
    return {
        "window": {"start": first.isoformat(), "end": end.isoformat(), "weeks": len(who.weeks)},
        "people": {"all": who.n, "members": int(who.members.sum()), "scored": int((outcome.ground.reason == PASSED).sum())},
        "channels": [channel.name.lower() for channel in window.ties.channels],
        "baselines": {channel.name.lower(): rate for channel, rate in window.units.rate.items()},
        "baseline_reasons": {channel.name.lower(): why for channel, why in window.units.reasons.items()},
        "reliability": {name: _plain(value) for name, value in outcome.ground.replicates.reliability.items()},
        "gates": {"person": _counted(outcome.ground.reason)} | {name: _counted(one.reason) for name, one in outcome.facets.items()},
        "published": {name: int(one.published.sum()) for name, one in outcome.facets.items()},
        "flags": {one.facet: {"flagged": int(one.flagged.sum()), "hidden": int(one.hidden.sum())} for one in outcome.flags},
        "reporting_line_dyads": len(who.line) // 2,
        "absent_people": int((who.absent & who.members).sum()),
        "warnings": warnings_of(outcome),
    }


def warnings_of(outcome: Outcome) -> list[str]:
    """Return in sentences what limits the whole scan."""
    window, who = outcome.window, outcome.window.ties.roster
    undated = int((~np.isfinite(who.numbers("joined")) & who.members).sum())
    held = [
        (departments(window) < 2, "Brokers are judged without departments: no departments are known."),
        (not np.isfinite(outcome.visible).any(), "Nobody can be called hidden: neither levels nor reporting lines are known."),
        (len(window.ties.channels) == 1, "One channel is scanned: nothing can be checked against another source."),
        (undated > 0, f"{undated} people have no joining date; those seen in the first two weeks count as long enough in the company."),
        (bool(window.units.reasons), "Some channels are too small to have a median of their own and use the default."),
    ]
    return [sentence for is_so, sentence in held if is_so]


def _facet_rows(one: Facet, rules: Rules) -> dict[str, object]:
    width = critical_normal(rules.confidence_level) * one.spread
    told = one.published
    return {
        "name": one.name,
        "kind": "facet",
        "value": one.mean,
        "standard_error": one.spread,
        "low": one.mean - width,
        "high": one.mean + width,
        "percentile": np.where(told, one.percentile, np.nan),
        "percentile_low": np.where(told, one.low, np.nan),
        "percentile_high": np.where(told, one.high, np.nan),
        "p_top": np.where(told, one.p_top, np.nan),
        "tier": one.tier(rules.tier_probability) if one.name != "reach" else None,
        "reason": after(one.reason, np.where(told, PASSED, "undefined")),
    }


def critical_normal(confidence_level: float) -> float:
    """Return the two-sided multiplier of a posterior spread."""
    return critical_value(10**9, confidence_level)


def _overall_rows(outcome: Outcome) -> dict[str, object]:
    value, low, high, reason = overall([outcome.facets["broker"], outcome.facets["helper"]], outcome.window.rules)
    reason = after(reason, np.where(outcome.overall_holds, PASSED, "unreliable"))
    told = (reason == PASSED) & np.isfinite(value)
    place = {"percentile": value, "percentile_low": low, "percentile_high": high}
    return {
        "name": "overall",
        "kind": "facet",
        "value": value,
        "low": low,
        "high": high,
        **{name: np.where(told, column, np.nan) for name, column in place.items()},
        "reason": after(reason, np.where(told, PASSED, "undefined")),
    }


def _indicator_rows(outcome: Outcome, name: str) -> dict[str, object]:
    ground, rules = outcome.ground, outcome.window.rules
    value, error = ground.values[name], ground.replicates.standard_error[name]
    width = critical_value(len(outcome.window.ties.roster.weeks), rules.confidence_level) * error
    reason = after(outcome.facets[FACET_OF[name]].reason, np.where(np.isfinite(value), PASSED, "undefined"))
    reference = np.where(reason == PASSED, value, np.nan)
    places = {
        key: ground.peers.percentile(reference, at)
        for key, at in (("", reference), ("_low", reference - width), ("_high", reference + width))
    }
    shown = displayed(outcome, name) or Posterior(value, value - width, value + width)
    return {
        "name": name,
        "kind": "indicator",
        "value": shown.mean,
        "standard_error": error,
        "low": shown.low,
        "high": shown.high,
        **{f"percentile{key}": place for key, place in places.items()},
        "reason": reason,
    }


def _measure_rows(outcome: Outcome, name: str) -> dict[str, object]:
    graph = {"attention": outcome.seen.attention, "relationship": outcome.seen.relationship}.get(
        METRICS[name].layer, outcome.seen.attention
    )
    value = METRICS[name](graph)
    scored = outcome.ground.reason == PASSED
    reason = after(outcome.ground.reason, np.where(np.isfinite(value), PASSED, "undefined"))
    place = outcome.ground.peers.percentile(np.where(scored, value, np.nan))
    row: dict[str, object] = {"name": name, "kind": "measure", "value": value, "percentile": place, "reason": reason}
    error = outcome.ground.replicates.standard_error.get(name)
    if error is None:
        return row
    width = critical_value(len(outcome.window.ties.roster.weeks), outcome.window.rules.confidence_level) * error
    return row | {"standard_error": error, "low": np.maximum(value - width, 0), "high": value + width}


def _by_stratum(outcome: Outcome, fit: Callable[[Ints], Posterior]) -> Posterior:
    n = outcome.window.n
    mean, low, high = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    for code in np.unique(outcome.ground.stratum):
        rows = np.flatnonzero((outcome.ground.stratum == code) & outcome.window.ties.roster.members)
        found = fit(rows)
        mean[rows], low[rows], high[rows] = found.mean, found.low, found.high
    return Posterior(mean, low, high)


def _table(schema: Table, persons: npt.NDArray[np.int64], parts: Sequence[Mapping[str, object]]) -> pa.Table:
    tables = []
    for part in parts:
        columns = [pa.array(persons)] + [_column(part.get(field.name), field, len(persons)) for field in list(schema.schema)[1:]]
        tables.append(pa.table(columns, schema=schema.schema))
    return _sorted(pa.concat_tables(tables), schema)


def _column(value: object, field: pa.Field, n: int) -> pa.Array:
    if value is None:
        return pa.array(np.full(n, np.nan)) if pa.types.is_floating(field.type) else pa.nulls(n, field.type)
    if isinstance(value, str):
        return pa.array([value] * n, field.type)
    if field.name == "reason":
        return pa.array([word or None for word in np.asarray(value).tolist()], field.type)
    return pa.array(value, field.type)


def _sorted(table: pa.Table, schema: Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in schema.key]).combine_chunks()


def _counted(reason: Reasons) -> dict[str, int]:
    codes, counts = np.unique(reason[reason != PASSED], return_counts=True)
    return dict(zip(codes.tolist(), counts.tolist(), strict=True))


def _plain(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
