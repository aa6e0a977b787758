"""Leiden: groups of largest modularity in an undirected network, every one of them connected."""

import numpy as np
import numpy.typing as npt
from numba import float64, int32, int64, uint64, void

from ona.compiled import CODES, READ_CODES, READ_FLOATS, Codes, Floats, Ints, kernel, tuple_of

Net = tuple[Codes, Codes, Floats, Floats]
"""Offsets and ends of the ties of each person, each tie in both orders, their weights, and the strength of each person.

A group that became one person keeps its inner weight, in both orders, as a tie with itself.
"""

State = npt.NDArray[np.uint64]  # one number

READ_NET = tuple_of(READ_CODES, READ_CODES, READ_FLOATS, READ_FLOATS)

RANDOMNESS = 0.01
"""How readily a person joins a group other than the best while groups are refined, in mean weights of a tie (theta of the source)."""

ROUNDING = 1e-10
"""Gain, in strengths of the person who would move, up to which another group is as good as the own one."""

MAX_ROUNDS = 100


def leiden(ties: tuple[Codes, Codes, Floats], resolution: float, *, seed: int, rounds: int = MAX_ROUNDS) -> Ints:
    """Return the group of each person: people move until nobody gains, groups are cut into connected parts, parts move on as one.

    Parameters
    ----------
    ties
        Offsets, ends and weights > 0 of an undirected network in CSR form, each tie in both orders, no loops.
    resolution
        1 = modularity; more gives more groups.
    seed
        Of the order in which people are visited and of the choices while refining.
    rounds
        At most so many; a round without a move is the last one.

    Returns
    -------
    Ints
        ``(n,)``, from 0 without gaps.

    References
    ----------
    Traag, Waltman & van Eck (2019), doi:10.1038/s41598-019-41695-z
    """
    indptr, indices, weight = ties
    n = len(indptr) - 1
    group = np.arange(n, dtype=np.int32)
    if not len(indices):
        return group.astype(np.int64)
    weight = weight / weight.mean()
    net = (indptr, indices, weight, strengths(indptr, weight))
    state = np.array([seed], dtype=np.uint64)
    for _ in range(rounds):
        moved, group = _round(net, group, resolution / float(weight.sum()), state)
        if not moved:
            break
    return group.astype(np.int64)


def _round(net: Net, group: Codes, rate: float, state: State) -> tuple[int, Codes]:
    """Move, refine and put together until nothing can be put together; return how often somebody moved, and the groups."""
    place, moved = np.arange(len(group), dtype=np.int32), 0
    while True:
        moved += move(net, group, rate, state)
        parts = renumbered(refine(net, group, rate, state))
        number = int(parts.max()) + 1
        if number == len(group):
            return moved, renumbered(group)[place]
        place, own = parts[place], np.empty(number, dtype=np.int32)
        own[parts] = renumbered(group)
        net, group = put_together(net, parts, number), own


@kernel(float64[::1](READ_CODES, READ_FLOATS))
def strengths(indptr: Codes, weight: Floats) -> Floats:
    """Sum the weights of each person, ``(n,)``."""
    total = np.zeros(len(indptr) - 1)
    for i in range(len(total)):
        for a in range(indptr[i], indptr[i + 1]):
            total[i] += weight[a]
    return total


@kernel(int32[::1](READ_CODES))
def renumbered(group: Codes) -> Codes:
    """Give groups numbers from 0 without gaps, in the order of their first members."""
    name, result, count = np.full(len(group), -1, dtype=np.int32), np.empty(len(group), dtype=np.int32), 0
    for i in range(len(group)):
        if name[group[i]] < 0:
            name[group[i]] = count
            count += 1
        result[i] = name[group[i]]
    return result


