"""What follows by subtraction from published sets of people: exact linear algebra over who is in which of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from ona.errors import TooLargeError

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PRIMES = (2_147_483_647, 2_147_483_629, 2_147_483_587, 2_147_483_579)
"""Products of two residues stay below 2**62. The first finds candidates, all of them confirm: an accident has odds of 1 in 2**93."""

MOST_SUBSETS = 5_000_000
"""Subsets of one component that the audit will look at before it gives up with an error."""


def exposed(published: sp.csr_array, minimum: int) -> list[frozenset[int]]:
    """Find the sets of fewer than ``minimum`` people whose sum follows from published sums.

    Parameters
    ----------
    published
        Who is in which published set, ``(sets, people)``, entries 0 or 1: all filters, pages and periods that one reader
        can fetch.
    minimum
        Fewest people that a derivable set may have.

    Returns
    -------
    list of frozenset
        People (column indices) of each smallest exposed set, sorted; empty when nothing follows.

    Raises
    ------
    TooLargeError
        The smallest sets of one component are too many to look at.

    Notes
    -----
    A sum follows when the set's 0/1 vector lies in the row space of the published sets over the rationals. Such a vector is
    constant on *atoms*, people who are in the same sets, so unions of small atoms are all that matters: the matrix of atoms
    is row-reduced modulo a prime, each small atom leaves a residue, and subsets whose residues add up to nothing are found
    by one random linear functional and confirmed modulo further primes. Cost is O(sets² · atoms). Where the sets are nested, as
    teams in departments in a company are, what follows are the rests of each set beside those inside it, and the cost is
    O(entries).
    """
    if (innermost := _innermost(published)) is not None:
        return _small_rests(innermost, minimum)
    atoms, sizes = _atoms(published)
    reduced = _Reduced.of(atoms, PRIMES[0])
    functional = reduced.functional
    small = np.flatnonzero((sizes > 0) & (sizes < minimum) & (atoms.sum(axis=0) > 0))
    parts = reduced.components(small)
    candidates = [one for part in parts for one in _vanishing(part, functional[part], sizes[part], minimum)]
    others = [_Reduced.of(atoms, prime) for prime in PRIMES[1:]] if candidates else []
    found = [one for one in candidates if all(other.derives(one) for other in others)]
    smallest = [one for one in found if not any(set(other) < set(one) for other in found)]
    code = _codes(published)
    return sorted((frozenset(np.flatnonzero(np.isin(code, one)).tolist()) for one in smallest), key=sorted)


def too_near(asked: sp.csr_array, answered: sp.csr_array, minimum: int) -> Flags:
    """Say which sets differ from one that was answered before by somebody, but by fewer than ``minimum`` people.

    Parameters
    ----------
    asked, answered
        Who is in which set, ``(sets, people)``, entries 0 or 1.
    minimum
        Fewest people by whom two sets may differ; nobody is no difference.

    Returns
    -------
    ndarray
        ``(sets,)`` of ``asked``.
    """
    sizes, former = np.diff(asked.indptr), np.diff(answered.indptr)
    apart = sizes[:, None] + former[None, :] - 2 * (asked @ answered.T).toarray()
    near: Flags = ((apart > 0) & (apart < minimum)).any(axis=1)
    return near


def beside(asked: sp.csr_array, answered: sp.csr_array, minimum: int) -> Flags:
    """Choose the sets that wait, so that nothing of few people follows from the others and the answered ones together.

    Parameters
    ----------
    asked, answered, minimum
        As in :func:`too_near`.

    Returns
    -------
    ndarray
        ``(sets,)`` of ``asked``, true where it has to wait.

    Raises
    ------
    TooLargeError
        As in :func:`exposed`.

    Notes
    -----
    Of the sets that a sum of few people is made of the smallest waits, whether those people are in it or not: the rest of a former
    department beside its teams of now. It waits for every such sum at once, until nothing follows. What follows from the answered
    sets alone was told, and nothing here takes it back.
    """
    sizes, waits = np.diff(asked.indptr), np.zeros(asked.shape[0], dtype=np.bool_)
    largest_first = np.lexsort((np.arange(sizes.size), -sizes))
    while True:
        kept = largest_first[~waits[largest_first]]
        every = sp.csr_array(sp.vstack([answered, asked[kept]]))
        last = _last_needed(every, exposed(every, minimum)) - answered.shape[0]
        if not (last >= 0).any():
            return waits
        waits[kept[last[last >= 0]]] = True


def settled(published: sp.csr_array, hidden: Flags) -> Ints:
    """Return the hidden cells of a table whose figure follows from published sums of cells.

    Parameters
    ----------
    published
        Which cells each published sum is of, ``(sums, cells)``, entries 0 or 1; a shown cell is a sum of itself alone.
    hidden
        Which cells are not shown, ``(cells,)``.

    Returns
    -------
    ndarray
        Indices, ascending.
    """
    unknown = np.flatnonzero(hidden)
    rows = published.tocsc()[:, unknown].toarray().astype(np.int64)
    every = [_Reduced.of(rows, prime) for prime in PRIMES]
    return unknown[[all(one.derives([cell]) for one in every) for cell in range(unknown.size)]]


def _last_needed(published: sp.csr_array, sums: Sequence[frozenset[int]]) -> Ints:
    """Return for each of these sums the last set that it is made of, where earlier sets are taken first."""
    if not sums:
        return np.empty(0, dtype=np.int64)
    _, first = np.unique(_codes(published), return_index=True)
    wanted = [np.isin(first, list(people)) for people in sums]
    columns = np.vstack([published.tocsc()[:, first].toarray(), *wanted]).T.astype(np.int64)
    reduced = _Reduced.of(columns, PRIMES[0])  # its pivots are the first sets that do not follow from those before them
    used = reduced.rows[:, published.shape[0] :] != 0
    found: Ints = np.where(used, reduced.pivots[:, None], -1).max(axis=0)
    return found


def _innermost(published: sp.csr_array) -> Ints | None:
    """Return the smallest set around each person, -1 where there is none; None when two sets cross."""
    sizes = np.diff(published.indptr)
    columns = published.tocsc()
    above = np.full(published.shape[0], -2, dtype=np.int64)  # next larger set around all members of each; -1 = none, -2 = not seen yet
    found = np.full(published.shape[1], -1, dtype=np.int64)
    for person in range(published.shape[1]):
        around = columns.indices[columns.indptr[person] : columns.indptr[person + 1]]
        chain = around[np.lexsort((around, sizes[around]))]
        if not chain.size:
            continue
        found[person] = chain[0]
        larger = np.append(chain[1:], -1)
        if ((above[chain] != larger) & (above[chain] != -2)).any():
            return None
        above[chain] = larger
    return found


def _small_rests(innermost: Ints, minimum: int) -> list[frozenset[int]]:
    codes, counts = np.unique(innermost[innermost >= 0], return_counts=True)
    small = codes[counts < minimum]
    return sorted((frozenset(np.flatnonzero(innermost == code).tolist()) for code in small), key=sorted)


def _codes(published: sp.csr_array) -> Ints:
    """Return the number of each person's atom: people with equal columns share one."""
    rows = published.tocsc()
    columns = [rows.indices[rows.indptr[i] : rows.indptr[i + 1]] for i in range(rows.shape[1])]
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(np.sort(column).tobytes(), len(known)) for column in columns], dtype=np.int64)


