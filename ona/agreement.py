"""Whether the conclusions hold from other angles: each channel alone, each channel left out, other weights, plain volume."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from ona.facets import Ground
from ona.gates import PASSED, credited_asks
from ona.observation import Window, adjusted, adjustments, observe
from ona.peers import beyond_position, mid_rank
from ona.results import Outcome
from ona.roster import Roster
from ona.scores import Facet, Flags, power_mean
from ona.tables import OF_EVENTS, Channel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CLOSE = 0.20
"""Percentiles that differ by at most so much agree; a larger move when a channel is left out marks single-channel evidence (1.11)."""

LEAST_AGREEMENT = 0.80
"""Rank correlation of the two ways to take position off below which nobody is said to go beyond theirs (section 4)."""

TOP_FIFTH = 0.80
FEWEST = 3
"""Ties or asks in a channel below which it is silent about a person; fewer than three are never shown either."""

VOLUME_LIMIT = 0.30
"""Largest mean rank correlation with initiated turns inside strata at which the helper facet is more than volume (amendment 7)."""

DRAWS, FIRMNESS = 500, 20.0
"""Draws of Dirichlet(20) weights (section 5.2)."""


def agreement(outcome: Outcome, asks: pa.Table, presence: pa.Table) -> tuple[dict[str, Floats], dict[str, object]]:
    """Score helper and broker from each channel alone and without each.

    Returns
    -------
    tuple
        Facts by name: ``agrees_helper_chat`` and so on, 1 = the channel alone agrees, 0 = it does not, NaN = it is silent;
        ``single_channel_helper`` and ``single_channel_broker``, 1 = the place moves by more than 20 points without some channel.
        And notes for the whole company.
    """
    window, facets = outcome.window, [outcome.facets["helper"], outcome.facets["broker"]]
    channels = window.ties.channels
    facts: dict[str, Floats] = {
        f"agrees_{one.name}_{c.name.lower()}": np.full(window.n, np.nan) for one in facets for c in {*OF_EVENTS, *channels}
    }
    left_out: dict[str, dict[str, float | None]] = {one.name: {} for one in facets}
    shaky = {one.name: np.where(one.published, 0.0, np.nan) for one in facets}
    for channel in channels if len(channels) > 1 else ():
        alone = places(outcome, outcome.window.only((channel,), asks, presence))
        without = places(outcome, outcome.window.only([c for c in channels if c != channel], asks, presence))
        for one in facets:
            facts[f"agrees_{one.name}_{channel.name.lower()}"] = _agrees(one, alone[one.name])
            moved = np.abs(without[one.name] - one.percentile) > CLOSE
            shaky[one.name] = np.where(one.published & moved, 1.0, shaky[one.name])
            left_out[one.name][channel.name.lower()] = rank_correlation(one.score, without[one.name], one.published)
    facts |= {f"single_channel_{name}": value for name, value in shaky.items()}
    return facts, {"without_channel": left_out, "weights": {one.name: weight_sensitivity(one, window.rules.seed) for one in facets}}


def volume_guards(facets: Sequence[Facet], ground: Ground, initiated: Floats, power: float) -> dict[str, float | None]:
    """Return the mean rank correlation with initiated turns inside strata, by facet and for the overall score; None = cannot be told.

    A score that is more than volume stays within .30 of 0 (amendment 7).
    """
    scores = {one.name: (one.score, one.published) for one in facets}
    both = np.logical_and.reduce([one.published for one in facets])
    scores["overall"] = (power_mean(np.stack([one.percentile for one in facets]), power), both)
    return {name: _inside_strata(score, initiated, told, ground.stratum) for name, (score, told) in scores.items()}


def position_checks(facets: Sequence[Facet], ground: Ground, who: Roster, opportunity: Floats) -> dict[str, float | None]:
    """Return by facet how far places against nearest peers agree with those beyond a regression on position; None = cannot be told."""
    return {one.name: rank_correlation(one.score, _regressed(one, ground, who, opportunity), one.published) for one in facets}


def _regressed(one: Facet, ground: Ground, who: Roster, opportunity: Floats) -> Floats:
    """Return a facet's score with every indicator ranked over everybody and held against a regression on position."""
    values = [ground.values[name] for name in one.indicators.names]
    ranked = [stats.norm.ppf(mid_rank(value, one.published)) for value in values]
    beyond = np.column_stack([beyond_position(value, who, opportunity) for value in ranked])
    return np.asarray((one.share * np.nan_to_num(beyond)).sum(axis=1), dtype=np.float64)


