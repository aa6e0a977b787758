"""Indicators in, scores out: peers, facets, one shrinkage, tiers, and flags under false-discovery control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ona.gates import PASSED, Reasons
from ona.peers import Peers
from ona.rules import Rules
from ona.uncertainty import NormalPosterior, bayesian_fdr, reliability_weight, shrink

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TOP, UPPER = 0.90, 0.75
"""Quantiles of the true scores above which somebody is exceptional, or high."""

GRID = 15
"""Points per facet at which the overall score is read off the posteriors."""


@dataclass(frozen=True, eq=False)
class Indicators:
    """The indicators of one facet, ``(n, K)`` each, in the order of ``names``.

    Parameters
    ----------
    names, groups
        Indicators, and the group of each; groups weigh equally.
    score
        Normal scores within peers; NaN where undefined.
    reliability
        Split-half reliability of each, ``(K,)``; NaN where it could not be told.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    score: Floats
    reliability: Floats


@dataclass(frozen=True, eq=False)
class Facet:
    """One facet of everybody, ``(n,)`` each unless said otherwise.

    Parameters
    ----------
    name
        helper, broker or reach.
    indicators
        What it is made of.
    share
        Weight of each indicator for each person, ``(n, K)``; rows sum to 1, or to 0 where the facet is undefined.
    scale
        Spread that the weighted mean was divided by.
    score, standard_error
        Standardised facet before shrinkage and its noise; NaN = undefined.
    mean, spread, kept
        Posterior mean and spread, and the share of the score that shrinkage kept.
    percentile, low, high
        Posterior median of the place among the true scores of peers with its interval, in [0, 1].
    low_tenth
        Lower 10 % bound of that place.
    p_top, p_upper
        Posterior probability of the top decile, and of the top quarter.
    reason
        Why it is withheld; empty = published.
    """

    name: str
    indicators: Indicators
    share: Floats
    scale: Floats
    score: Floats
    standard_error: Floats
    mean: Floats
    spread: Floats
    kept: Floats
    percentile: Floats
    low: Floats
    high: Floats
    low_tenth: Floats
    p_top: Floats
    p_upper: Floats
    reason: Reasons

    @property
    def published(self) -> Bools:
        """Whether the facet is told, ``(n,)``."""
        return np.asarray((self.reason == PASSED) & np.isfinite(self.percentile), dtype=np.bool_)

    @property
    def contributions(self) -> Floats:
        """What each indicator adds to the posterior mean, ``(n, K)``; exact: rows sum to it."""
        part = np.where(self.share > 0, self.share * np.nan_to_num(self.indicators.score), 0.0)
        return np.asarray(part * (self.kept / self.scale)[:, None], dtype=np.float64)

    def tier(self, probability: float) -> list[str | None]:
        """Return exceptional, high or typical for published people, None for others."""
        named: list[str] = np.select([self.p_top >= probability, self.p_upper >= probability], ["exceptional", "high"], "typical").tolist()
        return [name if told else None for name, told in zip(named, self.published.tolist(), strict=True)]


@dataclass(frozen=True, eq=False)
class Flags:
    """Who stands out in one facet, ``(n,)`` each."""

    facet: str
    flagged: Bools
    hidden: Bools
    gap: Floats
    reason: Reasons


def shares(indicators: Indicators) -> Floats:
    """Return the weight of each indicator for each person: reliability within equally weighing groups, over what is defined, ``(n, K)``."""
    known = np.isfinite(indicators.score)
    weight = np.array([reliability_weight(value) for value in indicators.reliability])
    alive = known.any(axis=0) & (weight > 0)
    sizes = {group: sum(a for g, a in zip(indicators.groups, alive, strict=True) if g == group) for group in indicators.groups}
    weight = np.array([w / max(sizes[group], 1) for w, group in zip(weight, indicators.groups, strict=True)])
    raw = known * weight
    total = raw.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(raw, total, out=np.zeros_like(raw), where=total > 0), dtype=np.float64)