def _atoms(published: sp.csr_array) -> tuple[Ints, Ints]:
    """Return the dense matrix of sets by atoms and the number of people of each atom."""
    code = _codes(published)
    _, first, sizes = np.unique(code, return_index=True, return_counts=True)
    return published.tocsc()[:, first].toarray().astype(np.int64), sizes.astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Reduced:
    """A matrix in reduced row echelon form modulo a prime."""

    rows: Ints  # (rank, atoms)
    pivots: Ints  # (rank,) column of each row's leading 1
    prime: int

    @classmethod
    def of(cls, matrix: Ints, prime: int) -> "_Reduced":
        left = matrix % prime
        rank, pivots = 0, []
        for column in range(left.shape[1]):
            below = np.flatnonzero(left[rank:, column])
            if not below.size:
                continue
            left[[rank, rank + below[0]]] = left[[rank + below[0], rank]]
            left[rank] = left[rank] * pow(int(left[rank, column]), -1, prime) % prime
            factors = left[:, column].copy()
            factors[rank] = 0
            touched = np.flatnonzero(factors)
            left[touched] = (left[touched] - factors[touched, None] * left[rank] % prime) % prime
            pivots.append(column)
            rank += 1
            if rank == left.shape[0]:
                break
        return cls(left[:rank], np.array(pivots, dtype=np.int64), prime)

    @property
    def free(self) -> Ints:
        """Columns without a pivot."""
        return np.setdiff1d(np.arange(self.rows.shape[1]), self.pivots)

    @property
    def functional(self) -> Ints:
        """One random linear functional of each atom's residue, ``(atoms,)``; zero sums of residues have zero sums here."""
        result: Ints = np.random.default_rng(0).integers(1, self.prime, size=(self.rows.shape[1],))
        products = self.rows[:, self.free] * result[self.free] % self.prime
        result[self.pivots] = -products.sum(axis=1) % self.prime
        return result

    def components(self, small: Ints) -> list[Ints]:
        """Split the small atoms so that no vanishing sum needs atoms of two parts."""
        rows, columns = np.nonzero(self.rows)
        rank, width = self.rows.shape
        links = sp.coo_array((np.ones(rows.size), (rows, columns + rank)), shape=(rank + width, rank + width))
        part = connected_components(links, directed=False)[1][rank:][small]
        return [small[part == one] for one in np.unique(part)]

    def derives(self, atoms: Sequence[int]) -> bool:
        """Whether the union of these atoms lies in the row space."""
        wanted = np.zeros(self.rows.shape[1], dtype=np.int64)
        wanted[list(atoms)] = 1
        rest = wanted - (self.rows * wanted[self.pivots][:, None] % self.prime).sum(axis=0)
        return not (rest % self.prime).any()


