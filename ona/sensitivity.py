"""How far places depend on what nobody can prove: weights, the power of the overall score, people and rules left out."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from ona.agreement import places, rank_correlation
from ona.indicators.base import evidence
from ona.observation import Window
from ona.results import Outcome
from ona.rules import Rules
from ona.scores import Facet, power_mean
from ona.uncertainty import ranks

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DRAWS, FIRMNESS = 500, 20.0
"""Draws of Dirichlet(20) weights (section 5.2)."""

POWERS = (1.0, 3.0, np.inf)
LEAST_OVERLAP = 0.70
"""Overlap (Jaccard) of the top decile under which the overall score says more about its weights than about people (section 5.2)."""

LEAST_CORRELATION = 0.90
"""Rank correlation under which places would change noticeably if so many people were missing (section 6.3)."""

RANKED = 5
"""Every so many draws are ranked in full for the width of the ranks."""

MISSING = (0.05, 0.10, 0.20)
FIRST_LOOK = (0.10,)
KINDS = ("random", "same_team", "high_degree")
"""Shares of people to leave out, and who: anybody, whole teams, those with the most ties (section 6.3)."""


@dataclass(frozen=True)
class Grid:
    """How the overall score fares under other weights and powers.

    Parameters
    ----------
    overlap
        Median overlap (Jaccard) of the top decile with the published one under other weights, by power; None with fewer than ten
        scored people.
    rank_width
        Median over the top decile of the width, in percentile points, of the places that 90 % of the draws give somebody.
    published
        Overlap at the published power.
    by_ranks
        Overlap when the facets' ranks are averaged in place of their percentiles, arithmetically (``borda``) and geometrically.
    """

    overlap: Mapping[str, float | None]
    rank_width: float | None
    published: float | None
    by_ranks: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the list of the first is more than a choice of weights; unknown counts as yes.

        Other powers are reported, not held against the score: with two facets that hardly agree, a mean and a maximum are two
        questions, and their lists differ without any noise.
        """
        return self.published is None or self.published >= LEAST_OVERLAP


@dataclass(frozen=True)
class Kept:
    """What is left of the places of a facet: rank correlation, and overlap of the top decile; None where it cannot be told."""

    spearman: float | None
    jaccard: float | None


def overall_grid(facets: Sequence[Facet], rules: Rules) -> Grid:
    """Draw the weights of the indicators anew and change the power of the overall score.

    Parameters
    ----------
    facets
        Facets of the overall score.
    rules
        Gives the published power and the seed of the draws.
    """
    company = [one for one in facets if one.published.any()]
    told = np.flatnonzero(np.logical_and.reduce([one.published for one in company])) if company else np.array([], dtype=np.int64)
    size = len(told) // 10
    if size < 1:
        return Grid({_name(p): None for p in POWERS}, None, None)
    rng = np.random.default_rng(rules.seed)
    drawn = [_drawn_places(one, told, rng) for one in company]
    published = _overall(np.stack([one.percentile[told] for one in company]), rules.power)
    base = _top(published, size)
    overlap: dict[str, float | None] = {}
    places_drawn = []
    for p in sorted({*POWERS, rules.power}):
        values = [_overall(np.stack(draw), p) for draw in zip(*drawn, strict=True)]
        overlap[_name(p)] = round(float(np.median([jaccard(base, _top(value, size)) for value in values])), 3)
        places_drawn.append(ranks(np.stack(values[::RANKED])))
    low, high = np.quantile(np.concatenate(places_drawn)[:, base], (0.05, 0.95), axis=0)
    width = round(float(np.median(high - low)) / len(told) * 100, 1)
    by_ranks = rank_means(ranks(np.stack([one.percentile[told] for one in company])))
    alike = {name: round(jaccard(base, _top(-mean, size)), 3) for name, mean in by_ranks.items()}
    return Grid(overlap, width, overlap[_name(rules.power)], alike)


def rank_means(places: Floats) -> dict[str, Floats]:
    """Return the mean rank of each person (Borda) and the geometric mean, ``(n,)`` each, from a row of ranks by facet; 1 is first.

    References
    ----------
    Borda (1781), Mémoire sur les élections au scrutin; Kolde et al. (2012), doi:10.1093/bioinformatics/btr709
    """
    return {"borda": places.mean(axis=0), "geometric": np.exp(np.log(places).mean(axis=0))}


def missing_people(
    outcome: Outcome, asks: pa.Table, presence: pa.Table, *, runs: int = 0, threads: int = 1
) -> dict[str, dict[str, dict[str, dict[str, float | None]]]]:
    """Return :func:`removal` as plain values: for a first look one run without a tenth of the people, else ``runs`` of each share."""
    found = removal(outcome, asks, presence, shares=MISSING if runs else FIRST_LOOK, runs=max(runs, 1), threads=threads)
    return {
        kind: {share: {name: asdict(kept) for name, kept in facets.items()} for share, facets in shares.items()}
        for kind, shares in found.items()
    }


