"""What a reading may answer: frozen records without a person id, ready for JSON, page, export or CLI."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Facet = Literal["helper", "broker", "reach", "overall"]
Sort = Literal["score", "name", "team", "badges"]
Sureness = Literal["strong", "moderate", "tentative"]
Verdict = Literal["agrees", "disagrees", "silent"]


@dataclass(frozen=True)
class ScanEntry:
    """One sealed scan in a list."""

    id: str
    start: date
    end: date  # first day after the window
    created: datetime | None
    latest: bool
    verdict: str  # of the data-quality report
    stale: bool = False  # its window ended more than a quarter and a month ago: the next scan is overdue
    late_weeks: int = 0  # weeks of its window of which contacts came too late to be counted


@dataclass(frozen=True)
class Score:
    """A score with all that is needed to read it; value and bounds are percentiles among peers, 0 to 100."""

    name: str
    value: float | None  # None = withheld, the reason says why
    low: float | None
    high: float | None
    confidence: float  # of the interval
    sureness: Sureness | None
    tier: str | None
    n_evidence: int | None  # asks for the helper facet, contacts for the others; None below three
    sources: tuple[str, ...]
    scan_id: str
    reason: str | None
    reason_code: str | None


@dataclass(frozen=True)
class Badge:
    """A certification that the person holds, shown beside scores and never part of one."""

    name: str
    issuer: str
    standard: str
    skills: tuple[str, ...]
    level: str | None
    issued_on: date | None
    expires_on: date | None
    status: str
    method: str = "none"  # how the status was found
    checked: datetime | None = None  # and when, UTC


@dataclass(frozen=True)
class SourceReading:
    """Whether one source alone says the same."""

    source: str
    share: float | None  # of the person's contact strength, 0 to 1; None = not used
    verdict: Verdict


@dataclass(frozen=True)
class Contribution:
    """One additive part of a facet, in words with its count."""

    indicator: str
    words: str
    contribution: float  # standard deviations among peers
    share: float  # weight of the indicator in the facet, 0 to 1


@dataclass(frozen=True)
class FacetReading:
    """One facet of one person and why."""

    facet: str
    score: Score
    marked: bool  # stands out, after false-discovery control
    hidden: bool  # beyond the formal position, after the same control
    sentence: str | None
    contributions: tuple[Contribution, ...]
    sources: tuple[SourceReading, ...]


@dataclass(frozen=True)
class SourceEvidence:
    """What one source says about one facet of a person: traces, or people asked."""

    source: str
    verdict: Literal["supports", "neutral", "contradicts", "silent"]
    answers: int | None  # people behind it; None for traces, and below three
    reliability: float | None


@dataclass(frozen=True)
class Without:
    """What would be said if one source were not there."""

    source: str
    state: str
    label: str | None


@dataclass(frozen=True)
class Evidence:
    """All sources about one facet of a person, side by side."""

    facet: str
    state: Literal["agree", "contested", "single-source", "silent"]
    label: str | None  # allowed words; None when nothing may be claimed
    certain: bool  # two independent sources say so
    value: float | None  # standing behind all sources, standard deviations
    standard_error: float | None
    sources: tuple[SourceEvidence, ...]
    without: tuple[Without, ...]


@dataclass(frozen=True)
class Axis:
    """One axis of a spider chart, 0 to 1, with its interval; None = nothing is said."""

    name: str
    kind: Literal["soft", "hard"]
    value: float | None
    low: float | None
    high: float | None
    said: str  # the same in words


@dataclass(frozen=True)
class PersonRow:
    """One person in a list."""

    id: str  # view id, for this audience and scan only
    label: str  # "Person 7F3A", or a name after opt-in
    named: bool
    team: str | None
    team_id: int | None  # None also when the team is under the minimum group
    department: str | None
    marks: tuple[str, ...]  # facets in which the person stands out
    hidden: tuple[str, ...]  # facets beyond the formal position
    score: Score
    sentence: str | None
    sources: tuple[SourceReading, ...]
    badges: tuple[Badge, ...]


@dataclass(frozen=True)
class PersonMark:
    """One person as a mark in an exported graph."""

    id: str
    label: str
    team: str | None
    department: str | None
    helper: float | None
    broker: float | None
    hidden: bool


@dataclass(frozen=True)
class Fact:
    """A count that was seen; None when it is under three."""

    name: str
    value: float | None


@dataclass(frozen=True)
class Person:
    """One person's page: influence with reasons, badges beside it."""

    row: PersonRow
    facets: tuple[FacetReading, ...]
    facts: tuple[Fact, ...]
    visibility: float | None  # percentile of formal visibility, 0 to 100
    excluded: tuple[str, ...]
    standing: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    axes: tuple[Axis, ...] = ()  # of the spider chart: soft facets and hard skills, never combined


