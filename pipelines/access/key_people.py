"""Which few people together know most, are nearest to everybody, or hold the company together: chosen as sets, for whoever reads people."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ona.errors import SettingsError, TooLargeError
from ona.graph import Graph
from ona.key_players import at_random, cover_set, fragmentation, fragmenting, most_tied, reach, reaching
from pipelines.access.key_answers import SIZE, KeyKind, KeyMember, KeyPeople, KeySet
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.rights import Right
from pipelines.access.stamp import remembered
from pipelines.phrases import Phrase, say
from pipelines.storage.workspace import Workspace

DIGITS = 3

TITLES: dict[KeyKind, Phrase] = {
    "cover": say("Know most people together"),
    "reach": say("Nearest to everybody together"),
    "hold": say("Hold the company together"),
}

READINGS: dict[KeyKind, Phrase] = {
    "cover": say(
        "Share of everybody who is one of them or has a lasting relationship with one of them: who hears it when they are told, in one "
        "step."
    ),
    "reach": say(
        "Mean over everybody of one over the steps to the nearest of them: 1 when all are in direct contact, a half at two steps. For "
        "word that is passed on."
    ),
    "hold": say(
        "Share of pairs of people between whom no way is left once they are gone: 0 as long as the company stays in one piece. Near the "
        "number for people at random, it hangs on nobody in particular."
    ),
}

TOO_LARGE = say("More than 5,000 people: this set would take too long to choose. The one that knows most people together is told.")
TOO_FEW = say("Too few people for a set of this size.")
NOBODY = say(
    "No such set was found: the company stays in one piece whoever of the best connected leaves. It hangs on nobody in particular."
)


@dataclass(frozen=True)
class Chosen:
    """A set as member rows with its numbers, before anybody is named."""

    kind: KeyKind
    rows: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    before: float | None = None
    bound: float | None = None
    by_degree: float | None = None
    by_chance: float | None = None
    reason: Phrase | None = None


def read_key_people(ws: Workspace, scan: Readable, viewer: Viewer, size: int = SIZE) -> KeyPeople:
    """Return three sets of so many people, each beside the people with most contacts, people at random, and what is proved at most."""
    demand(ws, viewer, Right.RANK)
    sight = look(ws, scan, viewer)
    name = f"key people {sight.scan.id} {viewer.role} {viewer.person} {size}"
    found = remembered(ws, name, sight.state, lambda: chosen(_relationships(sight), size))
    sight.read_names({row for one in found for row in one.rows})
    return KeyPeople(sight.scan.id, len(sight.rows), size, tuple(_told(sight, one) for one in found))


def chosen(graph: Graph, size: int) -> tuple[Chosen, ...]:
    """Choose the three sets; one that cannot be chosen says why."""
    choices: dict[KeyKind, Callable[[Graph, int], Chosen]] = {"cover": _cover, "reach": _reach, "hold": _hold}
    return tuple(_choice(kind, choose, graph, size) for kind, choose in choices.items())


def _relationships(sight: Sight) -> Graph:
    """Return lasting relationships among the people whom this viewer may see, as member rows."""
    source, target, weight = sight.scan.ties("relationship")
    kept = sight.visible[source] & sight.visible[target] & (weight > 0)
    table = pa.table({"source": source[kept], "target": target[kept], "weight": weight[kept]})
    return Graph.from_ties(table, people=sight.rows, layer="relationship")


def _choice(kind: KeyKind, choose: Callable[[Graph, int], Chosen], graph: Graph, size: int) -> Chosen:
    try:
        return choose(graph, size)
    except TooLargeError:
        return Chosen(kind, reason=TOO_LARGE)
    except SettingsError:
        return Chosen(kind, reason=TOO_FEW)


def _cover(graph: Graph, size: int) -> Chosen:
    found = cover_set(graph, size)
    return Chosen("cover", tuple(found.people.tolist()), tuple(found.value.tolist()), 0.0, found.bound, found.by_degree, found.by_chance)


def _reach(graph: Graph, size: int) -> Chosen:
    found = reaching(graph, size)
    popular = reach(graph, most_tied(graph, size).tolist())
    by_chance = at_random(graph, size, reach)
    return Chosen("reach", tuple(found.people.tolist()), tuple(found.value.tolist()), found.before, found.bound, popular, by_chance)


def _hold(graph: Graph, size: int) -> Chosen:
    found = fragmenting(graph, size)
    if found.value[-1] <= found.before:
        return Chosen("hold", reason=NOBODY)
    popular = fragmentation(graph, most_tied(graph, size).tolist())
    by_chance = at_random(graph, size, fragmentation)
    return Chosen("hold", tuple(found.people.tolist()), tuple(found.value.tolist()), found.before, None, popular, by_chance)


def _told(sight: Sight, one: Chosen) -> KeySet:
    return KeySet(
        kind=one.kind,
        title=TITLES[one.kind],
        reading=READINGS[one.kind],
        members=tuple(_member(sight, place, row, value) for place, (row, value) in enumerate(zip(one.rows, one.values, strict=True), 1)),
        before=_rounded(one.before),
        value=_rounded(one.values[-1] if one.values else None),
        bound=_rounded(one.bound),
        by_degree=_rounded(one.by_degree),
        by_chance=_rounded(one.by_chance),
        reason=one.reason,
    )


def _member(sight: Sight, place: int, row: int, value: float) -> KeyMember:
    label, named = sight.label(row)
    return KeyMember(place, sight.codes[row], label, named, sight.unit_name("team", row), round(value, DIGITS))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, DIGITS)
