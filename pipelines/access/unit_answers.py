"""What managers, HR and the works council are answered: groups in bands, people by consent, and never a number about a person."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Band = Literal["some", "clear", "strong"]
LoadBand = Literal["usual", "above usual", "high"]
WeightBand = Literal["weak", "medium", "strong"]
PersonRole = Literal["connector", "go-to"]
CardKind = Literal["connectors", "go_to", "fragile", "overload"]
Share = Literal["few", "some", "many"]
Archetype = Literal["go-to helper", "connector", "both", "open to mentoring"]


@dataclass(frozen=True)
class GroupNode:
    """One group of people on a map; all but the name is None when it is hidden."""

    kind: Literal["group"]
    id: str  # "company", "d3" a department, "7" a team, "out-7" a team of others beside one's own
    label: str
    own: bool  # whether its map may be opened
    hidden: bool
    reason: str | None
    size_band: str | None  # "5 to 9", "10 to 19", …, "100 and more"
    load_band: LoadBand | None  # asks that reach its people, beside the company; None where it is not known or would tell somebody's


@dataclass(frozen=True)
class GroupTie:
    """Contact of two groups, from the minimum group of distinct people at both ends on."""

    a: str
    b: str
    weight_band: WeightBand


@dataclass(frozen=True)
class BadgeChip:
    """A certification, beside and never part of a band."""

    name: str
    issuer: str
    expires: date | None
    status: str  # as the analyst reads it: an expired or revoked one is no badge held


@dataclass(frozen=True)
class NamedPerson:
    """Somebody who agreed to be named, in words and one band."""

    view_id: str
    name: str
    group: str | None  # id of a group of the same map
    roles: tuple[PersonRole, ...]
    band: Band | None  # None = not enough data to say
    sentence: str  # follows the name; without counts
    badges: tuple[BadgeChip, ...]


@dataclass(frozen=True)
class Card:
    """One finding about a group in a sentence; how many is said in steps of five from the minimum group on, else as a band."""

    kind: CardKind
    title: str
    sentence: str
    share: Share | None  # of the group; None when hidden or not known
    hidden: bool
    why: str  # what it is made of, and what would change it


@dataclass(frozen=True)
class UnitMap:
    """Map of a viewer's units, or of one of them among its neighbours."""

    scan_id: str
    mode: str
    k: int
    coverage_band: str  # "90 % to 95 %" of accounts and weeks that were seen
    unit: str  # id of the group, or "company"
    name: str
    hidden: bool
    reason: str | None
    nodes: tuple[GroupNode, ...]
    people: tuple[NamedPerson, ...]  # by name
    edges: tuple[GroupTie, ...]
    cards: tuple[Card, ...]
    notes: tuple[str, ...]
    standing: tuple[str, ...]


@dataclass(frozen=True)
class Groups:
    """All groups that a viewer may open or sees hidden, by name."""

    scan_id: str
    mode: str
    k: int
    coverage_band: str
    groups: tuple[GroupNode, ...]


@dataclass(frozen=True)
class Reason:
    """One reason for a band, in words without counts; the sign says which way it goes."""

    more: bool  # than comparable colleagues
    words: str


@dataclass(frozen=True)
class Agreement:
    """Whether one source alone says the same: traces per channel, peers, managers."""

    source: str
    verdict: Literal["agrees", "disagrees", "silent"]


@dataclass(frozen=True)
class Colleague:
    """The "why" panel of somebody named on a map."""

    scan_id: str
    mode: str
    person: NamedPerson
    team: str | None
    reasons: tuple[Reason, ...]  # in open mode only: elsewhere the sentence is all
    agreement: tuple[Agreement, ...]
    caveats: tuple[str, ...]
    standing: tuple[str, ...]


@dataclass(frozen=True)
class PersonTie:
    """Lasting contact of two people."""

    a: str  # view ids
    b: str
    weight_band: WeightBand


@dataclass(frozen=True)
class Ego:
    """Somebody and the people below the same manager whom they work with, and the ties among all of these."""

    scan_id: str
    mode: str
    person: NamedPerson
    people: tuple[NamedPerson, ...]  # by name
    ties: tuple[PersonTie, ...]
    notes: tuple[str, ...]
    standing: tuple[str, ...]


@dataclass(frozen=True)
class MentorCandidate:
    """Somebody who agreed to be looked at as a mentor; a name only after they agreed to that as well."""

    view_id: str
    label: str  # "Person 7F3A", or a name after opt-in or an accepted invitation
    named: bool
    archetype: Archetype
    band: Band | None
    badges: tuple[BadgeChip, ...]
    unit: str | None  # this and the next three: None also when too few people share it
    site: str | None
    language: str | None
    tenure_band: str | None  # "under 1 year", "1 to 3 years", "3 to 10 years", "10 years and more"
    consent: Literal["pool", "named"]


@dataclass(frozen=True)
class Mentors:
    """Candidates, by label; whoever carries too much is left out."""

    scan_id: str
    mode: str
    k: int
    coverage_band: str
    candidates: tuple[MentorCandidate, ...]
    note: str | None
