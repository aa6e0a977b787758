"""How soon people answer those who turn to them, and which way help flows between them and others: context, never a score."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ona.tables import LATENCY_EDGES_MINUTES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BINS = len(LATENCY_EDGES_MINUTES) + 1
FEWEST_REQUESTS = 3
"""Requests below which nobody's pace is told: counts of fewer than three are never shown."""


def waiting(minutes: Floats, answered: Bools) -> tuple[Floats, Floats]:
    """Return which share of requests still waits after each time at which one was answered.

    Requests that were never answered count as waiting for as long as they were watched. The mean of the answered ones alone would
    praise whoever leaves the hard ones lying.

    Parameters
    ----------
    minutes
        Shape ``(m,)``: working minutes to the answer, or watched without one.
    answered
        Shape ``(m,)``: whether there was an answer; at equal times answers come first.

    Returns
    -------
    tuple
        The times, rising, and the share that waits longer, in [0, 1].

    References
    ----------
    Kaplan & Meier (1958), doi:10.1080/01621459.1958.10501452
    """
    times = np.unique(minutes[answered])
    at_risk = (minutes[None, :] >= times[:, None]).sum(axis=1)
    done = ((minutes[None, :] == times[:, None]) & answered).sum(axis=1)
    return times.astype(np.float64), np.cumprod(1 - done / at_risk)


def median_wait(minutes: Floats, answered: Bools) -> float:
    """Return the first time by which half the requests were answered, by :func:`waiting`; NaN when fewer were."""
    times, share = waiting(minutes, answered)
    reached = np.flatnonzero(share <= 0.5)
    return float(times[reached[0]]) if len(reached) else float("nan")


def median_waits(answered: Ints, censored: Ints) -> Floats:
    """Return each person's median working minutes to an answer from histograms.

    Parameters
    ----------
    answered, censored
        Requests answered and never answered, by :data:`ona.tables.LATENCY_EDGES_MINUTES`, ``(n, 10)`` each.

    Returns
    -------
    Floats
        Shape ``(n,)``, working minutes, even inside a bin; NaN with fewer than three requests, and when half of them still wait at
        the last edge.

    Notes
    -----
    Calendar freedom, part time and closeness set the pace (Wuchty & Uzzi 2011), so it is shown and never scored. O(n).
    """
    both = answered + censored
    at_risk = both[:, ::-1].cumsum(axis=1)[:, ::-1]
    step = 1 - np.divide(answered, at_risk, out=np.zeros(both.shape), where=at_risk > 0)
    after = np.cumprod(step, axis=1)
    before = np.column_stack([np.ones(len(both)), after[:, :-1]])
    edges = np.append(0.0, np.asarray(LATENCY_EDGES_MINUTES, dtype=np.float64))
    here = np.argmax(after <= 0.5, axis=1)
    row = np.arange(len(both))
    told = (after <= 0.5).any(axis=1) & (here < BINS - 1) & (both.sum(axis=1) >= FEWEST_REQUESTS)
    safe = np.minimum(here, BINS - 2)
    fallen = np.maximum(before[row, safe] - after[row, safe], 1e-12)
    part = np.clip((before[row, safe] - 0.5) / fallen, 0, 1)
    return np.where(told, edges[safe] + part * (edges[safe + 1] - edges[safe]), np.nan)


def histogram(column: pa.ChunkedArray, row: Ints, n: int) -> Ints:
    """Add up the histograms of a list column by the row of each person, ``(n, 10)``; rows of -1 and missing lists are left out."""
    lists = column.combine_chunks()
    length = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    owner = np.repeat(row, length)
    place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    kept = (owner >= 0) & (place < BINS)
    total = np.zeros((n, BINS), dtype=np.int64)
    np.add.at(total, (owner[kept], place[kept]), np.asarray(lists.flatten().to_numpy(), dtype=np.int64)[kept])
    return total


def net_direction(answers: Floats, questions: Floats) -> Floats:
    """Return ``(a - q) / sqrt(a + q)``: how many standard deviations more somebody is asked than asks; NaN without either.

    Notes
    -----
    Grows with the square root of the volume: it is shown and never scored.

    References
    ----------
    Zhang, Ackerman & Adamic (2007), doi:10.1145/1242572.1242603
    """
    both = answers + questions
    return np.asarray((answers - questions) / np.sqrt(np.where(both > 0, both, np.nan)), dtype=np.float64)
