"""What may be shown of groups without showing a person: primary and complementary suppression, and the audit that checks both.

A *cell* is a published set of people with a figure; a *relation* says that one cell is the sum of others (a department and its
teams, a table's margin and its row). Nothing here knows a viewer: :mod:`pipelines.access` decides who asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ona.subtraction import exposed

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DOMINANT_ONE, DOMINANT_TWO = 0.50, 0.75


class Hidden(IntEnum):
    """Why a cell is not shown; 0 means shown."""

    SHOWN = 0
    TOO_FEW = 1
    DOMINATED = 2
    SAME_BAND = 3
    SUBTRACTION = 4
    OVERLAP = 5


@dataclass(frozen=True)
class Relation:
    """One cell that is the sum of others.

    Parameters
    ----------
    whole
        Index of the cell that holds the sum.
    parts
        Indices of the cells that add up to it, without overlap.
    """

    whole: int
    parts: tuple[int, ...]


def primary(members: sp.csr_array, values: Floats, minimum: int, *, bands: Ints | None = None) -> Ints:
    """Say which cells give away a person on their own.

    Parameters
    ----------
    members
        Who is in which cell, ``(cells, people)``, entries 0 or 1.
    values
        What each person adds to a cell's figure, ``(people,)``, not negative; NaN counts as nothing.
    minimum
        Fewest people of a shown cell, the viewer not among them.
    bands
        Band of each person, ``(people,)``; a cell whose members all share one tells everybody's.

    Returns
    -------
    ndarray
        A :class:`Hidden` per cell.

    Notes
    -----
    A cell is dominated when one person gives more than half of it or two more than three quarters, for then the second
    can tell the first within a band.
    """
    cells = members.shape[0]
    sizes = np.diff(members.indptr)
    reasons = np.zeros(cells, dtype=np.int64)
    known = np.nan_to_num(values)
    for cell in range(cells):
        rows = members.indices[members.indptr[cell] : members.indptr[cell + 1]]
        if sizes[cell] < minimum:
            reasons[cell] = Hidden.TOO_FEW
        elif _dominated(known[rows]):
            reasons[cell] = Hidden.DOMINATED
        elif bands is not None and np.unique(bands[rows]).size == 1:
            reasons[cell] = Hidden.SAME_BAND
    return reasons


def _dominated(values: Floats) -> bool:
    top, total = np.sort(values)[::-1][:2].cumsum(), values.sum()
    return bool(total > 0 and (top[0] > DOMINANT_ONE * total or top[-1] > DOMINANT_TWO * total))


def complementary(reasons: Ints, members: sp.csr_array, relations: Sequence[Relation], minimum: int) -> Ints:
    """Hide more cells until no sum relation gives a hidden one back.

    Where the sum is shown, its hidden parts are none, or at least two of together at least ``minimum`` people; the smallest
    shown part goes first, and where that does not help the sum goes as well.

    Parameters
    ----------
    reasons
        Outcome of :func:`primary`, ``(cells,)``.
    members
        Who is in which cell, ``(cells, people)``.
    relations
        Every sum that a reader can form.
    minimum
        Fewest people that a difference may stand for.

    Returns
    -------
    ndarray
        A :class:`Hidden` per cell; never fewer hidden than before.
    """
    sizes, found = np.diff(members.indptr), reasons.copy()
    changed = True
    while changed:
        changed = False
        for relation in relations:
            cell = _next_to_hide(found, sizes, relation, minimum)
            if cell is not None:
                found[cell], changed = Hidden.SUBTRACTION, True
    return found


def _next_to_hide(reasons: Ints, sizes: Ints, relation: Relation, minimum: int) -> int | None:
    """Return the cell that has to go next so that the relation tells nothing, None when it is safe."""
    parts = np.array(relation.parts, dtype=np.int64)
    lost = parts[reasons[parts] > 0]
    if reasons[relation.whole] or not lost.size or (lost.size >= 2 and sizes[lost].sum() >= minimum):
        return None
    shown = parts[reasons[parts] == 0]
    if not shown.size:
        return relation.whole
    return int(shown[np.lexsort((shown, sizes[shown]))[0]])


def protected(members: sp.csr_array, reasons: Ints, relations: Sequence[Relation], minimum: int) -> Ints:
    """Hide cells until the exact audit finds nothing.

    Parameters
    ----------
    members, reasons, relations, minimum
        As in :func:`complementary`.

    Returns
    -------
    ndarray
        A :class:`Hidden` per cell, for which :func:`ona.subtraction.exposed` of the shown cells is empty.

    Raises
    ------
    TooLargeError
        As in :func:`ona.subtraction.exposed`.
    """
    sizes, found = np.diff(members.indptr), complementary(reasons, members, relations, minimum)
    while True:
        shown = np.flatnonzero(found == 0)
        leaks = exposed(members[shown], minimum)
        if not leaks:
            return found
        near = np.unique(np.concatenate([members[shown][:, sorted(leak)].nonzero()[0] for leak in leaks]))
        cells = shown[near]
        found[cells[np.lexsort((cells, sizes[cells]))[0]]] = Hidden.SUBTRACTION
        found = complementary(found, members, relations, minimum)
