"""Where marks lie on a map: strong ties short, the same map always the same, and from scan to scan as little moved as the ties allow."""

import hashlib
import json
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import igraph
import numpy as np
import numpy.typing as npt

MOST_KAMADA_KAWAI = 300
"""Marks up to which the slower, clearer layout is quick enough."""

WARM_ROUNDS, WARM_HEAT = 15, 0.01
"""Rounds of a large layout that starts from the scan before, and how far a mark may go in the first, as a share of the map's width."""

KEPT = 64
WIDTH, HEIGHT = 1000.0, 520.0
"""Extent of the positions; the browser scales them to its window."""

MARGIN = 0.08
"""How far, as a share of the extent, a mark that is new may lie outside the frame of the scan before."""

Points = npt.NDArray[np.float64]
Positions = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Plan:
    """What is laid out: marks with the group that they belong to, and weighted lines between them."""

    groups: Mapping[str, str]  # by id of the mark
    lines: Sequence[tuple[str, str, float]]

    def digest(self) -> str:
        """Tell apart what has to be laid out differently."""
        return hashlib.sha256(json.dumps([list(self.groups.items()), list(self.lines)]).encode()).hexdigest()


@dataclass(frozen=True)
class Layout:
    """Places before they are scaled to the frame of the map, so that the next scan can start from them."""

    places: Mapping[str, tuple[float, float]]
    low: tuple[float, float]
    span: tuple[float, float]

    def positions(self) -> Positions:
        """Places inside the map."""
        return {name: (self._scaled(x, 0, WIDTH), self._scaled(y, 1, HEIGHT)) for name, (x, y) in self.places.items()}

    def _scaled(self, value: float, axis: int, extent: float) -> float:
        share = (value - self.low[axis]) / self.span[axis] - 0.5
        return round(extent * min(0.5 + MARGIN, max(-0.5 - MARGIN, share)), 1)


@dataclass(frozen=True)
class Earlier:
    """Layout of the scan before, and what its marks were called there."""

    layout: Layout
    names: Mapping[str, str]  # id now → id then; marks that are new have none


class Layouts:
    """Layouts computed so far, so that one map is laid out once per scan."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: OrderedDict[Hashable, Layout] = OrderedDict()
        self._lock = Lock()

    def of(self, key: Hashable, plan: Plan, earlier: Callable[[], Earlier | None] = lambda: None) -> Layout:
        """Layout kept under a key, else a new one that starts from the scan before."""
        known = self._kept.get(key)
        if known is not None:
            return known  # dictionaries keep their order, so the oldest layout leaves first
        start = earlier()
        with self._lock:  # igraph's generator is shared, hence one layout at a time
            found = self._kept.setdefault(key, lay_out(plan, start))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found


def lay_out(plan: Plan, earlier: Earlier | None = None) -> Layout:
    """Place the marks; the same plan from the same start always gives the same places."""
    if not plan.groups:
        return Layout({}, (0.0, 0.0), (1.0, 1.0))
    kept = _kept(plan, earlier) if earlier else {}
    if earlier is None or len(kept) < 2:
        return _framed(plan, _drawn(plan, _start(plan), warm=False))
    known = np.array([at for at, name in enumerate(plan.groups) if name in kept])
    goal = np.array([kept[name] for name in plan.groups if name in kept])
    found = _turned(_drawn(plan, _carried(plan, kept), warm=True), known, goal)
    return Layout(_named(plan, found), earlier.layout.low, earlier.layout.span)


def _drawn(plan: Plan, start: Points, *, warm: bool) -> Points:
    place = {name: at for at, name in enumerate(plan.groups)}
    graph = igraph.Graph(len(place), [(place[a], place[b]) for a, b, _ in plan.lines])
    weight = np.array([weight for _, _, weight in plan.lines]) + 0.05
    igraph.set_random_number_generator(random.Random(0))
    if len(place) < MOST_KAMADA_KAWAI:
        rounds = {"maxiter": len(place)} if warm else {}  # each round moves one mark
        found = graph.layout_kamada_kawai(seed=start.tolist(), weights=(weight**-0.25).tolist() or None, **rounds)
    else:
        slow = {"niter": WARM_ROUNDS, "start_temp": WARM_HEAT * float(np.ptp(start, axis=0).max())} if warm else {}
        found = graph.layout_fruchterman_reingold(seed=start.tolist(), weights=weight.tolist() or None, grid=True, **slow)
    return np.array(found.coords)


def _start(plan: Plan) -> Points:
    """First places: groups around a circle, their people near each other."""
    groups = sorted(set(plan.groups.values()))
    turn = {group: 2 * np.pi * at / len(groups) for at, group in enumerate(groups)}
    angles = np.array([turn[group] for group in plan.groups.values()])
    shaken = np.random.default_rng(0).normal(0, 0.15, (len(angles), 2))
    places: Points = np.column_stack([np.cos(angles), np.sin(angles)]) + shaken
    return places


def _kept(plan: Plan, earlier: Earlier) -> dict[str, tuple[float, float]]:
    then = earlier.layout.places
    return {name: then[earlier.names[name]] for name in plan.groups if earlier.names.get(name) in then}


def _carried(plan: Plan, kept: Mapping[str, tuple[float, float]]) -> Points:
    """Places of the scan before; a new mark starts between its contacts, else among its group, else in the middle."""
    contacts: dict[str, list[tuple[float, float]]] = {}
    for a, b, _ in plan.lines:
        for near, far in ((a, b), (b, a)):
            if far in kept:
                contacts.setdefault(near, []).append(kept[far])
    peers: dict[str, list[tuple[float, float]]] = {}
    for name, place in kept.items():
        peers.setdefault(plan.groups[name], []).append(place)
    all_kept = list(kept.values())
    begun = [
        kept[name] if name in kept else np.mean(contacts.get(name) or peers.get(group) or all_kept, axis=0)
        for name, group in plan.groups.items()
    ]
    fresh = np.array([name not in kept for name in plan.groups])
    shaken = np.random.default_rng(0).normal(0, 0.02, (len(begun), 2)) * np.ptp(np.array(all_kept), axis=0).max()
    places: Points = np.array(begun, dtype=np.float64) + shaken * fresh[:, None]
    return places


def _turned(places: Points, known: npt.NDArray[np.int64], goal: Points) -> Points:
    """Turn, mirror, scale and move a layout so that its known marks lie as near to where they were as one such step can bring them."""
    centre, aim = places[known].mean(axis=0), goal.mean(axis=0)
    left, sizes, right = np.linalg.svd((places[known] - centre).T @ (goal - aim))
    spread = ((places[known] - centre) ** 2).sum()
    scale = sizes.sum() / spread if spread > 0 else 1.0
    turned: Points = (places - centre) @ (left @ right) * scale + aim
    return turned


def _framed(plan: Plan, places: Points) -> Layout:
    low, span = places.min(axis=0), np.ptp(places, axis=0)
    x, y = np.where(span > 0, span, 1.0)
    return Layout(_named(plan, places), (float(low[0]), float(low[1])), (float(x), float(y)))


def _named(plan: Plan, places: Points) -> dict[str, tuple[float, float]]:
    return {name: (float(x), float(y)) for name, (x, y) in zip(plan.groups, places, strict=True)}