@kernel(uint64(uint64[::1]))
def _drawn(state: State) -> np.uint64:
    """Return 64 random bits (splitmix64: Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z: np.uint64 = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel(int32[::1](int64, uint64[::1]))
def _shuffled(n: int, state: State) -> Codes:
    order = np.empty(n, dtype=np.int32)
    for k in range(n):
        order[k] = k
    for k in range(n - 1, 0, -1):
        other = np.int64(_drawn(state) % np.uint64(k + 1))
        order[k], order[other] = order[other], order[k]
    return order


@kernel(int64(READ_NET, int64, READ_CODES, float64[::1], CODES))
def _near(net: Net, i: int, group: Codes, near: Floats, met: Codes) -> int:
    """Add up in ``near`` the weight of a person toward each group, but for the person; list the groups in ``met``, return how many."""
    indptr, indices, weight, _ = net
    count = 0
    for a in range(indptr[i], indptr[i + 1]):
        if indices[a] != i:
            g = group[indices[a]]
            if near[g] == 0:
                met[count] = g
                count += 1
            near[g] += weight[a]
    return count


@kernel(int64(tuple_of(float64, float64), int64, float64[::1], float64[::1], READ_CODES))
def _best(who: tuple[float, float], own: int, near: Floats, held: Floats, met: Codes) -> int:
    """Return the group that a person gains most from, the own one unless another is better, -1 for none.

    ``who`` is the person's strength and what a unit of strength in a group costs.
    """
    strength, cost = who
    best, gain = own, near[own] - cost * held[own]
    if gain < -ROUNDING * strength:
        best, gain = -1, 0.0
    for g in met:
        value = near[g] - cost * held[g]
        if value > gain + ROUNDING * strength:
            best, gain = g, value
    return best


@kernel(void(float64[::1], READ_CODES))
def _forget(near: Floats, met: Codes) -> None:
    for g in met:
        near[g] = 0.0


@kernel(int64(READ_CODES, CODES))
def _list_empty(size: Codes, free: Codes) -> int:
    """List the groups of nobody in ``free``; return how many."""
    count = 0
    for g in range(len(size)):
        if size[g] == 0:
            free[count] = g
            count += 1
    return count


@kernel(int64(READ_NET, CODES, float64, uint64[::1]))
def move(net: Net, group: Codes, rate: float, state: State) -> int:
    """Let people change to the group that they gain most from until nobody gains, in place; return how many moves there were.

    Whoever's contact moves elsewhere is visited again. ``rate`` is the resolution over the total strength.
    """
    indptr, indices, _, strength = net
    n = len(strength)
    held, size, near, met = np.zeros(n), np.zeros(n, dtype=np.int32), np.zeros(n), np.empty(n, dtype=np.int32)
    for i in range(n):
        held[group[i]] += strength[i]
        size[group[i]] += 1
    free, moves = np.empty(n, dtype=np.int32), 0
    n_free = _list_empty(size, free)
    queue, waits = _shuffled(n, state), np.ones(n, dtype=np.uint8)
    first, waiting = 0, n
    while waiting:
        i = queue[first]
        first, waiting, waits[i] = (first + 1) % n, waiting - 1, 0
        own = group[i]
        held[own] -= strength[i]
        count = _near(net, i, group, near, met)
        best = _best((strength[i], rate * strength[i]), own, near, held, met[:count])
        _forget(near, met[:count])
        if best < 0:
            best = own if size[own] == 1 else free[n_free - 1]
        held[best] += strength[i]
        if best == own:
            continue
        moves += 1
        group[i] = best
        n_free -= size[best] == 0
        size[best] += 1
        size[own] -= 1
        if size[own] == 0:
            held[own], free[n_free] = 0.0, own
            n_free += 1
        for a in range(indptr[i], indptr[i + 1]):
            j = indices[a]
            if group[j] != best and not waits[j]:
                queue[(first + waiting) % n] = j
                waiting += 1
                waits[j] = 1
    return moves


@kernel(float64[::1](READ_NET, READ_CODES))
def _inside(net: Net, group: Codes) -> Floats:
    """Sum the weight of each person toward others of the own group, ``(n,)``."""
    indptr, indices, weight, strength = net
    total = np.zeros(len(strength))
    for i in range(len(total)):
        for a in range(indptr[i], indptr[i + 1]):
            if indices[a] != i and group[indices[a]] == group[i]:
                total[i] += weight[a]
    return total


@kernel(int64(float64[::1], READ_CODES, uint64[::1]))
def _chosen(gain: Floats, met: Codes, state: State) -> int:
    """Draw one of the groups, the more probably the more is gained, or none, -1, which gains nothing."""
    most = 0.0
    for g in met:
        most = max(most, gain[g])
    total = np.exp(-most / RANDOMNESS)
    left = total
    for g in met:
        if gain[g] >= 0:
            total += np.exp((gain[g] - most) / RANDOMNESS)
    left -= total * (np.float64(_drawn(state) >> np.uint64(11)) / 2.0**53)
    best = -1
    for g in met:
        if left >= 0:
            break
        if gain[g] >= 0:
            best = g
            left += np.exp((gain[g] - most) / RANDOMNESS)
    return best


@kernel(int32[::1](READ_NET, READ_CODES, float64, uint64[::1]))
def refine(net: Net, group: Codes, rate: float, state: State) -> Codes:
    """Cut groups into parts, each connected: people who are alone join a part of their group, where both hold to the group well."""
    strength = net[3]
    n = len(strength)
    part, held, alone, total = np.arange(n).astype(np.int32), strength.copy(), np.ones(n, dtype=np.uint8), np.zeros(n)
    for i in range(n):
        total[group[i]] += strength[i]
    rest, near, met = _inside(net, group), np.zeros(n), np.empty(n, dtype=np.int32)
    for i in _shuffled(n, state):
        whole = total[group[i]]
        if not alone[i] or rest[i] < rate * strength[i] * (whole - strength[i]):
            continue
        count = _near(net, i, part, near, met)
        for g in met[:count]:  # parts have the numbers of their first member
            there = group[g] == group[i] and rest[g] >= rate * held[g] * (whole - held[g])
            near[g] = near[g] - rate * strength[i] * held[g] if there else -1.0
        best = _chosen(near, met[:count], state)
        if best >= 0:
            weight = near[best] + rate * strength[i] * held[best]
            part[i], alone[i], alone[best] = best, 0, 0
            rest[best] += rest[i] - 2 * weight
            held[best] += strength[i]
        _forget(near, met[:count])
    return part


@kernel(void(CODES))
def _accumulate(counts: Codes) -> None:
    for k in range(1, len(counts)):  # numpy's function takes seconds to compile
        counts[k] += counts[k - 1]


@kernel(tuple_of(int32[::1], int32[::1], float64[::1], float64[::1])(READ_NET, READ_CODES, int64))
def put_together(net: Net, part: Codes, number: int) -> Net:
    """Make one person of each part."""
    indptr, indices, weight, strength = net
    start, order = np.zeros(number + 1, dtype=np.int32), np.empty(len(part), dtype=np.int32)
    held, near = np.zeros(number), np.zeros(number)
    for i in range(len(part)):
        start[part[i] + 1] += 1
        held[part[i]] += strength[i]
    _accumulate(start)
    following = start.copy()
    for i in range(len(part)):
        order[following[part[i]]] = i
        following[part[i]] += 1
    ends, amounts, count = np.empty(len(indices), dtype=np.int32), np.empty(len(indices)), 0
    for p in range(number):
        first = count
        for i in order[start[p] : start[p + 1]]:
            for a in range(indptr[i], indptr[i + 1]):
                g = part[indices[a]]
                if near[g] == 0:
                    ends[count] = g
                    count += 1
                near[g] += weight[a]
        start[p] = first
        for k in range(first, count):
            amounts[k] = near[ends[k]]
            near[ends[k]] = 0.0
    start[number] = count
    return start, ends[:count].copy(), amounts[:count].copy(), held
