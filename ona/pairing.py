"""Which mentor suits which mentee: hard rules as masks, utility as a weighted sum of visible parts, reasons for each pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]

UNKNOWN = -1
"""Department of people whose department is not known."""

LINE_LEVELS = 2
"""Nobody mentors a person at most so many levels above or below in one reporting line."""

OVERLAP_HOURS = 3
"""Working hours of a day that both need in common."""

TENURE_DAYS = 182
"""A mentor has been with the company for half a year."""

DISTANCE_FIT = (0.3, 0.3, 1.0, 0.8, 0.3)
"""By steps between the two (0 = no path known, 4 = four or more): a new tie with somebody in between who can introduce them is best."""

RULES = ("same_person", "not_consented", "one_line", "conflict", "hours", "overloaded", "tenure")
"""Hard rules in the order in which they are told."""


@dataclass(frozen=True)
class Weights:
    """Weight of each part of the utility, the policy of the method's section 10; shown beside every match."""

    gap: float = 0.35
    helper: float = 0.20
    similarity: float = 0.20
    distance: float = 0.15
    crossing: float = 0.10


@dataclass(frozen=True, eq=False)
class Side:
    """Mentees or mentors, one row each.

    Parameters
    ----------
    person
        Ids, ``(n,)``.
    consented, group
        Whether they agreed to the pool; department code, ``UNKNOWN`` where there is none.
    hours
        Working hours of a day in UTC, ``(n, 24)``.
    skills
        What a mentee lacks, or a mentor has, ``(n, s)``.
    interests
        Answers to the similarity items in [0, 1], ``(n, q)``; NaN = not answered.
    """

    person: Ids
    consented: Bools
    group: Ids
    hours: Bools
    skills: Bools
    interests: Floats


@dataclass(frozen=True, eq=False)
class Mentors(Side):
    """Mentors with what only they need.

    Parameters
    ----------
    seats
        Mentees that each can take, ``(k,)``.
    helper
        Lower bound of the helper facet as a percentile in [0, 1]; NaN = not enough data.
    overloaded
        Whether signals of overload are on.
    tenure
        Days with the company; NaN = unknown, which passes.
    """

    seats: Ids
    helper: Floats
    overloaded: Bools
    tenure: Floats


@dataclass(frozen=True, eq=False)
class Between:
    """What is known of pairs, ``(m, k)``: one reporting line, on the conflict list, steps apart (0 = no path)."""

    one_line: Bools
    conflict: Bools
    steps: Ids


@dataclass(frozen=True)
class Reason:
    """One part of a pair's utility."""

    part: str
    value: float  # in [0, 1]
    weight: float
    contribution: float  # weight times value


def forbidden(mentees: Side, mentors: Mentors, between: Between) -> dict[str, Bools]:
    """Return for each hard rule which pairs it forbids, ``(m, k)``."""
    shape = (len(mentees.person), len(mentors.person))
    overlap = mentees.hours.astype(np.int64) @ mentors.hours.T.astype(np.int64)
    found = (
        mentees.person[:, None] == mentors.person[None, :],
        ~(mentees.consented[:, None] & mentors.consented[None, :]),
        between.one_line,
        between.conflict,
        overlap < OVERLAP_HOURS,
        np.broadcast_to(mentors.overloaded[None, :], shape),
        np.broadcast_to((mentors.tenure < TENURE_DAYS)[None, :], shape),
    )
    return dict(zip(RULES, found, strict=True))


def parts(mentees: Side, mentors: Mentors, between: Between) -> dict[str, Floats]:
    """Return the parts of the utility, each ``(m, k)`` in [0, 1]; what is not known adds nothing."""
    lacking = mentees.skills.sum(axis=1)
    covered = mentees.skills.astype(np.float64) @ mentors.skills.T.astype(np.float64)
    known = (mentees.group != UNKNOWN)[:, None] & (mentors.group != UNKNOWN)[None, :]
    shape = covered.shape
    found = (
        np.divide(covered, lacking[:, None], out=np.zeros(shape), where=lacking[:, None] > 0),
        np.broadcast_to(np.nan_to_num(mentors.helper, nan=0.0)[None, :], shape),
        similarity(mentees.interests, mentors.interests),
        np.array(DISTANCE_FIT)[np.minimum(between.steps, len(DISTANCE_FIT) - 1)],
        (known & (mentees.group[:, None] != mentors.group[None, :])).astype(np.float64),
    )
    return dict(zip((one.name for one in fields(Weights)), found, strict=True))


