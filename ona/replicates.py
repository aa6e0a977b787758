"""The window seen again and again with other weights of its weeks: how far each indicator moves, and how reliable it is."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ona.fusion import attentions
from ona.indicators import INDICATORS
from ona.indicators.base import Residual, side_by_side
from ona.lanes import LANES, Lanes, sent
from ona.observation import HELPER, Graphs, Window, adjusted, graphs, positions
from ona.reweighting import constraint, reweighted
from ona.structure import Structure
from ona.uncertainty import bootstrap_scale, half_samples, split_half_reliability, step_up, week_weights

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

MEASURED = 48
"""Replicates of plain measures: a standard error of 48 is itself sure to 10 %, that of 13 weeks to 20 %."""

ROWS = 20
"""Weightings at a time: the counts of 300,000 pairs of askers and helpers take 48 MB."""


@dataclass(frozen=True, eq=False)
class Replicates:
    """Moves of each indicator around its value, scaled so that their root mean square is the standard error.

    Parameters
    ----------
    deviations
        Shape ``(B, n)`` by indicator; NaN where undefined.
    standard_error
        Shape ``(n,)`` by indicator and plain measure; NaN where it cannot be told.
    reliability
        Split-half reliability by indicator.
    """

    deviations: Mapping[str, Floats]
    standard_error: Mapping[str, Floats]
    reliability: Mapping[str, float]


def replicate(
    window: Window, seen: Graphs, fitted: Mapping[str, Residual], recency: Floats, scored: Bools, *, threads: int = 1
) -> Replicates:
    """Weigh the weeks anew and leave half of them out.

    Counts of asks move with a Bayesian bootstrap over weeks. Whether two people have a relationship does not move when every week
    keeps a positive weight, so whatever is read off relationships is judged by complementary halves of the weeks, whose
    half difference spreads as the whole window does.

    Parameters
    ----------
    window, seen
        What was observed, and its graphs.
    fitted
        Dependences to take out, frozen at the point estimate.
    recency
        Weight of each week in the window, ``(W,)``.
    scored
        Among whom the reliability is taken.
    threads
        Replicates worked on at a time; the result does not depend on it.
    """
    rng, n_weeks = np.random.default_rng(window.rules.seed), len(recency)
    weights, halves = week_weights(n_weeks, window.rules.n_resamples, rng), half_samples(n_weeks, window.rules.n_halves, rng)
    with ThreadPoolExecutor(threads) as pool:
        drawn = _adjusted(window, fitted, help_in_lanes(window, weights * recency, pool))
        split = _adjusted(window, fitted, _observed(window, halves * recency, pool))
    moved = {name: _halved(values) for name, values in split.items() if name not in HELPER}
    moved |= {name: _centred(values) * bootstrap_scale(n_weeks) for name, values in drawn.items()}
    errors = {name: _spread(values) for name, values in moved.items()} | measure_errors(window, seen, recency, threads=threads)
    return Replicates(moved, errors, {name: _reliability(values, scored) for name, values in split.items()})


def measure_errors(window: Window, seen: Graphs, recency: Floats, *, threads: int = 1) -> dict[str, Floats]:
    """Return the standard errors of strength and constraint by a Bayesian bootstrap over weeks, ``(n,)`` each.

    Both read weights, which move with those of the weeks; who is tied to whom stays.
    """
    n_weeks = len(recency)
    weights = week_weights(n_weeks, MEASURED, np.random.default_rng([window.rules.seed, 1])) * recency
    drawn = reweighted(partial(_measured, window, seen.relationship.structure, _pair_of_ties(window, seen)), weights, threads=threads)
    return {name: _spread(_centred(values) * bootstrap_scale(n_weeks)) for name, values in drawn.items()}


def _pair_of_ties(window: Window, seen: Graphs) -> Ints:
    """Return the pair of each relationship in the order of the triangle listing, as a position in ``ties.low``."""
    ties, forward = window.ties, seen.relationship.structure.forward
    one, other = forward.order[forward.sources], forward.order[forward.indices]
    code = np.minimum(one, other) * window.n + np.maximum(one, other)
    return np.searchsorted(ties.low * window.n + ties.high, code).astype(np.int64)


def _measured(window: Window, near: Structure, pair: Ints, batch: Floats) -> dict[str, Lanes]:
    """Return strength and constraint for each weighting of the weeks, ``(W, LANES)`` in."""
    ties = window.ties
    amounts = attentions(ties, window.units, batch, window.rules.kappa_days).values()
    weight = sum(amounts, start=np.zeros((len(ties.source), LANES))) / max(len(ties.channels), 1)
    padded = np.concatenate([weight, np.zeros((1, LANES))])  # position m: nobody made contact in this direction
    contact = np.sqrt(padded[ties.forth[pair]] * padded[ties.back[pair]])
    offsets = np.searchsorted(ties.source, np.arange(window.n + 1)).astype(np.int32)
    return {"strength": sent(offsets, weight), "constraint": constraint(near, contact)}


def help_in_lanes(window: Window, weights: Floats, pool: ThreadPoolExecutor) -> Iterator[dict[str, Floats]]:
    """Give what :func:`ona.observation.help_sought` returns for each row of the week weights ``(B, W)``, many rows at a time."""
    window.asks.pair_of  # noqa: B018  # derived once, before two threads would do so
    for found in pool.map(partial(_help_of, window), [weights[first : first + ROWS] for first in range(0, len(weights), ROWS)]):
        lanes = next(iter(found.values())).shape[1]
        yield from ({name: values[:, lane] for name, values in found.items()} for lane in range(lanes))


def _help_of(window: Window, rows: Floats) -> dict[str, Floats]:
    """Return the indicators of help and their covariates side by side, ``(n, rows)``."""
    weights = np.ascontiguousarray(rows.T)
    found = {name: side_by_side(one.compute, window.asks, weights, lanes=one.lanes) for name, one in INDICATORS.items()}
    for name, one in INDICATORS.items():
        if one.adjust is not None:
            columns = side_by_side(one.adjust, window.asks, weights, lanes=one.lanes)
            found |= {f"{name}:{k}": columns[:, k] for k in range(columns.shape[1])}
    return found


def _observed(window: Window, weights: Floats, pool: ThreadPoolExecutor) -> Iterator[dict[str, Floats]]:
    """Give what :func:`ona.observation.observe` returns for each row of the week weights."""
    placed = pool.map(lambda row: positions(graphs(window, row)), weights)
    yield from (help_found | place for help_found, place in zip(help_in_lanes(window, weights, pool), placed, strict=True))


def _adjusted(window: Window, fitted: Mapping[str, Residual], rows: Iterator[dict[str, Floats]]) -> dict[str, Floats]:
    """Take the fitted dependences out of each row, ``(B, n)`` by indicator."""
    found = [adjusted(window, row, fitted) for row in rows]
    return {name: np.stack([row[name] for row in found]) for name in found[0]}


def _centred(values: Floats) -> Floats:
    known = np.isfinite(values)
    mean = np.divide(
        np.where(known, values, 0).sum(axis=0), known.sum(axis=0), out=np.full(values.shape[1], np.nan), where=known.any(axis=0)
    )
    return np.asarray(values - mean, dtype=np.float64)


def _halved(values: Floats) -> Floats:
    half = (values[0::2] - values[1::2]) / 2
    return np.concatenate([half, -half])


def _spread(moves: Floats) -> Floats:
    """Return the root mean square of the moves; NaN where more than half are undefined."""
    known = np.isfinite(moves)
    square, count = (np.where(known, moves, 0) ** 2).sum(axis=0), known.sum(axis=0)
    mean = np.divide(square, count, out=np.full(moves.shape[1], np.nan), where=2 * count >= len(moves))
    return np.asarray(np.sqrt(mean), dtype=np.float64)


def _reliability(split: Floats, scored: Bools) -> float:
    """Return the mean over the pairs of halves, stepped up once."""
    found = [split_half_reliability(one[scored], other[scored]) for one, other in zip(split[0::2], split[1::2], strict=True)]
    known = [value / (2 - value) for value in found if np.isfinite(value)]  # back to the correlation
    return step_up(float(np.mean(known))) if known else float("nan")
