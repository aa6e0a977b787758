"""The graph that every metric reads: people, the weighted ties of one layer and their teams; made once, never changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Literal

import igraph
import networkx as nx
import numpy as np
import pyarrow as pa
from narwhals.typing import IntoFrame
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array

from ona.errors import TableError
from ona.structure import Codes, Derived, Positions, Structure, frozen
from ona.tables import Table, check

Layer = Literal["attention", "relationship", "ask", "formal"]
Window = tuple[date, date]
Floats = NDArray[np.float64]
People = NDArray[np.int64]
Adjacency = csr_array[np.float64, tuple[int, int]]

EDGES = Table("ties", pa.schema([("source", pa.int64()), ("target", pa.int64()), ("weight", pa.float64())]), ("source", "target"))
"""What ``Graph.from_ties`` reads and ``Graph.to_ties`` gives."""

NO_TEAM = -1
"""Code in ``Graph.teams`` of a person without a team."""

SMALLEST_WEIGHT = float(np.finfo(np.float64).tiny)
"""Smaller weights are subnormal: their distance ``1 / weight`` may be infinite."""

SAME_WEIGHT = 1e-9  # relative difference up to which both orders of an undirected tie weigh the same


@dataclass(frozen=True, eq=False)
class Graph:
    """Weighted ties of one layer among people.

    The constructor trusts its arguments; :meth:`from_ties` checks.

    Parameters
    ----------
    adjacency
        Weight of the tie i -> j, ``(n, n)``, larger = closer; positive, finite, no loops, sorted, read-only.
        Symmetric when not directed.
    people
        Person of each row, ``(n,)``, sorted.
    layer
        Kind of tie.
    directed
        Whether i -> j and j -> i are two ties.
    window
        Half-open span of days that the ties were observed in.
    teams
        Code of each person's team (or department), ``(n,)``; -1 = none.
    """

    adjacency: Adjacency
    people: People
    layer: Layer = "attention"
    directed: bool = True
    window: Window | None = None
    teams: Codes | None = None

    @classmethod
    def from_ties(
        cls,
        table: IntoFrame,
        *,
        people: ArrayLike | None = None,
        layer: Layer = "attention",
        directed: bool | None = None,
        teams: Mapping[int, int] | ArrayLike | None = None,
        window: Window | None = None,
    ) -> "Graph":
        """Build the graph from a table of ties.

        Parameters
        ----------
        table
            Any frame that narwhals reads, with the columns source, target (person ids) and weight.
            Repeated ties add up; loops and zero weights are dropped, their people stay.
        people
            Everybody in the graph, with or without ties; default: whoever the table names.
        layer
            Kind of tie.
        directed
            Default: every layer but relationship. An undirected tie is given once in either order, or in both orders with the same weight.
        teams
            Team codes by person, or one per entry of ``people``; whoever is missing has none.
        window
            Half-open span of days.

        Raises
        ------
        TableError
            A weight is negative, missing, infinite or subnormal, a person is unknown, or the two orders of an undirected tie differ.
        """
        ties = check(table, EDGES)
        source, target, weight = _columns(ties)
        given = np.union1d(source, target) if people is None else _persons(people)
        known = np.unique(given)
        adjacency = _adjacency(_rows(known, source), _rows(known, target), weight, len(known))
        symmetric = layer == "relationship" if directed is None else not directed
        codes = None if teams is None else _team_codes(teams, known, given)
        matrix = _frozen_matrix(_symmetric(adjacency) if symmetric else adjacency)
        return cls(matrix, frozen(known), layer=layer, directed=not symmetric, window=window, teams=codes)

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.people)

    @property
    def m(self) -> int:
        """Number of ties; an undirected tie counts once."""
        return self.adjacency.nnz if self.directed else self.adjacency.nnz // 2

    @property
    def is_directed(self) -> bool:
        """Whether i -> j and j -> i are two ties."""
        return self.directed

    @cached_property
    def structure(self) -> Structure:
        """The graph without its weights, shared by every :meth:`with_weights` of it."""
        return Structure(self.adjacency.indptr, self.adjacency.indices, self.directed)

    def with_weights(self, data: ArrayLike) -> "Graph":
        """Return the graph with other weights, sharing everything else.

        Parameters
        ----------
        data
            New ``adjacency.data``, ``(nnz,)``. A zero drops its tie (and gives up the shared structure).

        Raises
        ------
        TableError
            Another shape, a negative or non-finite weight, or two weights of one undirected tie that differ.
        """
        weights = frozen(np.array(data, dtype=np.float64))
        if weights.shape != self.adjacency.data.shape:
            raise TableError(f"New weights have the shape {weights.shape}. Expected one per stored tie: {self.adjacency.data.shape}.")
        if not self.directed and not np.array_equal(weights, weights[self.structure.reverse], equal_nan=True):
            raise TableError("New weights differ between the two directions of an undirected tie. Give both the same weight.")
        if not (weights.min(initial=1) >= SMALLEST_WEIGHT and float(weights.max(initial=1)) * len(weights) < np.inf):
            return self._without_zeros(weights)
        fresh = replace(self, adjacency=_matrix(weights, self.adjacency.indices, self.adjacency.indptr))
        fresh.__dict__["structure"] = self.structure
        return fresh

    def with_teams(self, teams: Mapping[int, int] | ArrayLike) -> "Graph":
        """Return the graph with other teams: codes by person, or one per row, -1 = none."""
        fresh = replace(self, teams=_team_codes(teams, self.people, self.people))
        fresh.__dict__["structure"] = self.structure
        return fresh

    def derived(self, name: str, compute: Callable[["Graph"], Derived]) -> Derived:
        """Return what several metrics read off the weights, computed once for this graph."""
        if name not in self.__dict__:
            self.__dict__[name] = compute(self)
        result: Derived = self.__dict__[name]
        return result

    def undirected(self) -> "Graph":
        """Return the graph of contact in either direction, whose weight is the sum of both; an undirected graph is its own."""
        return self._contact if self.directed else self

    @cached_property
    def _contact(self) -> "Graph":
        either = self.structure.either
        padded = np.append(self.adjacency.data, 0.0)  # position -1, an absent direction, reads the zero
        weights = frozen(padded[either.forth] + padded[either.back])
        fresh = replace(self, adjacency=_matrix(weights, either.structure.indices, either.structure.indptr), directed=False)
        fresh.__dict__["structure"] = either.structure
        return fresh

    def reversed(self) -> "Graph":
        """Return the graph with every tie turned round."""
        return replace(self, adjacency=_frozen_matrix(self.adjacency.T.tocsr())) if self.directed else self

    def to_ties(self) -> pa.Table:
        """Return source, target and weight as an Arrow table, an undirected tie once with the smaller id first."""
        source, target, weight = self._once()
        return pa.table([self.people[source], self.people[target], weight], schema=EDGES.schema)

    @property
    def igraph(self) -> igraph.Graph:
        """A fresh igraph copy: vertex attributes person and team, edge attribute weight, which igraph reads only when told to."""
        source, target, weight = self._once()
        view = igraph.Graph(n=self.n, edges=list(zip(source.tolist(), target.tolist(), strict=True)), directed=self.directed)
        view.vs["person"] = self.people.tolist()
        if self.teams is not None:
            view.vs["team"] = self.teams.tolist()
        view.es["weight"] = weight.tolist()
        return view

    @property
    def networkx(self) -> "nx.Graph[int]":
        """A fresh networkx copy whose nodes are persons; node attributes person and team, edge attribute weight."""
        source, target, weight = self._once()
        view = nx.DiGraph() if self.directed else nx.Graph()
        persons = self.people.tolist()
        view.add_nodes_from((person, {"person": person}) for person in persons)
        if self.teams is not None:
            nx.set_node_attributes(view, dict(zip(persons, self.teams.tolist(), strict=True)), "team")
        view.add_weighted_edges_from(zip(self.people[source].tolist(), self.people[target].tolist(), weight.tolist(), strict=True))
        return view

    def _once(self) -> tuple[Codes, Codes, Floats]:
        source, target, weight = self.structure.sources, self.adjacency.indices, self.adjacency.data
        if self.directed:
            return source, target, weight
        upper = source < target
        return source[upper], target[upper], weight[upper]

    def _without_zeros(self, weights: Floats) -> "Graph":
        _check_weights(weights)
        adjacency = _matrix(weights.copy(), self.adjacency.indices.copy(), self.adjacency.indptr.copy())
        adjacency.eliminate_zeros()
        return replace(self, adjacency=_frozen_matrix(adjacency))


def _columns(ties: pa.Table) -> tuple[People, People, Floats]:
    for name in EDGES.schema.names:
        missing = ties.column(name).null_count
        if missing:
            raise TableError(
                f"Column {name} is empty or NaN in {missing} of {ties.num_rows} ties. Expected a value in each; drop these ties."
            )
    source, target, weight = (ties.column(name).to_numpy() for name in EDGES.schema.names)
    _check_weights(weight)
    return source, target, weight


def _persons(people: ArrayLike) -> People:
    persons = np.asarray(people).ravel()
    if persons.size and (persons.dtype.kind not in "iu" or persons.max() > np.iinfo(np.int64).max):
        raise TableError(f"People are of the type {persons.dtype}. Expected whole numbers of at most 63 bits.")
    return persons.astype(np.int64)


def _check_weights(weight: Floats) -> None:
    wrong = int(np.count_nonzero(~np.isfinite(weight) | (weight < 0) | ((weight > 0) & (weight < SMALLEST_WEIGHT))))
    if wrong:
        raise TableError(
            f"{wrong} of {len(weight)} weights are negative, NaN, infinite or subnormal. Expected positive numbers; zero is no tie."
        )
    with np.errstate(over="ignore"):
        if not np.isfinite(weight.sum()):
            raise TableError("The weights add up to infinity. Expected a finite sum; use a larger unit.")


def _rows(people: People, persons: People) -> Positions:
    found = np.searchsorted(people, persons)
    unknown = int(np.count_nonzero(people[np.minimum(found, len(people) - 1)] != persons)) if len(people) else len(persons)
    if unknown:
        raise TableError(f"{unknown} ties start or end at somebody outside people. Add these people, or drop their ties.")
    return found


def _adjacency(rows: Positions, columns: Positions, weight: Floats, n: int) -> Adjacency:
    kept = (rows != columns) & (weight > 0)
    rows, columns, weight = rows[kept], columns[kept], weight[kept]
    matrix = coo_array((weight, (rows, columns)), shape=(n, n)).tocsr()
    if matrix.nnz < len(weight):  # repeated ties: add them from small to large, so that the order of the rows cannot matter
        order = np.argsort(weight, kind="stable")
        matrix = coo_array((weight[order], (rows[order], columns[order])), shape=(n, n)).tocsr()
    return matrix


def _symmetric(matrix: Adjacency) -> Adjacency:
    larger, smaller = matrix.maximum(matrix.T.tocsr()).tocsr(), matrix.minimum(matrix.T.tocsr()).tocsr()
    gap = larger.multiply(smaller.astype(bool)).tocsr() - smaller
    differing = (gap > SAME_WEIGHT * smaller).nnz // 2
    if differing:
        raise TableError(
            f"{differing} undirected ties have another weight in each order. "
            "Expected each tie once, or both orders with the same weight; for attention of two directions build a directed graph."
        )
    return larger


def _team_codes(teams: Mapping[int, int] | ArrayLike, people: People, given: People) -> Codes:
    if not isinstance(teams, Mapping):
        codes = np.asarray(teams).ravel().tolist()
        if not len(codes) == len(given) == len(people):
            raise TableError(f"{len(codes)} team codes for {len(people)} people. Expected one for each, or a mapping from person to code.")
        teams = dict(zip(given.tolist(), codes, strict=True))
    found = (teams.get(person) for person in people.tolist())
    # Missing codes come as None, or as NaN from pandas, which is not >= 0 either.
    return frozen(np.array([code if code is not None and code >= 0 else NO_TEAM for code in found], dtype=np.int32))


def _matrix(data: Floats, indices: Codes, indptr: Codes) -> Adjacency:
    matrix = csr_array((data, indices, indptr), shape=(len(indptr) - 1, len(indptr) - 1))
    matrix.has_sorted_indices = matrix.has_canonical_format = True
    return matrix


def _frozen_matrix(matrix: Adjacency) -> Adjacency:
    matrix.sort_indices()
    return _matrix(frozen(matrix.data), frozen(matrix.indices.astype(np.int32)), frozen(matrix.indptr.astype(np.int32)))
