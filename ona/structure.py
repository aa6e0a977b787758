"""Who is tied to whom, without weights: made once and shared by every graph that differs in nothing but weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

T = TypeVar("T", bound=np.generic)
Derived = TypeVar("Derived")

Codes = NDArray[np.int32]
Positions = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forward:
    """Undirected ties, each once, from the person with fewer alters to the one with more: triangles are listed on it."""

    order: Positions  # person of each row
    indptr: Codes
    sources: Codes
    indices: Codes
    position: Positions  # of each tie in the undirected adjacency


@dataclass(frozen=True, eq=False)
class Structure:
    """Who is tied to whom, without weights; graphs that differ in nothing but weights share one."""

    indptr: Codes  # rows of the adjacency in CSR form
    indices: Codes  # sorted in each row
    directed: bool  # whether i -> j may exist without j -> i

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.indptr) - 1

    @cached_property
    def sources(self) -> Codes:
        """Row of each stored tie, ``(nnz,)``."""
        return frozen(np.repeat(np.arange(self.n, dtype=np.int32), np.diff(self.indptr)))

    @cached_property
    def reverse(self) -> Positions:
        """Stored positions sorted by column, then row: of a symmetric structure the position of j -> i, ``(nnz,)``."""
        return frozen(self._numbered().T.tocsr().data - 1)

    @cached_property
    def incoming(self) -> tuple[Codes, Codes]:
        """Rows of the ties toward each person in CSR form: offsets ``(n + 1,)`` and who they come from ``(nnz,)``."""
        if not self.directed:
            return self.indptr, self.indices
        counts = np.bincount(self.indices, minlength=self.n)
        return frozen(np.append(0, np.cumsum(counts)).astype(np.int32)), frozen(self.sources[self.reverse])

    @cached_property
    def either(self) -> "Either":
        """Ties in either direction, and where each direction is stored."""
        if not self.directed:
            here = frozen(np.arange(len(self.indices), dtype=np.int64))
            return Either(self, here, self.reverse)
        numbered = self._numbered().astype(np.complex128)
        # The real part numbers the ties i -> j, the imaginary part j -> i; neither can cancel the other.
        both = (numbered + 1j * numbered.T).tocsr()
        both.sort_indices()
        structure = Structure(frozen(both.indptr.astype(np.int32)), frozen(both.indices.astype(np.int32)), directed=False)
        return Either(structure, frozen(both.data.real.astype(np.int64) - 1), frozen(both.data.imag.astype(np.int64) - 1))

    @cached_property
    def forward(self) -> Forward:
        """Ties of an undirected structure in the order of the triangle listing (Latapy 2008, doi:10.1016/j.tcs.2008.07.017)."""
        order = np.lexsort((np.arange(self.n), np.diff(self.indptr)))
        rank = np.empty(self.n, dtype=np.int32)
        rank[order] = np.arange(self.n, dtype=np.int32)
        source, target = rank[self.sources], rank[self.indices]
        position = np.flatnonzero(source < target)
        rows = coo_array((position, (source[position], target[position])), shape=(self.n, self.n)).tocsr()
        rows.sort_indices()
        return Forward(
            order=frozen(order),
            indptr=frozen(rows.indptr.astype(np.int32)),
            sources=frozen(np.repeat(np.arange(self.n, dtype=np.int32), np.diff(rows.indptr))),
            indices=frozen(rows.indices.astype(np.int32)),
            position=frozen(rows.data),
        )

    def derived(self, name: str, compute: Callable[["Structure"], Derived]) -> Derived:
        """Return what a metric computes from the structure alone, once for all graphs that share it."""
        if name not in self.__dict__:
            self.__dict__[name] = compute(self)
        result: Derived = self.__dict__[name]
        return result

    def _numbered(self) -> csr_array:
        numbers = np.arange(1, len(self.indices) + 1, dtype=np.int64)
        return csr_array((numbers, self.indices, self.indptr), shape=(self.n, self.n))


@dataclass(frozen=True, eq=False)
class Either:
    """An undirected structure and, of each of its ties, the stored position of i -> j and of j -> i; -1 where absent."""

    structure: Structure
    forth: Positions
    back: Positions


def frozen(array: NDArray[T]) -> NDArray[T]:
    """Make an array read-only and return it."""
    array.flags.writeable = False
    return array
