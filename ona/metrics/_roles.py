"""Gould-Fernandez roles: open two-paths through each person by role, and what chance would give them."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from ona.compiled import Flags
from ona.graph import Graph
from ona.metrics._blocks import even_blocks, in_threads
from ona.metrics._triangles import add_closed_ends, add_closed_two_paths, added_up, moments
from ona.metrics._two_paths import N_BLOCKS, all_two_paths
from ona.metrics.base import Floats
from ona.structure import Codes, Structure

ROLES = ("coordinator", "itinerant", "representative", "gatekeeper", "liaison")


@dataclass(frozen=True, eq=False)
class Chance:
    """Expected count of each role and its standard deviation, ``(n, 5)``; NaN for people without a team."""

    mean: Floats
    sd: Floats

    def z(self, counts: Floats) -> Floats:
        """Return how many standard deviations counts are above the expected, NaN where chance leaves no choice."""
        result: Floats = np.divide(counts - self.mean, self.sd, out=np.full(counts.shape, np.nan), where=self.sd > 0)
        return result


@dataclass(frozen=True, eq=False)
class _Contact:
    """Ties in either direction (1 forth, 2 back, 3 both) and teams numbered from 0 (-1 = none), in both orders of people."""

    structure: Structure
    direction: Flags
    team: Codes
    ahead: Flags  # directions in the order of the triangle listing
    ranked: Codes  # teams in that order


def brokerage_roles(graph: Graph) -> Floats:
    """Count the open two-paths j -> i -> k (no tie j -> k) through each person i by role.

    Returns
    -------
    Floats
        Shape ``(n, 5)``: all of one team (coordinator), ends of another (itinerant), out of the own team (representative), into it
        (gatekeeper), all different (liaison). An undirected tie points both ways. People without a team are no ends; their own
        row is NaN.
    """
    if graph.teams is None:
        return np.full((graph.n, len(ROLES)), np.nan)
    seen = _contact(graph)
    structure, forward = seen.structure, seen.structure.forward
    count = partial(all_two_paths, structure.indptr, structure.indices, seen.direction, seen.team)
    result = np.concatenate([np.zeros((0, len(ROLES))), *in_threads(count, even_blocks(np.diff(structure.indptr), N_BLOCKS))])
    result[forward.order] -= added_up(
        structure,
        lambda batch, closed: add_closed_two_paths(batch, forward.sources, forward.indices, seen.ahead, seen.ranked, closed),
        lambda _: np.zeros((graph.n, len(ROLES))),
    )
    result[seen.team < 0] = np.nan
    return result


def bernoulli(graph: Graph) -> Chance:
    """Return what roles are expected when every tie exists with the same probability, whoever it joins.

    As Gould and Fernandez, and R sna. Real networks have hubs and clusters, which this chance has not: nearly everybody departs
    from it.
    """
    if graph.teams is None:
        return _unknown(graph)
    team = _numbered(graph.teams)
    size, known = np.bincount(team[team >= 0]).astype(np.float64), team >= 0
    n = size.sum()
    source, target = graph.structure.sources, graph.adjacency.indices
    d = np.count_nonzero(known[source] & known[target]) / max(n * (n - 1), 1.0)
    mean, paths = _ordered_pairs(size) * d**2 * (1 - d), _pairs_of_paths(size)
    sd = np.sqrt(mean * (1 - d**2 * (1 - d)) + paths * d**3 * (1 - d) ** 3)
    return _by_person(team, mean, sd)


def dealt(graph: Graph) -> Chance:
    """Return what roles are expected when the teams, as large as they are, are dealt out at random and all ties stay.

    Exact mean and deviation over all labellings: two open two-paths through a person share nobody else, one end, or both.
    """
    if graph.teams is None:
        return _unknown(graph)
    seen = _contact(graph)
    forward = seen.structure.forward
    ends = added_up(
        seen.structure,
        lambda batch, total: add_closed_ends(batch, forward.sources, forward.indices, seen.ahead, seen.ranked, total),
        lambda _: np.zeros((len(forward.indices), 6), dtype=np.int32),
    )
    found = moments(forward.sources, forward.indices, seen.ahead, seen.ranked, ends)
    n_paths, mutual, starts, stops, chains = found.T
    overlaps = np.stack([n_paths, mutual, starts - n_paths, stops - n_paths, 2 * (chains - mutual)], axis=1)
    overlaps = np.column_stack([overlaps, n_paths**2 - overlaps.sum(axis=1)])
    odds = _odds(np.bincount(seen.team[seen.team >= 0]).astype(np.float64))
    mean, square = np.outer(n_paths, odds[:, 0]), overlaps @ odds.T
    variance = square - mean**2
    mean_sd = np.stack([mean, np.sqrt(np.where(variance > 1e-12 * square, variance, 0))])  # less is rounding
    result = np.full((2, graph.n, len(ROLES)), np.nan)
    result[:, forward.order] = mean_sd
    result[:, seen.team < 0] = np.nan
    return Chance(result[0], result[1])


def _contact(graph: Graph) -> _Contact:
    either = graph.structure.either
    forward = either.structure.forward
    direction = ((either.forth >= 0) + 2 * (either.back >= 0)).astype(np.uint8)
    team = _numbered(graph.teams if graph.teams is not None else np.full(graph.n, -1))
    return _Contact(either.structure, direction, team, direction[forward.position], team[forward.order])


def _numbered(teams: Codes) -> Codes:
    _, codes = np.unique(np.append(teams, -1), return_inverse=True)
    return (codes[:-1] - 1).astype(np.int32)  # the appended -1 takes code 0


def _unknown(graph: Graph) -> Chance:
    nothing = np.full((graph.n, len(ROLES)), np.nan)
    return Chance(nothing, nothing)


def _by_person(team: Codes, mean: Floats, sd: Floats) -> Chance:
    padded = np.full((2, len(mean) + 1, len(ROLES)), np.nan)  # team -1 reads the last row
    padded[:, :-1] = mean, sd
    return Chance(padded[0, team], padded[1, team])


def _ordered_pairs(size: Floats) -> Floats:
    """Ordered pairs of others that fit each role of a member of each team, ``(teams, 5)``."""
    own, n = size - 1, size.sum()
    other = n - size
    elsewhere = (size * own).sum() - size * own
    return np.stack([own * (own - 1), elsewhere, own * other, own * other, other * (other - 1) - elsewhere], axis=1)


def _pairs_of_paths(size: Floats) -> Floats:
    """Ordered pairs of two-paths of one role through a member of each team that share one tie, ``(teams, 5)``."""
    own, n = size - 1, size.sum()
    other = n - size
    threes = size * own * (size - 2)
    crossing = own * other * (other - 1) + other * own * (own - 1)
    return np.stack([2 * own * (own - 1) * (own - 2), 2 * (threes.sum() - threes), crossing, crossing, 2 * _one_apart(size)], axis=1)


def _one_apart(size: Floats) -> Floats:
    """Ordered triples outside each team whose first is in another team than the second and third, ``(teams,)``."""
    other = size.sum() - size
    # sum over other teams h of n_h (o - n_h) (o - n_h - 1), in powers of n_h
    linear, square, cube = (power.sum() - power for power in (size, size**2, size**3))
    return np.asarray((other**2 - other) * linear - (2 * other - 1) * square + cube, dtype=np.float64)


def _odds(size: Floats) -> Floats:
    """Chance that two open two-paths through one person both have a role, by how they overlap, ``(5, 6)``.

    Overlaps: the same path, the way back, the same start, the same end, one's start is the other's end, none. The person's own team
    is dealt too.
    """
    n = size.sum()
    own, other = size - 1, n - size
    two, three, four = (_falling(size, k) for k in (2, 3, 4))
    s2, s3, s4 = (power.sum() - power for power in (two, three, four))
    pairs = s2**2 - ((two**2).sum() - two**2)  # two in one other team, two in yet another
    nothing = np.zeros_like(size)
    one_apart = _one_apart(size)
    both_apart = _falling(other, 4) - 2 * s2 * (other - 2) * (other - 3) + s4 + pairs
    own2, other2 = _falling(own, 2), _falling(other, 2)
    ways = [
        [own2, own2, *[_falling(own, 3)] * 3, _falling(own, 4)],
        [s2, s2, s3, s3, s3, s4 + pairs],
        [own * other, nothing, own * other2, own2 * other, nothing, own2 * other2],
        [own * other, nothing, own2 * other, own * other2, nothing, own2 * other2],
        [other2 - s2, other2 - s2, one_apart, one_apart, one_apart, both_apart],
    ]
    draws = np.array([_falling(n - 1, k) for k in (2, 2, 3, 3, 3, 4)])
    return np.asarray((np.array(ways) @ (size / n)) / np.maximum(draws, 1), dtype=np.float64)


def _falling(value: Floats, factors: int) -> Floats:
    result = np.ones_like(value)
    for k in range(factors):
        result = result * (value - k)
    return result