def utility(parts_of: Mapping[str, Floats], weights: Weights) -> Floats:
    """Return the weighted sum of the parts, ``(m, k)``."""
    return np.asarray(sum(getattr(weights, name) * part for name, part in parts_of.items()), dtype=np.float64)


def similarity(one: Floats, other: Floats) -> Floats:
    """Return one minus the mean difference over the items that both answered, ``(m, k)``; 0 where they share none."""
    told, said = np.isfinite(one), np.isfinite(other)
    shared = told.astype(np.float64) @ said.T.astype(np.float64)
    apart = np.zeros(shared.shape)
    for item in range(one.shape[1]):  # items are few
        apart += np.nan_to_num(np.abs(one[:, item][:, None] - other[:, item][None, :]), nan=0.0)
    return np.where(shared > 0, 1 - apart / np.maximum(shared, 1), 0.0)


def reasons(parts_of: Mapping[str, Floats], weights: Weights, mentee: int, mentor: int) -> tuple[Reason, ...]:
    """Return what speaks for a pair, the largest contribution first; they add up to its utility."""
    found = [
        Reason(name, float(part[mentee, mentor]), getattr(weights, name), getattr(weights, name) * float(part[mentee, mentor]))
        for name, part in parts_of.items()
    ]
    return tuple(sorted(found, key=lambda reason: -reason.contribution))


def one_line(mentees: Ids, mentors: Ids, managers: Mapping[int, int], levels: int = LINE_LEVELS) -> Bools:
    """Return which pairs stand in one reporting line, at most ``levels`` apart, ``(m, k)``."""
    above = {person: _above(person, managers, levels) for person in {*mentees.tolist(), *mentors.tolist()}}
    rows = [[mentor in above[mentee] or mentee in above[mentor] for mentor in mentors.tolist()] for mentee in mentees.tolist()]
    return np.array(rows, dtype=np.bool_).reshape(len(mentees), len(mentors))


def steps_between(adjacency: csr_array, mentees: Ids, mentors: Ids) -> Ids:
    """Return steps between rows of a graph, ``(m, k)``; 0 = no path, or a row of -1 (nobody in the graph)."""
    found = np.zeros((len(mentees), len(mentors)), dtype=np.int64)
    near, far = np.flatnonzero(mentees >= 0), np.flatnonzero(mentors >= 0)
    if near.size and far.size:
        reach = dijkstra(adjacency, directed=False, indices=mentees[near], unweighted=True, limit=len(DISTANCE_FIT))
        apart = reach[:, mentors[far]]
        found[np.ix_(near, far)] = np.where(np.isfinite(apart), apart, 0).astype(np.int64)
    return found


def nearest(adjacency: csr_array, helpers: Ids) -> tuple[Ids, Ids]:
    """Return for every row of an undirected graph the nearest helper's row, the lowest of several alike, and the steps to them.

    Parameters
    ----------
    adjacency
        Ties in both directions, ``(n, n)``.
    helpers
        Rows of the helpers.

    Returns
    -------
    rows, steps
        Shape ``(n,)`` each; -1 and 0 where no helper is within five steps. A helper is their own, at no step.

    Notes
    -----
    Level by level from all helpers at once, each edge looked at twice: O(m) time and O(n) memory, never people × people.
    A shortest-path routine would find the steps as well, but says nothing about which of several helpers it names.
    """
    n = adjacency.shape[0]
    source, target = np.repeat(np.arange(n), np.diff(adjacency.indptr)), adjacency.indices
    found, steps = np.full(n, n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    found[helpers] = helpers
    frontier = found < n
    for step in range(1, len(DISTANCE_FIT) + 1):
        here = frontier[source] & (found[target] == n)
        reached = np.full(n, n, dtype=np.int64)
        np.minimum.at(reached, target[here], found[source[here]])
        frontier = reached < n
        found[frontier], steps[frontier] = reached[frontier], step
    return np.where(found < n, found, -1), steps


def conflicts(mentees: Ids, mentors: Ids, listed: Sequence[tuple[int, int]]) -> Bools:
    """Return which pairs are on the conflict list, in either order, ``(m, k)``."""
    found = np.zeros((len(mentees), len(mentors)), dtype=np.bool_)
    place_mentee, place_mentor = ({int(person): at for at, person in enumerate(side)} for side in (mentees, mentors))
    for pair in listed:
        for one, other in (pair, pair[::-1]):
            if one in place_mentee and other in place_mentor:
                found[place_mentee[one], place_mentor[other]] = True
    return found


def _above(person: int, managers: Mapping[int, int], levels: int) -> set[int]:
    found: set[int] = set()
    for _ in range(levels):
        if person not in managers:
            break
        person = managers[person]
        found.add(person)
    return found
