"""Answers of the API to managers, HR and the works council: groups and named people in bands; no field holds a number about a person."""

from datetime import date
from typing import Literal

from pydantic import Field

from api.models import Answer
from pipelines.access.unit_answers import Archetype, Band, CardKind, LoadBand, PersonRole, Share, WeightBand


class Governed(Answer):
    """What every answer about groups says of the policy that made it."""

    scan_id: str
    mode: str = Field(description="strict, standard or open, as it holds for this scan.")
    k: int = Field(description="Fewest people that anything is said about.")
    coverage_band: str = Field(description="How much was seen, in steps of five points.")


class GroupNode(Answer):
    """One group of people; all but the name is null when it is hidden."""

    kind: Literal["group"]
    id: str = Field(description="`company`, `d3` a department, `7` a team, `out-7` a team of others beside one's own.")
    label: str
    own: bool = Field(description="Whether its map may be opened.")
    hidden: bool
    reason: str | None
    size_band: str | None
    load_band: LoadBand | None = Field(description="Asks that reach its people, beside the company; null where it would be somebody's.")


class GroupTie(Answer):
    """Contact of two groups."""

    a: str
    b: str
    weight_band: WeightBand


class BadgeChip(Answer):
    """A certification."""

    name: str
    issuer: str
    expires: date | None
    status: str = Field(description="verified, issuer-asserted, holder-claimed, expired, revoked, suspended, failed or unknown.")


class NamedPerson(Answer):
    """Somebody who agreed to be named."""

    view_id: str
    name: str
    group: str | None
    roles: list[PersonRole]
    band: Band | None = Field(description="Null = not enough data to say.")
    sentence: str = Field(description="Follows the name.")
    badges: list[BadgeChip]


class Card(Answer):
    """One finding about a group in a sentence."""

    kind: CardKind
    title: str
    sentence: str
    share: Share | None
    hidden: bool
    why: str = Field(description="What it is made of, and what would change it.")


class UnitMap(Governed):
    """Map of groups, and of people who agreed to be named."""

    unit: str
    name: str
    hidden: bool
    reason: str | None
    nodes: list[GroupNode]
    people: list[NamedPerson] = Field(description="By name.")
    edges: list[GroupTie]
    cards: list[Card]
    notes: list[str]
    standing: list[str]


class Groups(Governed):
    """Groups by name."""

    groups: list[GroupNode]


class Reason(Answer):
    """One reason in words."""

    more: bool = Field(description="Than comparable colleagues.")
    words: str


class Agreement(Answer):
    """Whether one source alone says the same."""

    source: str
    verdict: Literal["agrees", "disagrees", "silent"]


class NamedColleague(Answer):
    """Why somebody is drawn as they are."""

    scan_id: str
    mode: str
    person: NamedPerson
    team: str | None
    reasons: list[Reason]
    agreement: list[Agreement]
    caveats: list[str]
    standing: list[str]


class PersonTie(Answer):
    """Lasting contact of two people."""

    a: str
    b: str
    weight_band: WeightBand


class Ego(Answer):
    """Somebody and the people below the same manager whom they work with."""

    scan_id: str
    mode: str
    person: NamedPerson
    people: list[NamedPerson] = Field(description="By name.")
    ties: list[PersonTie] = Field(description="Among all of these, the person included.")
    notes: list[str]
    standing: list[str]


class MentorCandidate(Answer):
    """Somebody who agreed to be looked at as a mentor."""

    view_id: str
    label: str = Field(description="A name only after opt-in or an accepted invitation.", examples=["Person 7F3A"])
    named: bool
    archetype: Archetype
    band: Band | None
    badges: list[BadgeChip]
    unit: str | None
    site: str | None
    language: str | None
    tenure_band: str | None
    consent: Literal["pool", "named"]


class Mentors(Governed):
    """Candidates by label."""

    candidates: list[MentorCandidate]
    note: str | None