def facet(name: str, indicators: Indicators, moves: Sequence[Floats], among: tuple[Reasons, Ints], rules: Rules) -> Facet:
    """Combine indicators into a facet and say how sure it is.

    Parameters
    ----------
    name
        helper, broker or reach.
    indicators
        Normal scores within peers and their reliabilities.
    moves
        How far the replicates move the score of each indicator, ``(B, n, K)`` for each kind of replicate; kinds are independent.
    among
        Reason of each person not to be told (empty = told), and the stratum in which to shrink.
    rules
        Gives the confidence level.
    """
    reason, stratum = among
    share = shares(indicators)
    mean = np.where(share.any(axis=1), (share * np.nan_to_num(indicators.score)).sum(axis=1), np.nan)
    told = (reason == PASSED) & np.isfinite(mean)
    error = np.sqrt(sum((noise(share, lanes) for lanes in moves), start=np.zeros(len(mean))))
    error = np.where(error > 0, error, np.nan)
    width = float(np.std(mean[told])) if told.sum() > 1 else np.nan
    scale = np.full(len(mean), width if width > 0 else np.nan)
    score = mean / scale
    posteriors = [(stratum == code, _posterior(score, error / scale, stratum == code, told)) for code in np.unique(stratum)]
    why = np.where((reason == PASSED) & ~np.isfinite(score), _why_undefined(indicators, share), reason)
    why = np.where((why == PASSED) & ~np.isfinite(error), "no_variation", why)
    return _assemble((name, indicators, share, scale, score, error / scale, why), posteriors, rules)


def noise(share: Floats, moves: Floats) -> Floats:
    """Return the variance of the weighted mean over replicates, ``(n,)``, in squared units of the normal score."""
    return np.asarray(np.mean(np.einsum("bnk,nk->bn", moves, share) ** 2, axis=0), dtype=np.float64)


def overall(facets: Sequence[Facet], rules: Rules) -> tuple[Floats, Floats, Floats, Reasons]:
    """Return the power mean of the facets' percentiles with its interval, and why it is withheld, ``(n,)`` each.

    A specialist may be strong in one facet: with power 3 the stronger counts more. A facet that nobody in the company has is left out.
    """
    company = [one for one in facets if one.published.any()]
    n = len(facets[0].score)
    if not company:
        return np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), _first_told([one.reason for one in facets])
    value = power_mean(np.stack([one.percentile for one in company]), rules.power)
    tail = (1 - rules.confidence_level) / 2
    low, high = _grid_interval(company, rules.power, (tail, 1 - tail))
    return value, low, high, _first_told([np.where(one.published, PASSED, one.reason) for one in company])


def power_mean(percentiles: Floats, power: float) -> Floats:
    """Return ``mean(p^power)^(1 / power)`` over the first axis."""
    return np.asarray(np.mean(percentiles**power, axis=0) ** (1 / power), dtype=np.float64)


def flag(facets: Sequence[Facet], gates: Sequence[Reasons], visible: Floats, rules: Rules) -> list[Flags]:
    """Choose who stands out, over all facets in one family, and who of them does so beyond formal position.

    Parameters
    ----------
    facets, gates
        Facets, and for each the reasons against flagging somebody.
    visible
        Percentile of formal visibility, ``(n,)``; NaN = unknown, then nobody is hidden.
    rules
        Gives thresholds and the tolerated share of false flags.
    """
    candidate = np.stack([np.where((g == PASSED) & f.published, f.p_top, np.nan) for f, g in zip(facets, gates, strict=True)])
    chosen = bayesian_fdr(candidate.ravel(), rules.fdr).reshape(candidate.shape) & (candidate >= rules.tier_probability)
    return [_flags(one, chosen[k], _flag_reason(one, gates[k]), visible, rules) for k, one in enumerate(facets)]


def hidden_gap(percentile: Floats, visible: Floats) -> Floats:
    """Return the normal quantile of influence minus that of formal visibility; NaN where either is unknown."""
    edge = 1e-4  # keeps a certain 1 finite
    place, formal = (stats.norm.ppf(np.clip(value, edge, 1 - edge)) for value in (percentile, visible))
    return np.asarray(place - formal, dtype=np.float64)


def score_moves(peers: Peers, reference: Floats, standard_error: Floats, deviations: Floats) -> Floats:
    """Turn replicates of an indicator into moves of its score along the frozen map, ``(B, n)``; undefined replicates do not move."""
    moved = deviations * peers.slope(reference, standard_error)
    return np.asarray(np.nan_to_num(moved, nan=0.0), dtype=np.float64)


