"""The company as a whole and unit by unit: how far contact stays inside, how it is concentrated, and what it hangs on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ona.errors import SettingsError, TableError
from ona.fragility import carriers
from ona.graph import NO_TEAM, Graph
from ona.metrics.degree import degree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 200
"""Labellings that an observed number is compared with."""

SOURCES = 200
"""People from whom path lengths are measured."""


@dataclass(frozen=True, eq=False)
class Mixing:
    """Contact inside and between units; people without a unit are left out.

    Parameters
    ----------
    units
        Code of each unit, ``(K,)``, sorted.
    people
        Members, ``(K,)``.
    contact
        Weight from each unit to each, ``(K, K)``; undirected ties count in both orders.
    ends
        Distinct people at the smaller of both ends of each cell, ``(K, K)``: what a minimum group is measured by.
    """

    units: Ints
    people: Ints
    contact: Floats
    ends: Ints

    @property
    def silo(self) -> Floats:
        """Logarithm of contact over what the totals of both units let expect, ``(K, K)``: 0 as expected; NaN without any contact."""
        ratio = self.ratio
        return np.log(ratio, out=np.full(ratio.shape, np.nan), where=ratio > 0)

    @property
    def ratio(self) -> Floats:
        """Contact over what the totals of both units let expect, ``(K, K)``: 1 as expected; NaN where nothing is expected."""
        share = self.contact / (self.contact.sum() or 1.0)  # of weights near the largest number the product of two totals is infinite
        return _divided(share, np.outer(share.sum(axis=1), share.sum(axis=0)))

    @property
    def e_i(self) -> Floats:
        """External minus internal contact over both, of each unit, ``(K,)``, in [-1, 1]; NaN without contact: see :func:`ei_index`."""
        inside, both = np.diag(self.contact), (self.contact.sum(axis=0) + self.contact.sum(axis=1)) / 2
        return _divided(both - 2 * inside, both)

    @property
    def homophily(self) -> Floats:
        """Internal share of a unit's contact beyond the one expected by its size, over the most it could be beyond.

        Returns
        -------
        Floats
            Shape ``(K,)``, at most 1, 0 as by chance; NaN without contact, or when there is no other unit.

        Notes
        -----
        ``(w_gg / s_g - s_g / S) / (1 - s_g / S)``, w_gg contact inside, s_g all contact of the unit, S that of the company. Unlike the
        E-I index it does not depend on how large the unit is. O(m).

        References
        ----------
        Coleman (1958), doi:10.17730/humo.17.4.q5604m676260q8n7
        """
        total = self.contact.sum()
        share = _divided(np.diag(self.contact), self.contact.sum(axis=1))
        expected = self.contact.sum(axis=0) / total if total > 0 else np.full(len(self.units), np.nan)
        return _divided(share - expected, 1 - expected)

    @property
    def conductance(self) -> Floats:
        """Contact that leaves a unit over all contact of the smaller of both sides.

        Returns
        -------
        Floats
            Shape ``(K,)``, in [0, 1], 0 nothing leaves; NaN without contact on a side.

        Notes
        -----
        ``cut(g) / min(vol(g), vol(rest))``, cut the contact that leaves, vol all contact of the people on a side. O(m).

        References
        ----------
        Kannan, Vempala & Vetta (2004), doi:10.1145/990308.990313
        """
        both = self.contact + self.contact.T
        volume = both.sum(axis=1)
        return _divided(volume - np.diag(both), np.minimum(volume, both.sum() - volume))


@dataclass(frozen=True)
class Chance:
    """A number beside what chance gives.

    Parameters
    ----------
    observed, mean, deviation
        The number, its mean and its standard deviation by chance.
    p
        How often chance gives as little, at least ``1 / (draws + 1)`` (Phipson & Smyth 2010).
    """

    observed: float
    mean: float
    deviation: float
    p: float


@dataclass(frozen=True)
class Unit:
    """One unit; NaN where a number is undefined.

    Parameters
    ----------
    unit
        Its code.
    people
        Its members in the graphs.
    e_i, homophily, conductance
        As in :class:`Mixing`.
    carriers
        Fewest members who carry half of its contact with other units.
    ask_gini, ask_top
        Gini coefficient of the help given by its members, and the share of it by the busiest 5 % of them.
    """

    unit: int
    people: int
    e_i: float
    homophily: float
    conductance: float
    carriers: int
    ask_gini: float
    ask_top: float


def mixing(graph: Graph) -> Mixing:
    """Return the contact between the units of a graph. O(m)."""
    teams = np.full(graph.n, NO_TEAM) if graph.teams is None else graph.teams
    units, people = np.unique(teams[teams != NO_TEAM], return_counts=True)
    row = np.searchsorted(units, teams)
    source, target = graph.structure.sources, graph.adjacency.indices
    known = (teams[source] != NO_TEAM) & (teams[target] != NO_TEAM)
    source, target, weight = source[known], target[known], graph.adjacency.data[known]
    shape = (len(units), len(units))
    contact = np.bincount(row[source] * len(units) + row[target], weight, len(units) ** 2).astype(np.float64).reshape(shape)
    ends = np.minimum(_distinct(source, row[source], row[target], shape), _distinct(target, row[source], row[target], shape))
    return Mixing(units.astype(np.int64), people, contact, ends)


def ei_index(graph: Graph) -> float:
    """External minus internal contact over both, of the whole company.

    Returns
    -------
    float
        In [-1, 1]: -1 all stays inside, 1 all leaves; NaN without contact between people in units.

    Notes
    -----
    ``(E - I) / (E + I)``, E the contact between units, I that inside. Many small units alone make it high, so it is never read without
    what it is when people are dealt to units of the same sizes at random. O(m).

    References
    ----------
    Krackhardt & Stern (1988), doi:10.2307/2786835
    """
    contact = mixing(graph).contact
    total = float(contact.sum())
    return float((total - 2 * np.trace(contact)) / total) if total > 0 else float("nan")


def ei_by_chance(graph: Graph, *, draws: int = DRAWS, seed: int = 0) -> Chance:
    """Compare the E-I index with what it is when people are dealt to units of the same sizes at random.

    Sizes alone make it high in a company of many units, so it is never read alone. The mean is exact. O(draws m).
    """
    if graph.teams is None or draws < 2:
        raise SettingsError(f"The E-I index by chance from {draws} draws. Expected units, and at least two draws.")
    rng, known = np.random.default_rng(seed), np.flatnonzero(graph.teams != NO_TEAM)
    kept = (graph.teams[graph.structure.sources] != NO_TEAM) & (graph.teams[graph.adjacency.indices] != NO_TEAM)
    source, target, weight = graph.structure.sources[kept], graph.adjacency.indices[kept], graph.adjacency.data[kept]
    sizes = np.unique(graph.teams[known], return_counts=True)[1].astype(np.float64)
    pairs = len(known) * (len(known) - 1)
    mean = float(1 - 2 * (sizes * (sizes - 1)).sum() / pairs) if pairs else float("nan")
    observed, found = ei_index(graph), np.empty(draws)
    teams = np.array(graph.teams)
    for draw in range(draws):
        teams[known] = rng.permutation(graph.teams[known])
        found[draw] = 1 - 2 * weight[teams[source] == teams[target]].sum() / weight.sum() if len(weight) else np.nan
    p = (np.count_nonzero(found <= observed + 1e-12) + 1) / (draws + 1)
    return Chance(observed, mean, float(found.std(ddof=1)), float(p) if np.isfinite(observed) else float("nan"))


def centralisation(values: Floats, largest: float) -> float:
    """Return how far the most central person is ahead of everybody, over the most it could be (Freeman 1978), in [0, 1].

    Parameters
    ----------
    values
        Of each person, ``(n,)``.
    largest
        The sum of gaps in the most central graph of this size: ``(n - 1)(n - 2)`` for degree, ``n - 1`` for normalised betweenness.
    """
    return float((values.max() - values).sum() / largest) if len(values) > 2 and largest > 0 else float("nan")


def degree_centralisation(graph: Graph) -> float:
    """How far the person with the most contacts is ahead of everybody, over the most it could be.

    Returns
    -------
    float
        In [0, 1]: 0 everybody alike, 1 a star; NaN when fewer than three people.

    Notes
    -----
    ``sum_i (k_max - k_i) / ((n - 1)(n - 2))``, k the number of contacts. O(m).

    References
    ----------
    Freeman (1978), doi:10.1016/0378-8733(78)90021-7
    """
    return centralisation(degree(graph), (graph.n - 1) * (graph.n - 2))


def gini(values: Floats) -> float:
    """How unevenly an amount, for instance the help that people give, is spread over them.

    Returns
    -------
    float
        In [0, 1): 0 everybody alike, near 1 one person has all; NaN for nobody or nothing.

    Notes
    -----
    ``sum_{i,j} |x_i - x_j| / (2 n^2 mean(x))``. O(n log n).

    References
    ----------
    Gini (1912), Variabilita e mutabilita

    Raises
    ------
    TableError
        A value is negative or not finite.
    """
    total, ordered = _amount(values), np.sort(values)
    n = len(ordered)
    return float(((2 * np.arange(1, n + 1) - n - 1) * (ordered / total)).sum() / n) if total > 0 else float("nan")


def top_share(values: Floats, share: float = 0.05) -> float:
    """Part of an amount, for instance of all help, that the busiest five in a hundred people have.

    Returns
    -------
    float
        In [0, 1]; NaN for nobody or nothing. At least one person counts, so that it is large in a small company by itself.

    Notes
    -----
    ``sum_{i in top} x_i / sum_i x_i``. In surveys 20 to 35 % of what helps comes from 3 to 5 % of people. O(n log n).

    References
    ----------
    Cross, Rebele & Grant (2016), Collaborative overload, Harvard Business Review 94(1)
    """
    if not 0 < share <= 1:
        raise SettingsError(f"The busiest {share:g} of people. Expected a share above 0, at most 1.")
    total = _amount(values)
    most = max(round(share * len(values)), 1)
    return float((np.sort(values)[::-1][:most] / total).sum()) if total > 0 else float("nan")


def herfindahl(values: Floats) -> float:
    """Chance that two answers, drawn from all help, are one person's.

    Returns
    -------
    float
        In [1/n, 1], 1/n everybody alike; NaN for nobody or nothing.

    Notes
    -----
    ``sum_i (x_i / sum_j x_j)^2``. One over it is the number of people who would give as much evenly. O(n).

    References
    ----------
    Hirschman (1964), American Economic Review 54(5)
    """
    total = _amount(values)
    return float(((values / total) ** 2).sum()) if total > 0 else float("nan")


def reciprocity(graph: Graph) -> float:
    """Share of all attention that is returned by whom it went to.

    Returns
    -------
    float
        In [0, 1]: 0 nothing comes back, 1 all does; NaN without ties.

    Notes
    -----
    ``sum_{i,j} min(w_ij, w_ji) / sum_{i,j} w_ij``. O(m).

    References
    ----------
    Squartini, Picciolo, Ruzzenenti & Garlaschelli (2013), doi:10.1038/srep02729
    """
    total = float(graph.adjacency.sum())
    return float(graph.adjacency.minimum(graph.adjacency.T.tocsr()).sum()) / total if total > 0 else float("nan")


def small_world(graph: Graph, *, seed: int = 0) -> tuple[float, float, float]:
    """Mean local clustering, transitivity, and the mean hops between people who reach each other.

    Returns
    -------
    tuple[float, float, float]
        Two shares in [0, 1] and hops of at least 1; NaN without ties.

    Notes
    -----
    ``C = sum_i t_i / (k_i (k_i - 1) / 2) / n``, t the ties among the contacts of a person, 0 for people with fewer than two;
    transitivity is the share of all open and closed pairs of contacts that are closed. Hops are measured from 200 people at most.
    O(200 m + m^1.5).

    References
    ----------
    Watts & Strogatz (1998), doi:10.1038/30918
    """
    if not graph.m:
        return float("nan"), float("nan"), float("nan")
    view = graph.undirected().igraph
    sources = np.random.default_rng(seed).permutation(graph.n)[:SOURCES]
    hops = [far for source in sources.tolist() for far in view.distances(source)[0] if 0 < far < np.inf]
    local = view.transitivity_avglocal_undirected(mode="zero")
    return float(local), float(view.transitivity_undirected()), float(np.mean(hops)) if hops else float("nan")


def units(attention: Graph, ask: Graph) -> tuple[Unit, ...]:
    """Describe each unit: contact on the attention graph, help on the ask graph; the two need the same people and units.

    Raises
    ------
    TableError
        The graphs differ in their people or their units.
    """
    if not (np.array_equal(attention.people, ask.people) and _same_units(attention, ask)):
        raise TableError("The two graphs have other people or units. Expected the same in both.")
    found, hanging = mixing(attention), carriers(attention)
    helped = np.asarray(ask.adjacency.sum(axis=0), dtype=np.float64)
    teams = np.full(ask.n, NO_TEAM) if ask.teams is None else ask.teams
    shown = zip(found.units.tolist(), found.people.tolist(), found.e_i, found.homophily, found.conductance, strict=True)
    return tuple(
        Unit(code, people, float(e_i), float(own), float(cut), hanging[code], gini(helped[teams == code]), top_share(helped[teams == code]))
        for code, people, e_i, own, cut in shown
    )


def _same_units(one: Graph, other: Graph) -> bool:
    if one.teams is None or other.teams is None:
        return one.teams is other.teams
    return np.array_equal(one.teams, other.teams)


def _divided(part: Floats, whole: Floats) -> Floats:
    result: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return result


def _distinct(person: Ints, start: Ints, end: Ints, shape: tuple[int, int]) -> Ints:
    """Count the people at one end of each cell."""
    cell = start.astype(np.int64) * shape[1] + end
    met = np.unique(person.astype(np.int64) * shape[0] * shape[1] + cell) % max(shape[0] * shape[1], 1)
    return np.bincount(met, minlength=shape[0] * shape[1]).reshape(shape)


def _amount(values: Floats) -> float:
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise TableError("An amount is negative or not a number. Expected what each person has, at least 0.")
    return float(values.sum())