def removal(
    outcome: Outcome,
    asks: pa.Table,
    presence: pa.Table,
    *,
    shares: Sequence[float] = MISSING,
    runs: int = 1,
    threads: int = 1,
) -> dict[str, dict[str, dict[str, Kept]]]:
    """Leave people out as if they had opted out, and compare the places of the others.

    Parameters
    ----------
    outcome
        The scan.
    asks, presence
        Checked weekly tables that it was made from.
    shares
        Share of the members to leave out.
    runs
        How often each is tried; means are returned.
    threads
        Runs worked on at a time; the result does not depend on it.

    Returns
    -------
    dict
        By kind of missingness (``KINDS``), share (``5%``) and facet.
    """
    streams = np.random.default_rng(outcome.window.rules.seed).spawn(len(KINDS) * len(shares) * runs)
    plans = [(kind, share) for kind in KINDS for share in shares for _ in range(runs)]
    gone = [missing(outcome, kind, share, rng) for (kind, share), rng in zip(plans, streams, strict=True)]

    def kept(left_out: Bools) -> dict[str, Kept]:
        found = places(outcome, without(outcome.window, left_out, asks, presence))
        return {name: agreement_of(outcome.facets[name], np.where(left_out, np.nan, place)) for name, place in found.items()}

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(kept, gone))
    table: dict[str, dict[str, dict[str, Kept]]] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for share in shares:
            mine = [found for found, plan in zip(results, plans, strict=True) if plan == (kind, share)]
            table[kind][f"{share:.0%}"] = {name: _mean([one[name] for one in mine]) for name in mine[0]}
    return table


def missing(outcome: Outcome, kind: str, share: float, rng: np.random.Generator) -> Bools:
    """Choose the members to leave out, ``(n,)``: at random, team by team, or at random among twice as many with the most ties."""
    who = outcome.window.ties.roster
    members = np.flatnonzero(who.members)
    n_gone = round(share * len(members))
    chance = rng.random(len(members))
    if kind == "same_team":
        team = who.codes("team")[members]
        codes, group = np.unique(team, return_inverse=True)
        chance = rng.random(len(codes))[group] + 1e-6 * chance  # whole teams, one after the other
    if kind == "high_degree":
        degree = np.diff(outcome.seen.attention.undirected().adjacency.indptr)[members]
        hubs = np.lexsort((chance, -degree))[: 2 * n_gone]
        chance[hubs] -= 1
    gone = np.zeros(who.n, dtype=np.bool_)
    gone[members[np.argsort(chance, kind="stable")[:n_gone]]] = True
    return gone


def without(window: Window, gone: Bools, asks: pa.Table, presence: pa.Table) -> Window:
    """Return the window as if some people had opted out: no tie and no ask of theirs is left, nothing is put in its place."""
    who = window.ties.roster
    left_out = pa.array(who.persons[gone])
    theirs = pc.or_(pc.is_in(asks.column("asker"), left_out), pc.is_in(asks.column("helper"), left_out))
    rest = evidence(who, asks.filter(pc.invert(theirs)), presence)
    return replace(window, ties=window.ties.without(gone), asks=rest)


def agreement_of(one: Facet, place: Floats) -> Kept:
    """Compare a facet with other places of the same people, ``(n,)``, NaN = left out."""
    known = one.published & np.isfinite(place)
    rows = np.flatnonzero(known)
    size = len(rows) // 10
    overlap = jaccard(_top(one.mean[rows], size), _top(place[rows], size)) if size else None
    return Kept(rank_correlation(one.mean, place, known), None if overlap is None else round(overlap, 3))


def scores_agree(one: pa.Table, other: pa.Table, facets: Sequence[str] = ("helper", "broker")) -> dict[str, Kept]:
    """Compare the facets of two SCORES tables among people published in both, for example under other rules."""
    found = {}
    for name in facets:
        first, second = (_facet_values(table, name) for table in (one, other))
        persons = np.array(sorted(first.keys() & second.keys()), dtype=np.int64)
        left, right = (np.array([values[person] for person in persons.tolist()]) for values in (first, second))
        size = len(persons) // 10
        overlap = round(jaccard(_top(left, size), _top(right, size)), 3) if size else None
        found[name] = Kept(rank_correlation(left, right, np.ones(len(persons), dtype=np.bool_)), overlap)
    return found


def jaccard(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    """Return the overlap of two sets: common members over all members."""
    common = len(np.intersect1d(one, other))
    return common / (len(one) + len(other) - common) if len(one) + len(other) else float("nan")


def _drawn_places(one: Facet, told: npt.NDArray[np.int64], rng: np.random.Generator) -> list[Floats]:
    """Return the place of each told person under each draw of the weights; shrinkage and scale stay as they were."""
    share, score = one.share[told], np.nan_to_num(one.indicators.score[told])
    spread = one.spread[told] / np.sqrt(np.maximum(1 - one.kept[told], 1e-12))  # of the true scores: spread² = kept SE²
    gain = np.divide(one.kept[told], one.scale[told] * spread, out=np.zeros(len(told)), where=spread > 0)
    found = []
    for weight in rng.dirichlet(np.full(share.shape[1], FIRMNESS), size=DRAWS):
        total = share @ weight
        mean = np.divide((share * score) @ weight, total, out=np.zeros(len(told)), where=total > 0)
        found.append(np.asarray(stats.norm.cdf(mean * gain), dtype=np.float64))
    return found


def _overall(percentiles: Floats, power: float) -> Floats:
    return np.asarray(percentiles.max(axis=0)) if np.isinf(power) else power_mean(percentiles, power)


def _name(power: float) -> str:
    return "power_inf" if np.isinf(power) else f"power_{power:g}"


def _top(value: Floats, size: int) -> npt.NDArray[np.int64]:
    return np.sort(np.argsort(-value, kind="stable")[:size])


def _mean(several: Sequence[Kept]) -> Kept:
    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(float(np.mean(known)), 3) if known else None

    return Kept(mean([one.spearman for one in several]), mean([one.jaccard for one in several]))


def _facet_values(scores: pa.Table, name: str) -> dict[int, float]:
    rows = scores.filter(pc.and_(pc.equal(scores["name"], name), pc.is_valid(scores["percentile"])))
    values = zip(rows["person"].to_pylist(), rows["value"].to_pylist(), rows["percentile"].to_pylist(), strict=True)
    return {person: value for person, value, place in values if np.isfinite(place)}
