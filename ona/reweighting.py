"""One graph under many weightings of its weeks: strength, PageRank and constraint of all replicates over one structure."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ona.compiled import Floats
from ona.lanes import LANES, Lanes, add_paths, add_squares, batched, received, sent, walk
from ona.metrics._triangles import triangles
from ona.metrics.pagerank import DAMPING, TOLERANCE
from ona.structure import Structure

Weeks = csr_array[np.float64, tuple[int, int]]

Measured = Callable[[Floats], Mapping[str, Lanes]]
"""From the week weights of a batch, ``(W, LANES)``, to what each measure gives for them, ``(n, LANES)`` by name."""


@dataclass(frozen=True, eq=False)
class WeekStack:
    """One graph, week by week: what each stored tie weighs in each week.

    Parameters
    ----------
    structure
        Who is tied to whom in the whole window.
    weeks
        Weight of each stored tie by week, ``(nnz, W)`` sparse, at least 0, above 0 in some week.
    """

    structure: Structure
    weeks: Weeks

    def measured(self, batch: Floats) -> dict[str, Lanes]:
        """Return strength, PageRank and constraint when each week counts so much, a :data:`Measured`.

        Parameters
        ----------
        batch
            Weight of each week in each replicate, ``(W, LANES)``, at least 0.

        Returns
        -------
        dict
            Name of the measure → ``(n, LANES)``.
        """
        weight, contact = np.asarray(self.weeks @ batch), np.asarray(self.contact @ batch)
        return {
            "strength": strength(self.structure, weight),
            "pagerank": pagerank(self.structure, weight),
            "constraint": constraint(self.structure, contact),
        }

    @cached_property
    def contact(self) -> Weeks:
        """Contact of each pair in both directions by week, in the order of :attr:`ona.graph.Structure.forward`."""
        either = self.structure.either
        position = either.structure.forward.position
        forth, back = either.forth[position], either.back[position]
        if not self.structure.directed:
            return self.weeks[forth]
        held = self.weeks
        parts = (held.data, held.indices, np.append(held.indptr, held.indptr[-1]))
        padded = csr_array(parts, shape=(held.shape[0] + 1, held.shape[1]))  # position -1, an absent direction, reads the empty row
        return (padded[forth] + padded[back]).tocsr()


def reweighted(measured: Measured, weights: Floats, *, threads: int = 1) -> dict[str, Floats]:
    """Measure under many weightings of the weeks.

    Parameters
    ----------
    measured
        What to measure, for example :meth:`WeekStack.measured`.
    weights
        Weight of each week in each replicate, ``(B, W)``, positive.
    threads
        How many batches of replicates are worked on at a time; the numbers do not depend on it.

    Returns
    -------
    dict
        Shape ``(B, n)`` by name.
    """
    batches = list(batched(weights))
    first = measured(batches[0])  # before several threads would derive what all batches share
    with ThreadPoolExecutor(threads) as pool:
        found = [first, *pool.map(measured, batches[1:])]
    return {name: np.concatenate([one[name].T for one in found])[: len(weights)] for name in first}


def strength(structure: Structure, weight: Lanes) -> Lanes:
    """Return the weight of the ties that start at each person, ``(n, LANES)``, from the weight of each stored tie, ``(nnz, LANES)``."""
    return sent(structure.indptr, weight)


def pagerank(structure: Structure, weight: Lanes) -> Lanes:
    """Return the PageRank of each person, ``(n, LANES)``, each column a share that sums to 1, from the weight of each stored tie.

    Notes
    -----
    Damping ``DAMPING``; people without outgoing ties give to everybody alike. Stops when no column changes by ``TOLERANCE`` in sum.

    References
    ----------
    Brin & Page (1998), doi:10.1016/S0169-7552(98)00110-X
    """
    return walk((structure.indptr, structure.indices), weight, DAMPING, TOLERANCE)


def constraint(structure: Structure, contact: Lanes) -> Lanes:
    """Return Burt's constraint of each person, from the contact of each pair in the order of ``forward``; NaN for isolates."""
    pairs = structure.either.structure
    forward = pairs.forward
    strengths = sent(forward.indptr, contact) + received(forward.indptr, forward.indices, contact)
    per_unit = np.divide(1.0, strengths, out=np.zeros_like(strengths), where=strengths > 0)
    ties = np.zeros((len(contact), 2, LANES))
    ties[:, 0] = contact
    for batch in triangles(pairs):
        add_paths(batch, forward.sources, forward.indices, per_unit, ties)
    total = np.zeros_like(strengths)
    add_squares(forward.sources, forward.indices, per_unit, ties, total)
    result = np.empty_like(total)
    result[forward.order] = np.where(total > 0, total, np.nan)
    return result
