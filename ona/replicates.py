"""The window seen again and again with other weights of its weeks: how far each indicator moves, and how reliable it is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ona.indicators.base import Residual
from ona.observation import HELPER, Window, adjusted, help_sought, observe
from ona.uncertainty import bootstrap_scale, half_samples, split_half_reliability, step_up, week_weights

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Replicates:
    """Moves of each indicator around its value, scaled so that their root mean square is the standard error.

    Parameters
    ----------
    deviations
        Shape ``(B, n)`` by indicator; NaN where undefined.
    standard_error
        Shape ``(n,)`` by indicator; NaN where it cannot be told.
    reliability
        Split-half reliability by indicator.
    """

    deviations: Mapping[str, Floats]
    standard_error: Mapping[str, Floats]
    reliability: Mapping[str, float]


def replicate(window: Window, fitted: Mapping[str, Residual], recency: Floats, scored: Bools) -> Replicates:
    """Weigh the weeks anew and leave half of them out.

    Counts of asks move with a Bayesian bootstrap over weeks. Whether two people have a relationship does not move when every week
    keeps a positive weight, so whatever is read off relationships is judged by complementary halves of the weeks, whose
    half difference spreads as the whole window does.

    Parameters
    ----------
    window
        What was observed.
    fitted
        Dependences to take out, frozen at the point estimate.
    recency
        Weight of each week in the window, ``(W,)``.
    scored
        Among whom the reliability is taken.
    """
    rng, n_weeks = np.random.default_rng(window.rules.seed), len(recency)
    weights, halves = week_weights(n_weeks, window.rules.n_resamples, rng), half_samples(n_weeks, window.rules.n_halves, rng)
    drawn = _stacked([adjusted(window, help_sought(window, row * recency), fitted) for row in weights])
    split = _stacked([adjusted(window, observe(window, row * recency), fitted) for row in halves])
    moved = {name: _halved(values) for name, values in split.items() if name not in HELPER}
    moved |= {name: _centred(values) * bootstrap_scale(n_weeks) for name, values in drawn.items()}
    return Replicates(
        moved, {name: _spread(values) for name, values in moved.items()}, {k: _reliability(v, scored) for k, v in split.items()}
    )


def _stacked(rows: list[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


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