def _vanishing(atoms: Ints, values: Ints, sizes: Ints, minimum: int) -> list[tuple[int, ...]]:
    """Return the unions of atoms of together fewer than ``minimum`` people whose values add up to zero modulo the first prime."""
    most = minimum - 1
    sums: dict[int, list[tuple[int, ...]]] = {}
    for half in _subsets(sizes, most - most // 2, most):
        sums.setdefault(int(values[list(half)].sum() % PRIMES[0]), []).append(half)
    joint = {
        tuple(sorted({*one, *other}))
        for total, some in sums.items()
        for one in some
        for other in sums.get(-total % PRIMES[0], [])
        if not set(one) & set(other)
    }
    return [tuple(atoms[list(one)].tolist()) for one in sorted(joint) if one and sizes[list(one)].sum() <= most]


def _subsets(sizes: Ints, count: int, most: int) -> list[tuple[int, ...]]:
    """Return all sets of at most ``count`` atoms and at most ``most`` people, the empty one included."""
    found: list[tuple[int, ...]] = [()]
    for many in range(1, count + 1):
        if comb(sizes.size, many) > MOST_SUBSETS:
            raise TooLargeError(
                f"The disclosure audit met {sizes.size:,} groups of very few people that hang together, which is more than it can combine. "
                "Publish fewer crossed filters, or larger groups."
            )
        found += [one for one in combinations(range(sizes.size), many) if sizes[list(one)].sum() <= most]
    return found
