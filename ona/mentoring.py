"""Who could mentor whom over the whole pool: the best assignment under seats and rules, locks and their cost, stability, fairness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ona.errors import ConflictError, TableError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]

NOBODY = -1

SOME = 1e-9
"""What an allowed pair without any utility is worth more than no pair."""

BEST = 3
"""A mentee with one of their best three mentors counts as having a preferred one."""

Lock = tuple[int, int]
"""Rows of a mentee and of the mentor they are given."""


@dataclass(frozen=True, eq=False)
class Pool:
    """A pool ready to be matched.

    Parameters
    ----------
    utility
        Worth of each pair, ``(m, k)``, not negative.
    forbidden
        Pairs that each hard rule forbids, ``(m, k)`` each.
    seats
        Mentees that each mentor can take, ``(k,)``.
    mentees, mentors
        Ids, ``(m,)`` and ``(k,)``: the lottery is drawn by id, so that the order of rows changes nothing.
    """

    utility: Floats
    forbidden: Mapping[str, Bools]
    seats: Ids
    mentees: Ids
    mentors: Ids

    @property
    def allowed(self) -> Bools:
        """Pairs that no rule forbids, ``(m, k)``."""
        found = np.ones(self.utility.shape, dtype=np.bool_)
        for rule in self.forbidden.values():
            found &= ~rule
        return found


@dataclass(frozen=True)
class Unmatched:
    """A mentee without a mentor, and why."""

    mentee: int
    reason: str  # a rule that forbids every mentor by itself, "rules" for several together, "seats", "no_mentors"
    forbids: Mapping[str, int]  # mentors that each rule forbids


@dataclass(frozen=True, eq=False)
class Match:
    """An assignment: for each mentee the row of the mentor, ``NOBODY`` where there is none."""

    mentor_of: Ids
    total: float
    cost_of_locks: float  # total without the locks minus total with them
    unmatched: tuple[Unmatched, ...]


@dataclass(frozen=True)
class Quality:
    """How good and how fair a match is."""

    total: float
    mean: float
    least: float
    matched: float  # share of mentees
    preferred: float  # share of the matched who have one of their best three
    blocking: int  # pairs who would both rather have each other
    load_gini: float  # 0 = every mentor has the same number
    crossing: float | None  # share of pairs between departments


def match(pool: Pool, locks: Sequence[Lock] = (), *, seed: int = 0) -> Match:
    """Return the assignment of highest total utility among those that hold the locks.

    Raises
    ------
    ConflictError
        A lock breaks a rule, a mentee is locked twice, or a mentor has more locks than seats.

    Notes
    -----
    A forbidden pair is worth what no pair is worth, so the complete assignment of the Hungarian method with a column for every seat
    is the optimum of the problem with at most one mentor a mentee (method, section 10). O((m + seats)^3) at worst.

    References
    ----------
    Kuhn (1955), doi:10.1002/nav.3800020109; Crouse (2016), doi:10.1109/TAES.2016.140952
    """
    _check(pool)
    _check_locks(pool, locks)
    mentor_of = _best(pool, locks, seed)
    total = _total(pool.utility, mentor_of)
    free = _total(pool.utility, _best(pool, (), seed)) if locks else total
    return Match(mentor_of, total, max(0.0, free - total), explain(pool, mentor_of))


def cost_of(pool: Pool, locks: Sequence[Lock], *, seed: int = 0) -> tuple[float, ...]:
    """Return what each lock costs by itself, the others kept.

    Parameters
    ----------
    pool
        Who may be matched, and how much each pair is worth.
    locks
        Pairs that a person asked for or ruled out.
    seed
        Breaks ties as the match does.

    Returns
    -------
    tuple of float
        One for each lock: by how much the sum of utilities would rise without it, in utilities, at least 0.
    """
    held = match(pool, locks, seed=seed).total
    without = (match(pool, [other for other in locks if other != lock], seed=seed).total for lock in locks)
    return tuple(max(0.0, total - held) for total in without)


def explain(pool: Pool, mentor_of: Ids) -> tuple[Unmatched, ...]:
    """Say why each mentee without a mentor has none."""
    free = np.flatnonzero(mentor_of == NOBODY)
    allowed = pool.allowed
    return tuple(_why(pool, allowed, int(row)) for row in free)


def deferred_acceptance(mentee_likes: Floats, mentor_likes: Floats, allowed: Bools, seats: Ids) -> Ids:
    """Return the stable match that is best for every mentee: mentees ask in the order of their wishes, mentors keep the best.

    Parameters
    ----------
    mentee_likes, mentor_likes
        How much each side wants the other, ``(m, k)``; more is better, equal wishes go to the mentor or mentee of the lower number.
    allowed
        Whether a pair may be, ``(m, k)``.
    seats
        How many mentees each mentor takes, ``(k,)``.

    Returns
    -------
    Ids
        Mentor of each mentee, ``(m,)``, ``NOBODY`` where nobody has a seat.

    References
    ----------
    Gale & Shapley (1962), doi:10.1080/00029890.1962.11989827
    """
    wishes = np.argsort(-mentee_likes, axis=1, kind="stable")
    mentor_of = np.full(len(mentee_likes), NOBODY, dtype=np.int64)
    asked = np.zeros(len(mentee_likes), dtype=np.int64)
    kept: list[list[int]] = [[] for _ in seats]
    waiting = list(range(len(mentee_likes)))
    while waiting:
        mentee = waiting.pop()
        while mentor_of[mentee] == NOBODY and asked[mentee] < len(seats):
            mentor = int(wishes[mentee, asked[mentee]])
            asked[mentee] += 1
            if not allowed[mentee, mentor] or seats[mentor] < 1:
                continue
            kept[mentor].append(mentee)
            mentor_of[mentee] = mentor
            if len(kept[mentor]) > seats[mentor]:
                least = min(kept[mentor], key=lambda one: (float(mentor_likes[one, mentor]), -one))
                kept[mentor].remove(least)
                mentor_of[least] = NOBODY
                waiting += [least] if least != mentee else []
    return mentor_of


def blocking_pairs(utility: Floats, allowed: Bools, seats: Ids, mentor_of: Ids) -> list[tuple[int, int]]:
    """Return pairs not matched to each other who would both gain: the mentor by a free seat, or over the least of those they have.

    Both sides want what is worth most; equal worth does not block.
    """
    if not utility.size:
        return []
    has = mentor_of != NOBODY
    own = np.where(has, np.take_along_axis(utility, np.maximum(mentor_of, 0)[:, None], axis=1)[:, 0], -np.inf)
    load = np.bincount(mentor_of[has], minlength=len(seats))
    least = np.full(len(seats), np.inf)
    np.minimum.at(least, mentor_of[has], own[has])
    threshold = np.where(load < seats, -np.inf, least)
    threshold = np.where(seats > 0, threshold, np.inf)
    blocks = allowed & (utility > own[:, None]) & (utility > threshold[None, :])
    return [(int(mentee), int(mentor)) for mentee, mentor in np.argwhere(blocks)]


def quality(pool: Pool, mentor_of: Ids, crossing: Bools | None = None) -> Quality:
    """Measure an assignment.

    Parameters
    ----------
    crossing
        Pairs of two departments, ``(m, k)``; None where departments are not known.
    """
    has = np.flatnonzero(mentor_of != NOBODY)
    worth = pool.utility[has, mentor_of[has]]
    allowed = pool.allowed
    better = (np.where(allowed, pool.utility, -np.inf)[has] > worth[:, None]).sum(axis=1)
    load = np.bincount(mentor_of[has], minlength=len(pool.seats)).astype(np.float64)
    return Quality(
        total=float(worth.sum()),
        mean=float(worth.mean()) if has.size else 0.0,
        least=float(worth.min()) if has.size else 0.0,
        matched=has.size / len(mentor_of) if len(mentor_of) else 0.0,
        preferred=float((better < BEST).mean()) if has.size else 0.0,
        blocking=len(blocking_pairs(pool.utility, allowed, pool.seats, mentor_of)),
        load_gini=gini(load),
        crossing=float(crossing[has, mentor_of[has]].mean()) if crossing is not None and has.size else None,
    )


def gini(amount: Floats) -> float:
    """Return how unevenly an amount is spread: 0 = alike; 0 too where there is nothing to spread."""
    total = amount.sum()
    if not total:
        return 0.0
    rank = np.arange(1, len(amount) + 1)
    return float((2 * rank - len(amount) - 1) @ np.sort(amount) / (len(amount) * total))


def best_of(pool: Pool, mentee: int, most: int = 5) -> list[int]:
    """Return the mentors of highest utility that no rule forbids this mentee, the best first; equal ones by id."""
    allowed = np.flatnonzero(pool.allowed[mentee])
    return sorted((int(mentor) for mentor in allowed), key=lambda mentor: (-pool.utility[mentee, mentor], pool.mentors[mentor]))[:most]


def _check(pool: Pool) -> None:
    shape = (len(pool.mentees), len(pool.mentors))
    if pool.utility.shape != shape or len(pool.seats) != shape[1] or any(rule.shape != shape for rule in pool.forbidden.values()):
        raise TableError("Utility, rules and seats do not have the shape of the pool: one row a mentee, one column a mentor.")
    if pool.utility.size and not (np.isfinite(pool.utility).all() and (pool.utility >= 0).all()):
        raise TableError("A pair has an undefined or negative utility. Every part of it lies between 0 and 1.")
    if len(pool.seats) and pool.seats.min() < 0:
        raise TableError("A mentor has fewer than 0 seats.")


def _check_locks(pool: Pool, locks: Sequence[Lock]) -> None:
    inside = all(0 <= mentee < len(pool.mentees) and 0 <= mentor < len(pool.mentors) for mentee, mentor in locks)
    if not inside:
        raise ConflictError("A locked pair names somebody who is not in the pool.")
    if len({mentee for mentee, _ in locks}) < len(locks):
        raise ConflictError("A mentee is locked to two mentors. Unlock one of them.")
    broken = sorted({name for name, rule in pool.forbidden.items() for lock in locks if rule[lock]})
    if broken:
        raise ConflictError(f"A locked pair breaks a rule: {', '.join(broken)}. Unlock it.")
    load = np.bincount([mentor for _, mentor in locks], minlength=len(pool.seats))
    if (load > pool.seats).any():
        raise ConflictError("A mentor has more locked pairs than seats. Unlock one, or give the mentor another seat.")


def _drawn(ids: Ids, seed: int) -> Ids:
    """Return the rows in an order drawn by seed and ids, so that the order in which they came changes nothing."""
    start = _mix(np.array([seed], dtype=np.int64).view(np.uint64))
    return np.lexsort((ids, _mix(_mix(ids.astype(np.int64).view(np.uint64)) ^ start))).astype(np.int64)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Steele, Lea & Flood (2014), doi:10.1145/2660193.2660195."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _best(pool: Pool, locks: Sequence[Lock], seed: int) -> Ids:
    """Solve for those who are not locked; the lottery is the order in which rows and columns stand before the solver."""
    mentor_of = np.full(len(pool.mentees), NOBODY, dtype=np.int64)
    for mentee, mentor in locks:
        mentor_of[mentee] = mentor
    drawn = _drawn(pool.mentees, seed)
    free = drawn[mentor_of[drawn] == NOBODY]
    left = np.minimum(pool.seats - np.bincount([mentor for _, mentor in locks], minlength=len(pool.seats)), len(free))
    order = _drawn(pool.mentors, seed)
    column = np.repeat(order, left[order])
    allowed = pool.allowed
    loss = np.where(allowed, -pool.utility - SOME, 0.0)  # 0: whoever is given a forbidden pair is given none
    rows, columns = linear_sum_assignment(loss[np.ix_(free, column)])
    kept = allowed[free[rows], column[columns]]
    mentor_of[free[rows][kept]] = column[columns][kept]
    return mentor_of


def _total(utility: Floats, mentor_of: Ids) -> float:
    has = np.flatnonzero(mentor_of != NOBODY)
    return float(utility[has, mentor_of[has]].sum())


def _why(pool: Pool, allowed: Bools, mentee: int) -> Unmatched:
    forbids = {name: int(rule[mentee].sum()) for name, rule in pool.forbidden.items() if rule[mentee].any()}
    if not len(pool.mentors):
        return Unmatched(mentee, "no_mentors", forbids)
    if allowed[mentee].any():
        return Unmatched(mentee, "seats", forbids)
    alone = [name for name, count in forbids.items() if count == len(pool.mentors)]
    return Unmatched(mentee, alone[0] if alone else "rules", forbids)
