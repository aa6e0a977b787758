"""Contact between groups, drawn only where enough distinct people stand at both ends and nobody carries most of it."""

from dataclasses import dataclass

import numpy as np

from ona.disclosure import DOMINANT_ONE, DOMINANT_TWO
from pipelines.access.readable import Bools, Floats, Ids

Edges = tuple[Ids, Ids, Floats]


@dataclass(frozen=True)
class Contact:
    """Ties between groups that may be drawn, as (lower place, higher place, weight), the strongest first."""

    ties: tuple[tuple[int, int, float], ...]


def contact_of(edges: Edges, place: Ids, groups: int, minimum: int) -> Contact:
    """Sum the ties between people into ties between their groups; ``place`` is each member's group, -1 for none."""
    source, target, weight = edges
    near, far = place[source], place[target]
    crossing = (near >= 0) & (far >= 0) & (near != far)
    source, target, weight = source[crossing], target[crossing], weight[crossing]
    lower = place[source] < place[target]
    ends = np.where(lower, source, target), np.where(lower, target, source)
    pair = place[ends[0]] * groups + place[ends[1]]
    pairs, at = np.unique(pair, return_inverse=True)
    total = np.bincount(at, weight, len(pairs))
    safe = np.ones(len(pairs), dtype=np.bool_)
    for end in ends:
        safe &= enough(at, end, weight, len(pairs), minimum)
    kept = np.flatnonzero(safe)
    kept = kept[np.lexsort((pairs[kept], -total[kept]))]
    return Contact(tuple((int(pairs[one] // groups), int(pairs[one] % groups), float(total[one])) for one in kept))


def enough(pair: Ids, person: Ids, weight: Floats, pairs: int, minimum: int) -> Bools:
    """Whether enough people stand at one end of each pair, none with more than half of it nor two with more than three quarters."""
    if not len(pair):
        return np.zeros(pairs, dtype=np.bool_)
    each, where = np.unique(np.stack([pair, person]), axis=1, return_inverse=True)
    carried = np.bincount(where.ravel(), weight, each.shape[1])
    order = np.lexsort((-carried, each[0]))
    groups, carried = each[0][order], carried[order]
    people = np.bincount(groups, minlength=pairs)
    total = np.bincount(groups, carried, pairs)
    first = np.minimum(np.searchsorted(groups, np.arange(pairs)), len(carried) - 1)
    alone = carried[first]
    both = alone + np.where(people > 1, carried[np.minimum(first + 1, len(carried) - 1)], 0.0)
    return np.asarray((people >= minimum) & (alone <= DOMINANT_ONE * total) & (both <= DOMINANT_TWO * total))