PAGE, LARGEST_PAGE = 50, 500
"""People on a page by default, and at most."""


@dataclass(frozen=True)
class PeopleQuery:
    """Which people a list keeps, in what order, and which page of it."""

    facet: Facet = "helper"
    sort: Sort | None = None  # None = by score for whoever may rank people, else by name
    limit: int = PAGE
    cursor: str | None = None
    team: int | None = None
    marked: bool = False
    hidden: bool = False
    badges: bool = False


@dataclass(frozen=True)
class PeoplePage:
    """One page of people in a stable order."""

    scan_id: str
    facet: str
    sort: str
    people: tuple[PersonRow, ...]
    total: int
    next_cursor: str | None
    note: str | None  # why there is nobody, or why a filter was not applied


@dataclass(frozen=True)
class TeamRow:
    """One team in a list; everything but the name is None when it is hidden."""

    id: int
    name: str
    hidden: bool
    reason: str | None
    department: str | None = None
    people: int | None = None
    marked: dict[str, int] = field(default_factory=dict)  # people who stand out, by facet
    outside: float | None = None  # share of contact with other teams, 0 to 1


@dataclass(frozen=True)
class Teams:
    """The teams of a scan."""

    scan_id: str
    minimum_group: int
    teams: tuple[TeamRow, ...]


@dataclass(frozen=True)
class MapNode:
    """One mark on a map: a person, or a unit of people."""

    id: str
    kind: Literal["person", "unit"]
    label: str
    group: str | None
    size: int  # people it stands for
    marks: tuple[str, ...]
    hidden: bool
    sureness: Sureness | None
    sentence: str
    contacts: int  # ties drawn to it


@dataclass(frozen=True)
class MapTie:
    """A line on a map, without direction."""

    source: str
    target: str
    weight: float  # of the strongest line drawn, 0 to 1


@dataclass(frozen=True)
class TeamMap:
    """What a map draws and its table lists."""

    scan_id: str
    team: str  # code of the team, or "company"
    name: str
    hidden: bool
    reason: str | None
    units: bool  # nodes are units, not people
    nodes: tuple[MapNode, ...]
    ties: tuple[MapTie, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ContactGrid:
    """Share of each department's contact that goes to each department; None = hidden."""

    departments: tuple[str, ...]
    shares: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Overview:
    """Who stands out in a scan, and how far to trust it."""

    scan: ScanEntry
    people: int
    hidden: tuple[tuple[str, PersonRow], ...]  # facet and person
    marked: tuple[tuple[str, PersonRow], ...]
    scored: int
    withheld: tuple[tuple[str, int], ...]  # reason and number of people, for the helper and broker facets together
    contact: ContactGrid
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One number about the company, in words."""

    title: str
    figure: str
    sentence: str


@dataclass(frozen=True)
class Department:
    """One department beside the others; contact among the departments that are shown."""

    name: str
    people: int
    inside: float | None  # share of its contact that stays inside, 0 to 1
    closed: float | None  # the same beyond chance, over the most it could be beyond: at most 1, 0 as by chance
    closed_z: float | None  # that in deviations from companies dealt anew; None unless exact figures are told
    carriers: int | None  # fewest people who carry half of its contact outside; None when fewer than three
    ask_gini: float | None  # how unevenly help is given, 0 alike to 1


@dataclass(frozen=True)
class SiloGrid:
    """Contact between each two departments beside companies in which everybody keeps the number of their ties; None = hidden."""

    departments: tuple[str, ...]
    ratio: tuple[tuple[float | None, ...], ...]  # contact over what the totals of both let expect
    z: tuple[tuple[float | None, ...], ...]  # deviations above companies dealt anew
    draws: int  # such companies


@dataclass(frozen=True)
class Figure:
    """One measure of the company with its entry in the glossary."""

    name: str  # of the entry
    title: str
    part: str | None  # where one measure has several numbers
    value: float
    by_chance: float | None
    reading: str  # what a high value means


@dataclass(frozen=True)
class Company:
    """The company as a whole."""

    scan_id: str
    minimum_group: int
    in_steps: bool  # people in steps of five, shares in steps of five points
    statements: tuple[Statement, ...]
    departments: tuple[Department, ...]
    contact: ContactGrid
    silo: SiloGrid | None  # None unless exact figures are told
    figures: tuple[Figure, ...]  # nothing unless exact figures are told


@dataclass(frozen=True)
class Quality:
    """The data-quality report of a scan as it was sealed."""

    scan_id: str
    report: dict[str, object]
