"""Findings about a group in sentences: who connects, who is asked, what hangs on few, where load piles up; never about one person."""

import numpy as np

from pipelines.access.policy import Sight
from pipelines.access.readable import OVERLOAD, Bools, Floats, Ids
from pipelines.access.steps import about
from pipelines.access.unit_answers import Card, CardKind, Share
from pipelines.phrases import Phrase, joined, say

SOME, MANY = 0.1, 0.25
"""Shares of a group from which people are called some, and many."""

HALF = 0.5

TITLES: dict[CardKind, Phrase] = {
    "connectors": say("Connectors"),
    "go_to": say("Go-to helpers"),
    "fragile": say("Fragile ties"),
    "overload": say("Overload risk"),
}

WHY: dict[CardKind, Phrase] = {
    "connectors": say(
        "Counted: people whose ties join groups that rarely talk, more than chance gives. More ties between groups change it."
    ),
    "go_to": say(
        "Counted: people whom colleagues turn to more than could be expected. It shows that people ask, not how good the advice is."
    ),
    "fragile": say(
        "The fewest people who carry half of the contact with other groups. More people with ties outside make it less fragile."
    ),
    "overload": say(
        "Counted: people with at least three signs of load at once, three weeks on end. Sharing what they are asked changes it."
    ),
}

UNKNOWN = say("Not measured in this scan.")
NOT_TOLD = say("Not told: all but a few people here are named, so a figure of the group would be theirs.")


def waits_for_more(sight: Sight) -> Phrase:
    """Say why a group has no figure in a scan whose weeks overlap with those of an earlier one."""
    return say(
        "Not told in this scan: fewer than {k} people joined or left since a scan of overlapping weeks. The figure there stands.",
        k=sight.minimum,
    )


def cards_of(sight: Sight, rows: Ids, *, untold: Phrase | None) -> tuple[Card, ...]:
    """Return the four findings about the people in these rows, or for each why it would be that of a few."""
    if untold is not None:
        return tuple(Card(kind, TITLES[kind], untold, None, hidden=True, why=WHY[kind]) for kind in TITLES)
    overload = sight.scan.facts.get(OVERLOAD)
    return (
        _counted(sight, rows, "connectors", _flagged(sight, "broker")),
        _counted(sight, rows, "go_to", _flagged(sight, "helper")),
        _fragile(sight, rows),
        _unknown("overload") if overload is None else _counted(sight, rows, "overload", np.nan_to_num(overload) > 0),
    )


def _flagged(sight: Sight, facet: str) -> Bools | None:
    flags = sight.scan.flags.get(facet)
    return None if flags is None else flags.flagged


def _counted(sight: Sight, rows: Ids, kind: CardKind, marked: Bools | None) -> Card:
    """Say how many are marked, as a number only where no set of fewer than the minimum group follows from it."""
    if marked is None:
        return _unknown(kind)
    some, k = rows[marked[rows]], sight.minimum
    unnamed = int((~sight.alone[some]).sum())
    if len(some) < k and len(some) - unnamed >= k - 1:  # then all that are marked are named, and nobody else is
        return Card(kind, TITLES[kind], NOT_TOLD, None, hidden=True, why=WHY[kind])
    exact = len(some) >= k and len(rows) - len(some) >= k and (unnamed == 0 or unnamed >= k)
    said = _sentence(kind, _how_many(len(some), k, exact=exact))
    named = some[sight.visible[some]] if kind != "overload" else some[:0]  # too much load of somebody is for their own eyes
    return Card(kind, TITLES[kind], _with_names(sight, said, named), _share(len(some), len(rows), k), hidden=False, why=WHY[kind])


def _with_names(sight: Sight, said: Phrase, named: Ids) -> Phrase:
    if not len(named):
        return said
    names = sorted((sight.label(int(row))[0] for row in named), key=str.casefold)
    return say("{sentence} By their own choice named here: {names}.", sentence=said, names=joined([Phrase.plain(name) for name in names]))


def _how_many(number: int, k: int, *, exact: bool) -> Phrase:
    """Say a number, or only on which side of the minimum group it lies."""
    if exact:
        return say("About {number} people", number=about(number))
    return say("Fewer than {k} people", k=k) if number < k else say("{k} people or more", k=k)


def _sentence(kind: CardKind, people: Phrase) -> Phrase:
    """Say what so many people do."""
    match kind:
        case "connectors":
            return say("{people} connect groups that rarely talk.", people=people)
        case "go_to":
            return say("{people} are asked by many.", people=people)
        case "fragile":
            return say("{people} carry half of the contact with other groups.", people=people)
        case _:
            return say("{people} show signs of too much load.", people=people)


def _fragile(sight: Sight, rows: Ids) -> Card:
    """Say how many carry half of the contact with others."""
    carried = _carried(sight, rows)
    if carried.sum() <= 0:
        return _unknown("fragile")
    largest = np.cumsum(np.sort(carried)[::-1])
    carriers, k = int(np.searchsorted(largest, HALF * largest[-1] * (1 - 1e-12)) + 1), sight.minimum
    exact = carriers >= k and len(rows) - carriers >= k
    said = _sentence("fragile", _how_many(carriers, k, exact=exact))
    return Card("fragile", TITLES["fragile"], said, _share(carriers, len(rows), k), hidden=False, why=WHY["fragile"])


def _carried(sight: Sight, rows: Ids) -> Floats:
    """Contact of each of these people with people who are not among them."""
    inside = np.zeros(len(sight.scan.persons), dtype=np.bool_)
    inside[rows] = True
    source, target, weight = sight.scan.ties("relationship")
    seen = sight.counted[source] & sight.counted[target] & (inside[source] != inside[target])
    ends = np.where(inside[source], source, target)[seen]
    return np.bincount(ends, weight[seen], len(inside)).astype(np.float64)[rows]


def _share(some: int, people: int, k: int) -> Share:
    """Return a band of the group; fewer than the minimum group are few, whether anybody or nobody."""
    if some < k:
        return "few"
    return "many" if some >= MANY * people else "some" if some >= SOME * people else "few"


def _unknown(kind: CardKind) -> Card:
    return Card(kind, TITLES[kind], UNKNOWN, None, hidden=True, why=WHY[kind])