def same_by_regression(flags: Sequence[Flags], checks: Mapping[str, float | None]) -> list[Flags]:
    """Return the flags, nobody hidden in a facet whose two ways to take position off disagree (section 4)."""
    apart = [(found := checks[one.facet]) is not None and found < LEAST_AGREEMENT for one in flags]
    return [replace(one, hidden=np.zeros_like(one.hidden)) if disagree else one for one, disagree in zip(flags, apart, strict=True)]


def _inside_strata(score: Floats, initiated: Floats, told: Bools, stratum: Ints) -> float | None:
    found = [rank_correlation(score, initiated, told & (stratum == code)) for code in np.unique(stratum)]
    known = [value for value in found if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def mail_alone(window: Window) -> bool:
    """Return whether asks can be known from mail only: the helper facet is experimental then (amendment 4)."""
    return Channel.CHAT not in window.ties.channels


def experimental(window: Window) -> list[str]:
    """Return the facets that the available channels know too little of."""
    return ["helper"] if mail_alone(window) else []


def is_volume(window: Window, guard: float | None) -> bool:
    """Return whether asks are known from mail alone and the helper facet may be plain volume: then nobody is flagged as a helper."""
    return mail_alone(window) and (guard is None or abs(guard) > VOLUME_LIMIT)


def rank_correlation(one: Floats, other: Floats, among: Bools) -> float | None:
    """Return Spearman's correlation among people who have both; None with fewer than ten or without variation."""
    known = among & np.isfinite(one) & np.isfinite(other)
    if known.sum() < 10 or np.ptp(one[known]) == 0 or np.ptp(other[known]) == 0:
        return None
    return round(float(stats.spearmanr(one[known], other[known]).statistic), 4)


def weight_sensitivity(one: Facet, seed: int) -> float | None:
    """Return the median overlap (Jaccard) of the top decile under random weights of the indicators with the published one."""
    told = np.flatnonzero(one.published)
    size = len(told) // 10
    if size < 1:
        return None
    rng, share, score = np.random.default_rng(seed), one.share[told], np.nan_to_num(one.indicators.score[told])
    base = _top(one.score[told], size)
    overlaps = []
    for drawn in rng.dirichlet(np.full(share.shape[1], FIRMNESS), size=DRAWS):
        weight = share * drawn
        mean = (weight * score).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
        top = _top(mean, size)
        overlaps.append(len(base & top) / len(base | top))
    return round(float(np.median(overlaps)), 3)


def places(outcome: Outcome, part: Window) -> dict[str, Floats]:
    """Return the peer percentile of helper and broker from a part of what was observed, NaN where it is silent."""
    raw = observe(part, part.asks.every_week())
    values = adjusted(part, raw, adjustments(part, raw, outcome.ground.reason == PASSED))
    ties = np.exp(raw["constraint_residual:0"])
    enough = {"helper": credited_asks(part)[0] >= FEWEST, "broker": np.nan_to_num(ties) >= FEWEST}
    return {name: _place(outcome, outcome.facets[name], values, enough[name]) for name in enough}


def _top(score: Floats, size: int) -> set[int]:
    return set(np.argsort(-score, kind="stable")[:size].tolist())


def _place(outcome: Outcome, one: Facet, values: Mapping[str, Floats], enough: Bools) -> Floats:
    told = one.published & enough
    peers = outcome.ground.peers
    score = np.column_stack([peers.normal_score(np.where(told, values[name], np.nan)) for name in one.indicators.names])
    weight = np.where(np.isfinite(score), one.share, 0.0)
    total = weight.sum(axis=1)
    mean = np.divide((weight * np.nan_to_num(score)).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)
    return peers.percentile(np.where(told, mean, np.nan))


def _agrees(one: Facet, place: Floats) -> Floats:
    near = (np.abs(place - one.percentile) <= CLOSE) | ((place >= TOP_FIFTH) & (one.percentile >= TOP_FIFTH))
    return np.where(one.published & np.isfinite(place), near.astype(np.float64), np.nan)
