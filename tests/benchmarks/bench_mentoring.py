"""A large mentoring pool against the bare solver on the same matrix: 1,500 mentees, 500 mentors with three seats."""

import time

import numpy as np
from scipy.optimize import linear_sum_assignment

from ona.mentoring import Pool, match

MENTEES, MENTORS, SEATS, RUNS = 1_500, 500, 3, 5
MOST_TIMES = 2.0
"""Rules, lottery, reasons and explanations together may cost as much again as the solver."""


def pool() -> Pool:
    """Utilities as real ones are: few distinct values, a third of the pairs forbidden."""
    rng = np.random.default_rng(0)
    utility = np.round(rng.random((MENTEES, MENTORS)), 2)
    rules = {name: rng.random((MENTEES, MENTORS)) < share for name, share in (("hours", 0.2), ("one_line", 0.02), ("overloaded", 0.1))}
    return Pool(utility, rules, np.full(MENTORS, SEATS), np.arange(MENTEES), np.arange(MENTORS) + MENTEES)


def main() -> None:
    """Print both times and whether the bar holds."""
    one = pool()
    bare = np.where(np.repeat(one.allowed, SEATS, axis=1), np.repeat(one.utility, SEATS, axis=1), 0.0)
    ours, theirs, totals = [], [], []
    for _ in range(RUNS):  # turn about, so that a busy moment hits both
        start = time.perf_counter()
        rows, columns = linear_sum_assignment(bare, maximize=True)
        theirs.append(time.perf_counter() - start)
        start = time.perf_counter()
        found = match(one)
        ours.append(time.perf_counter() - start)
        totals.append(found.total - float(bare[rows, columns].sum()))
    times = float(np.median(ours) / np.median(theirs))
    print(f"bare solver {np.median(theirs):.3f} s, match {np.median(ours):.3f} s: {times:.2f} times (at most {MOST_TIMES})")
    print(f"largest difference of the totals {max(map(abs, totals)):.2e}")
    if times > MOST_TIMES or max(map(abs, totals)) > 1e-6:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
