"""Groups that work together, found from ties alone, and how far the org chart agrees with them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import igraph
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from ona.errors import SettingsError
from ona.graph import NO_TEAM, Graph
from ona.leiden import leiden

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Counts = NDArray[np.int64]
Partition = NDArray[np.int64]
Method = Literal["leiden", "infomap"]

RESOLUTION = 1.5
"""Communities of the size of departments: on two companies with known departments 1 merges them, 2 splits them."""

SEEDS = 20

TOGETHER = 0.5
"""Share of the runs in which two people must share a community for their tie to count in the consensus."""

ROUNDS = 20
"""Rounds of consensus at most; two or three are usual."""


@dataclass(frozen=True, eq=False)
class Communities:
    """Communities of one graph.

    Parameters
    ----------
    people
        Person of each row, ``(n,)``.
    code
        Community of each person, ``(n,)``: 0 is the largest; people without ties have -1.
    method
        leiden or infomap.
    stability
        Mean AMI of each run with the next seed's, at most 1; NaN with one run, or without anything to find.
    modularity
        Of the communities, at resolution 1; NaN without ties.
    """

    people: NDArray[np.int64]
    code: Codes
    method: Method
    stability: float
    modularity: float

    @property
    def number(self) -> int:
        """How many communities of at least two people there are."""
        return int(np.count_nonzero(np.bincount(self.code[self.code != NO_TEAM]) > 1))


@dataclass(frozen=True)
class Alignment:
    """How far two ways of grouping the same people agree, both corrected for chance: 1 the same, 0 as by chance, NaN no grouping.

    Parameters
    ----------
    ami
        Adjusted mutual information.
    ari
        Adjusted Rand index.
    people
        People who have a group in both.
    """

    ami: float
    ari: float
    people: int


def communities(
    graph: Graph, *, method: Method = "leiden", resolution: float = RESOLUTION, seeds: int = SEEDS, seed: int = 0
) -> Communities:
    """Find the communities of contact in both directions, agreed upon by many runs.

    Parameters
    ----------
    graph
        Any layer; Infomap follows directed ties, Leiden adds both directions up.
    method
        Leiden maximises modularity and guarantees connected communities; Infomap shortens the description of a walk.
    resolution
        Of Leiden: larger gives more communities.
    seeds
        Runs of every round.
    seed
        Of the first run.

    Returns
    -------
    Communities
        The same for any order of the rows of the table of ties.

    Notes
    -----
    Consensus clustering: each tie is weighted with the share of runs that put its ends together, at least one half, and the search
    is repeated on these weights until all runs agree. Only pairs with a tie are looked at: O(m seeds) a round.

    References
    ----------
    Traag, Waltman & van Eck (2019), doi:10.1038/s41598-019-41695-z; Rosvall & Bergstrom (2008), doi:10.1073/pnas.0706851105;
    Lancichinetti & Fortunato (2012), doi:10.1038/srep00336

    Raises
    ------
    SettingsError
        The resolution is not positive, or there are no seeds.
    """
    if not (0 < resolution < np.inf and seeds > 0):
        raise SettingsError(f"Communities with resolution {resolution:g} and {seeds} seeds. Expected a positive resolution and seeds.")
    searched = graph if method == "infomap" else graph.undirected()
    first = _runs(searched, method, resolution, range(seed, seed + seeds))
    code = _numbered(_agreed(searched, first, method, resolution, seed), np.diff(graph.undirected().structure.indptr) > 0)
    pairs = [adjusted_mutual_information(one, other) for one, other in pairwise(first)]
    stability = float(np.mean(pairs)) if pairs else float("nan")
    return Communities(graph.people, code, method, stability, modularity(graph, code))


def _agreed(graph: Graph, runs: Sequence[Partition], method: Method, resolution: float, seed: int) -> Partition:
    """Repeat the search on ties weighted by agreement until every run finds the same."""
    source, target = graph.structure.sources, graph.adjacency.indices
    for _ in range(ROUNDS):
        if all(np.array_equal(one, runs[0]) for one in runs):
            break
        together = np.mean([one[source] == one[target] for one in runs], axis=0)
        kept = graph.with_weights(np.where(together >= TOGETHER, together, 0.0))
        runs = _runs(kept, method, resolution, range(seed, seed + len(runs)))
        source, target, graph = kept.structure.sources, kept.adjacency.indices, kept
    return runs[0]


def _runs(graph: Graph, method: Method, resolution: float, seeds: range) -> list[Partition]:
    if method == "infomap":
        view = graph.igraph
        return [_by_description(view, one) for one in seeds]
    ties = graph.adjacency
    return [_by_first_member(leiden((ties.indptr, ties.indices, ties.data), resolution, seed=one)) for one in seeds]


def _by_description(view: igraph.Graph, seed: int) -> Partition:
    """Run Infomap once."""
    if not view.ecount():
        return np.arange(view.vcount())
    igraph.set_random_number_generator(random.Random(seed))
    return _by_first_member(np.array(view.community_infomap(edge_weights="weight").membership, dtype=np.int64))


def _by_first_member(partition: Partition) -> Partition:
    """Give the groups numbers by their first members, so that equal partitions are equal arrays."""
    _, first, group = np.unique(partition, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[group], dtype=np.int64)


def _numbered(partition: Partition, tied: NDArray[np.bool_]) -> Codes:
    """Give the communities of people with ties numbers from the largest down, equal ones by their first members."""
    code = np.full(len(partition), NO_TEAM, dtype=np.int32)
    if tied.any():
        dense = _by_first_member(partition[tied])
        order = np.argsort(-np.bincount(dense), kind="stable")
        code[tied] = np.argsort(order)[dense]
    return code


def modularity(graph: Graph, code: Codes, *, resolution: float = 1.0) -> float:
    """How much more contact stays inside the groups of a grouping than everybody's amount of contact lets expect.

    Returns
    -------
    float
        Below 1, 0 as by chance, negative when contact avoids the groups; NaN without ties.

    Notes
    -----
    ``sum_{i,j} (w_ij - r s_i s_j / S) [g_i = g_j] / S``, s the amounts given and received, S all contact, r the resolution. Directed
    ties count as directed. Everybody without a group (-1) is alone. Of small groups inside large companies it sees little. O(m).

    References
    ----------
    Newman & Girvan (2004), doi:10.1103/PhysRevE.69.026113; Leicht & Newman (2008), doi:10.1103/PhysRevLett.100.118703
    """
    total = float(graph.adjacency.data.sum()) if graph.m else float("nan")
    alone = np.flatnonzero(code == NO_TEAM)
    group = np.array(code, dtype=np.int64)
    group[alone] = code.max(initial=-1) + 1 + np.arange(len(alone))
    inside = graph.adjacency.data[group[graph.structure.sources] == group[graph.adjacency.indices]].sum()
    given, received = (np.bincount(group, np.asarray(graph.adjacency.sum(axis=axis)) / total) for axis in (1, 0))
    return float(inside / total - resolution * (given * received).sum())


def alignment(one: Codes, other: Codes) -> Alignment:
    """Compare two groupings of the same people, for instance communities and teams; whoever has no group (-1) in one is left out."""
    known = (one != NO_TEAM) & (other != NO_TEAM)
    both = one[known], other[known]
    return Alignment(adjusted_mutual_information(*both), adjusted_rand_index(*both), int(known.sum()))


def adjusted_mutual_information(one: NDArray[np.integer], other: NDArray[np.integer]) -> float:
    """Information that two groupings, for instance departments and working groups, share beyond chance, over the most it could be.

    Returns
    -------
    float
        At most 1, 0 as by chance; NaN when both are trivial: one group, or a group per person, in both.

    Notes
    -----
    ``(I(U, V) - E[I]) / ((H(U) + H(V)) / 2 - E[I])``, I shared information, H entropy, E the mean over all ways to deal the people.
    Without that correction many small groups look like agreement. O(n + groups^2).

    References
    ----------
    Vinh, Epps & Bailey (2010), http://jmlr.org/papers/v11/vinh10a.html
    """
    cells, rows, columns = _table(one, other)
    n = len(one)
    chance = _expected_information(rows, columns, n)
    held = (_entropy(rows, n) + _entropy(columns, n)) / 2
    shared = _entropy(rows, n) + _entropy(columns, n) - _entropy(cells, n)
    return float((shared - chance) / (held - chance)) if held - chance > 1e-12 else float("nan")


def adjusted_rand_index(one: NDArray[np.integer], other: NDArray[np.integer]) -> float:
    """Agreement of two groupings on which pairs of people belong together, beyond chance.

    Returns
    -------
    float
        At most 1, 0 as by chance; NaN when both are trivial: one group, or a group per person, in both.

    Notes
    -----
    ``(T - E[T]) / (M - E[T])``, T the pairs that are together in both, M the mean of the pairs together in each. Large groups weigh
    more than in the information. O(n).

    References
    ----------
    Hubert & Arabie (1985), doi:10.1007/BF01908075
    """
    together, first, second = (float((size * (size - 1)).sum()) / 2 for size in _table(one, other))
    pairs = len(one) * (len(one) - 1) / 2
    chance = first * second / pairs if pairs else 0.0
    most = (first + second) / 2
    return (together - chance) / (most - chance) if most > chance else float("nan")


def _table(one: NDArray[np.integer], other: NDArray[np.integer]) -> tuple[Counts, Counts, Counts]:
    """Sizes of the overlaps, of the groups of the one and of the groups of the other."""
    (_, first), (_, second) = (np.unique(codes, return_inverse=True) for codes in (one, other))
    overlaps = np.unique(first.astype(np.int64) * len(second) + second, return_counts=True)[1]
    return overlaps.astype(np.int64), np.bincount(first).astype(np.int64), np.bincount(second).astype(np.int64)


def _entropy(sizes: Counts, n: int) -> float:
    return float(-xlogy(sizes / n, sizes / n).sum()) if n else 0.0


def _expected_information(rows: Counts, columns: Counts, n: int) -> float:
    """Mean mutual information when the sizes stay and the people are dealt at random: hypergeometric, by size of group."""
    (sizes, often), (widths, wide) = (np.unique(counts, return_counts=True) for counts in (rows, columns))
    log_factorial = gammaln(np.arange(n + 1) + 1.0)
    return sum(float(times * (_expected_cells(a, widths, log_factorial) @ wide)) for a, times in zip(sizes.tolist(), often, strict=True))


def _expected_cells(a: int, widths: Counts, log_factorial: Floats) -> Floats:
    """Mean information of an overlap between a group of ``a`` and one of each width: sum over the sizes k that it may have."""
    n, b = len(log_factorial) - 1, widths[:, None]
    k = np.arange(1, min(a, int(widths.max())) + 1)[None, :]
    possible = (k <= b) & (k >= a + b - n)
    rest = np.where(possible, n - a - b + k, 0)
    log_chance = log_factorial[b] + log_factorial[n - b] + log_factorial[a] + log_factorial[n - a] - log_factorial[n]
    log_chance = log_chance - log_factorial[k] - log_factorial[a - k] - log_factorial[np.maximum(b - k, 0)] - log_factorial[rest]
    found = np.where(possible, k / n * np.log(n * k / (a * b)) * np.exp(np.where(possible, log_chance, -np.inf)), 0.0)
    return np.asarray(found.sum(axis=1), dtype=np.float64)
