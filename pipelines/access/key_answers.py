"""What a reading about sets of key people may answer: frozen records without a person id."""

from dataclasses import dataclass
from typing import Literal

from pipelines.phrases import Phrase

KeyKind = Literal["cover", "reach", "hold"]

SIZE, LARGEST_SIZE = 5, 20
"""People of a set by default, and at most."""


@dataclass(frozen=True)
class KeyMember:
    """One person of a set, in the order of their choice."""

    place: int  # in the order of their choice, from 1
    id: str  # view id, for this audience and scan only
    label: str
    named: bool
    team: str | None
    so_far: float  # number of the set up to and with this person, 0 to 1


@dataclass(frozen=True)
class KeySet:
    """People chosen as a set, beside what is easy to have."""

    kind: KeyKind
    title: Phrase
    reading: Phrase  # what the number says and what it does not
    members: tuple[KeyMember, ...]
    before: float | None  # of nobody
    value: float | None  # of the whole set, 0 to 1
    bound: float | None  # no set of so many has more; None where nothing is proved
    by_degree: float | None  # of the people with the most contacts
    by_chance: float | None  # of so many people at random, on average
    reason: Phrase | None  # why there is no set


@dataclass(frozen=True)
class KeyPeople:
    """Three ways in which a few people can be key together."""

    scan_id: str
    people: int  # among whom they were chosen
    size: int
    sets: tuple[KeySet, ...]
