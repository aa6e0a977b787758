"""The reporting tree: faults that are not believed, depth, and departments cut from it (methods A.13). Pure."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]

NOBODY = -1
"""No manager, no department."""

LARGEST_SHARE = 0.25
SMALLEST_SHARE = 0.08
SMALLEST_UNIT = 5
"""A department holds 8 to 25 % of the people, and never fewer than five (methods A.13)."""


@dataclass(frozen=True)
class Tree:
    """Managers that can be believed."""

    parent: Longs  # (n,) index of the manager, NOBODY for none
    faults: dict[str, Longs]  # code → indices of people whose manager was not believed
    level: Longs  # (n,) 1 = top, 0 = unknown


def tree_of(person: Longs, manager: Longs) -> Tree:
    """Return the tree behind manager ids (NOBODY for none); whoever has an impossible manager gets none.

    A single person who is their own manager is the top; several, a loop, or a manager who is not in the list are faults.
    """
    order = np.argsort(person)
    place = np.clip(np.searchsorted(person, manager, sorter=order), 0, max(len(person) - 1, 0))
    parent = order[place] if len(person) else np.empty(0, np.int64)
    found = person[parent] == manager if len(person) else np.empty(0, np.bool_)
    orphan = (manager != NOBODY) & ~found
    own = found & (manager == person)
    parent = np.where(found & ~own, parent, NOBODY)
    loop = _on_a_loop(parent)
    parent = np.where(loop, NOBODY, parent)
    several = own & (own.sum() > 1)
    faults = {"orphan": orphan, "own_manager": several, "loop": loop}
    return Tree(
        parent, {code: np.flatnonzero(mask) for code, mask in faults.items() if mask.any()}, _levels(parent, orphan | several | loop)
    )


def departments(parent: Longs) -> Longs:
    """Return a department code per person by cutting the tree, NOBODY for people in no tree of five.

    A subtree above 25 % of the people is split at its head: branches of at least 8 % become units of their own, the head keeps
    the others; where that leaves the head more than 25 %, branches of at least five leave too. Units below five go upward.
    """
    depth, _ = _climb(parent)
    order = np.argsort(depth, kind="stable")
    size = _sizes(parent, order)
    is_head = _heads(parent, order, size)
    unit = _units(parent, order, is_head)
    _merge_small(parent, unit, order[::-1])
    heads, codes = np.unique(unit, return_inverse=True)
    small = np.bincount(codes, minlength=len(heads)) < SMALLEST_UNIT
    ranks = np.where(small, NOBODY, np.cumsum(~small) - 1)
    return ranks[codes].astype(np.int64)


def _climb(parent: Longs) -> tuple[Longs, Longs]:
    """Return each person's distance to their root and the root, by doubling steps; a loop ends on one of its members."""
    here = np.arange(len(parent))
    up = np.where(parent == NOBODY, here, parent)
    steps = (up != here).astype(np.int64)
    for _ in range(max(len(parent), 1).bit_length()):
        steps, up = steps + steps[up], up[up]
    return steps, up


def _on_a_loop(parent: Longs) -> Masks:
    _, top = _climb(parent)
    mask = np.zeros(len(parent), np.bool_)
    mask[top[parent[top] != NOBODY]] = True
    return mask


def _levels(parent: Longs, faulty: Masks) -> Longs:
    depth, root = _climb(parent)
    has_reports = np.zeros(len(parent), np.bool_)
    has_reports[parent[parent != NOBODY]] = True
    return np.where(faulty[root] | ~has_reports[root], 0, depth + 1)


def _sizes(parent: Longs, order: Longs) -> Longs:
    size = np.ones(len(parent), np.int64)
    for child in order[::-1]:
        if parent[child] != NOBODY:
            size[parent[child]] += size[child]
    return size


def _heads(parent: Longs, order: Longs, size: Longs) -> Masks:
    """Return who heads a unit: roots, and branches of a head that is too large."""
    limit, floor = LARGEST_SHARE * len(parent), max(SMALLEST_SHARE * len(parent), SMALLEST_UNIT)
    is_root = parent == NOBODY
    splits = np.zeros(len(parent), np.bool_)
    for person in order:
        splits[person] = size[person] > limit and (is_root[person] or splits[parent[person]])
    above = np.where(is_root, 0, parent)
    branch = ~is_root & splits[above]
    heads = branch & (size >= floor)
    kept = size.copy()
    np.subtract.at(kept, parent[heads], size[heads])
    crowded = splits & (kept > limit)
    found: Masks = is_root | heads | (branch & crowded[above] & (size >= SMALLEST_UNIT))
    return found


def _units(parent: Longs, order: Longs, is_head: Masks) -> Longs:
    unit = np.arange(len(parent))
    for person in order:
        if not is_head[person]:
            unit[person] = unit[parent[person]]
    return unit


def _merge_small(parent: Longs, unit: Longs, deepest_first: Longs) -> None:
    """Move units below five people upward; what is left at a top joins its largest branch."""
    count = Counter(unit.tolist())
    target = {head: head for head in count}
    heads = [int(person) for person in deepest_first if unit[person] == person]
    for head in heads:
        if count[head] < SMALLEST_UNIT:
            above = NOBODY if parent[head] == NOBODY else _final(target, int(unit[parent[head]]))
            branches = [
                h for h in heads if target[h] == h and h != head and parent[h] != NOBODY and _final(target, int(unit[parent[h]])) == head
            ]
            other = above if above != NOBODY else max(branches, key=lambda h: (count[h], -h), default=head)
            if other != head:
                target[head] = other
                count[other] += count.pop(head)
    unit[:] = [_final(target, head) for head in unit.tolist()]


def _final(target: dict[int, int], head: int) -> int:
    while target[head] != head:
        head = target[head]
    return head