def _posterior(score: Floats, error: Floats, here: Bools, told: Bools) -> NormalPosterior:
    known = here & told
    among = shrink(score[known], error[known])
    kept = np.where(np.isfinite(error), among.scale**2 / np.maximum(among.scale**2 + error**2, 1e-300), np.nan)
    return NormalPosterior(kept * score, np.sqrt(kept) * error, kept, among.scale)


def _assemble(
    base: tuple[str, Indicators, Floats, Floats, Floats, Floats, Reasons], posteriors: Sequence[tuple[Bools, NormalPosterior]], rules: Rules
) -> Facet:
    name, indicators, share, scale, score, error, reason = base
    tail = (1 - rules.confidence_level) / 2

    def gather(read: Mapping[int, Floats]) -> Floats:
        result = np.full(len(score), np.nan)
        for k, (here, _) in enumerate(posteriors):
            result[here] = read[k][here]
        return result

    def place(probability: float) -> Floats:
        return gather({k: one.percentile(probability) for k, (_, one) in enumerate(posteriors)})

    return Facet(
        name=name,
        indicators=indicators,
        share=share,
        scale=scale,
        score=score,
        standard_error=error,
        mean=gather({k: one.mean for k, (_, one) in enumerate(posteriors)}),
        spread=gather({k: one.spread for k, (_, one) in enumerate(posteriors)}),
        kept=gather({k: one.kept for k, (_, one) in enumerate(posteriors)}),
        percentile=place(0.5),
        low=place(tail),
        high=place(1 - tail),
        low_tenth=place(0.1),
        p_top=gather({k: one.above(TOP) for k, (_, one) in enumerate(posteriors)}),
        p_upper=gather({k: one.above(UPPER) for k, (_, one) in enumerate(posteriors)}),
        reason=reason,
    )


def _why_undefined(indicators: Indicators, share: Floats) -> Reasons:
    unreliable = np.isfinite(indicators.score).any(axis=1) & ~share.any(axis=1)
    return np.where(unreliable, "unreliable", "undefined").astype(np.str_)


def _first_told(reasons: Sequence[Reasons]) -> Reasons:
    return np.select([reason != PASSED for reason in reasons], list(reasons), PASSED).astype(np.str_)


def _grid_interval(facets: Sequence[Facet], power: float, tails: tuple[float, float]) -> tuple[Floats, Floats]:
    """Read the overall score at evenly probable points of each facet's posterior, independently of each other."""
    points = stats.norm.ppf((np.arange(GRID) + 0.5) / GRID)
    edge = 1e-9
    grids = []
    for one in facets:
        centre = stats.norm.ppf(np.clip(one.percentile, edge, 1 - edge))
        width = (stats.norm.ppf(np.clip(one.high, edge, 1 - edge)) - centre) / stats.norm.ppf(tails[1])
        grids.append(stats.norm.cdf(centre + width * points[:, None]))
    total = grids[0] ** power
    for grid in grids[1:]:
        total = (total[:, None] + grid[None, :] ** power).reshape(-1, total.shape[-1])
    value = (total / len(facets)) ** (1 / power)
    low, high = np.quantile(value, tails, axis=0)
    return low, high


def _flag_reason(one: Facet, gate: Reasons) -> Reasons:
    return np.where(one.reason != PASSED, one.reason, gate)


def _flags(one: Facet, chosen: Bools, reason: Reasons, visible: Floats, rules: Rules) -> Flags:
    gap = hidden_gap(one.percentile, visible)
    company = _company_place(one)
    hidden = chosen & (company >= rules.hidden_percentile) & (one.low_tenth >= rules.hidden_percentile)
    hidden &= (visible <= rules.hidden_visibility) & (gap >= rules.hidden_gap)
    return Flags(one.name, chosen, hidden, gap, reason)


def _company_place(one: Facet) -> Floats:
    place = np.full(len(one.mean), np.nan)
    told = one.published
    if told.any():
        place[told] = (stats.rankdata(one.mean[told]) - 0.5) / told.sum()
    return place
