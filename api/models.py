"""Answers of the API: what each field means, and that a score never comes without its interval."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, JsonValue

from pipelines.access.answers import Sureness, Verdict

PERCENTILE = "Percentile among comparable colleagues, 0 to 100; null when withheld."


def _with_zones(schema: Any) -> Any:
    """Let every time of a schema be written with its zone."""
    if isinstance(schema, dict):
        if schema.get("type") == "datetime":
            return schema | {"serialization": {"type": "function-plain", "function": _written, "when_used": "json"}}
        return {name: _with_zones(inner) for name, inner in schema.items()}
    return [_with_zones(inner) for inner in schema] if type(schema) is list else schema


def _written(at: datetime) -> str:
    return at.isoformat() + ("Z" if at.tzinfo is None else "")


class Answer(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Write times as RFC 3339 has them: naive UTC inside, with its zone outside."""
        return _with_zones(handler(source))


class ScanEntry(Answer):
    """One sealed scan."""

    id: str
    start: date = Field(description="First day of the window, a Monday.")
    end: date = Field(description="First day after the window.")
    created: datetime | None = Field(description="When it was sealed, UTC.")
    latest: bool
    verdict: str = Field(description="Verdict of the data-quality report.")
    stale: bool = Field(description="Whether its window ended more than a quarter and a month ago.")
    late_weeks: int = Field(description="Weeks of its window of which contacts came after their events were deleted: they are not in it.")


class ScanList(Answer):
    """Sealed scans, the newest first."""

    scans: list[ScanEntry]


class Score(Answer):
    """A score with all that is needed to read it."""

    name: str = Field(description="helper, broker, reach or overall.")
    value: float | None = Field(description=PERCENTILE)
    low: float | None = Field(description="Lower end of the interval.")
    high: float | None = Field(description="Upper end of the interval.")
    confidence: float = Field(description="Confidence level of the interval.", examples=[0.9])
    sureness: Sureness | None = Field(description="Width of the interval in a word; one step less when a source disagrees.")
    tier: str | None = Field(description="exceptional, high or typical; there is no lower one. Null when withheld, and for reach.")
    n_evidence: int | None = Field(description="Asks behind a helper score, contacts behind the others; null below three.")
    sources: list[str] = Field(description="Sources in which the person was seen: chat, mail, meeting.")
    scan_id: str
    reason: str | None = Field(description="Why the score is withheld, in words.")
    reason_code: str | None = Field(description="The same as a stable code.")


class Badge(Answer):
    """A certification; it is never part of a score."""

    name: str
    issuer: str
    standard: str = Field(description="table, ob2, ob3 or credly.")
    skills: list[str]
    level: str | None
    issued_on: date | None
    expires_on: date | None
    status: str = Field(description="verified, issuer-asserted, holder-claimed, expired, revoked, suspended, failed or unknown.")
    method: str = Field(description="How the status was found: signature, own-signature, hosted, feed or none.")
    checked: datetime | None = Field(description="When it was found, UTC.")


class SourceReading(Answer):
    """Whether one source alone says the same."""

    source: str
    share: float | None = Field(description="Share of the person's contact, 0 to 1; null when not used.")
    verdict: Verdict


class Contribution(Answer):
    """One additive part of a facet."""

    indicator: str
    words: str
    contribution: float = Field(description="Standard deviations among peers; the parts of a facet add up.")
    share: float = Field(description="Weight of the indicator in the facet, 0 to 1.")


class PersonRow(Answer):
    """One person in a list."""

    id: str = Field(description="Id for this audience and scan only.", examples=["7F3A09C1D2E4B5A6"])
    label: str = Field(description="Name after opt-in, else a pseudonym.", examples=["Person 7F3A"])
    named: bool = Field(description="Whether the label is a name.")
    team: str | None = Field(description="Null when unknown or under the minimum group.")
    team_id: int | None
    department: str | None
    marks: list[str] = Field(description="Facets in which the person stands out beyond the noise.")
    hidden: list[str] = Field(description="Facets in which that goes beyond the formal position.")
    score: Score
    sentence: str | None = Field(description="What the person visibly does; follows the label.")
    sources: list[SourceReading]
    badges: list[Badge]


class PeoplePage(Answer):
    """One page of people."""

    scan_id: str
    facet: str
    sort: str
    people: list[PersonRow]
    total: int
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")
    note: str | None = Field(description="Why there is nobody.")


class FacetReading(Answer):
    """One facet of one person and why."""

    facet: str
    score: Score
    marked: bool
    hidden: bool
    sentence: str | None
    contributions: list[Contribution]
    sources: list[SourceReading]


class Fact(Answer):
    """A count that was seen."""

    name: str
    value: float | None = Field(description="Null when it is under three.")


class SourceEvidence(Answer):
    """What one source says about one facet of a person."""

    source: str = Field(description="traces, peer_360, recognition, csat or survey.")
    verdict: Literal["supports", "neutral", "contradicts", "silent"]
    answers: int | None = Field(description="People behind it; null for traces, and below three.")
    reliability: float | None


class Without(Answer):
    """What would be said if one source were not there."""

    source: str
    state: str
    label: str | None


class Evidence(Answer):
    """All sources about one facet of a person, side by side."""

    facet: str
    state: Literal["agree", "contested", "single-source", "silent"]
    label: str | None = Field(description="What it may be called; null when nothing may be claimed.")
    certain: bool = Field(description="Whether two independent sources say so.")
    value: float | None = Field(description="Standing behind all sources, standard deviations among those of whom they speak.")
    standard_error: float | None
    sources: list[SourceEvidence]
    without: list[Without] = Field(description="The answer without each source in turn.")


class Axis(Answer):
    """One axis of a spider chart."""

    name: str
    kind: Literal["soft", "hard"]
    value: float | None = Field(description="0 to 1; null when nothing is said.")
    low: float | None
    high: float | None
    said: str


class Person(Answer):
    """Influence of one person with its reasons, badges beside it."""

    row: PersonRow
    facets: list[FacetReading]
    facts: list[Fact]
    visibility: float | None = Field(description="Percentile of formal visibility (level, span, named lead), 0 to 100.")
    excluded: list[str] = Field(description="What does not count.")
    standing: list[str] = Field(description="What this must not be used for.")
    evidence: list[Evidence] = Field(description="Sources beside the traces: colleagues, kudos, customers, survey.")
    axes: list[Axis] = Field(description="Soft facets and hard skills side by side, never combined.")


class Mark(Answer):
    """A person and the facet in which they stand out."""

    facet: str
    person: PersonRow


class Withheld(Answer):
    """How many people have no score, by reason."""

    reason: str
    people: int


class ContactGrid(Answer):
    """Share of each department's contact by department."""

    departments: list[str]
    shares: list[list[float | None]] = Field(description="Rows and columns in the order of the departments; null = hidden or none.")


class Overview(Answer):
    """Who stands out in a scan, and how far to trust it."""

    scan: ScanEntry
    people: int
    scored: int = Field(description="People with enough data for at least one facet.")
    hidden: list[Mark]
    marked: list[Mark]
    withheld: list[Withheld]
    contact: ContactGrid
    warnings: list[str]


class TeamRow(Answer):
    """One team; all but the name is null when it is hidden."""

    id: int
    name: str
    hidden: bool
    reason: str | None
    department: str | None
    people: int | None
    marked: dict[str, int] = Field(description="People who stand out, by facet.")
    outside: float | None = Field(description="Share of contact with other teams, 0 to 1.")


class Teams(Answer):
    """The teams of a scan."""

    scan_id: str
    minimum_group: int
    teams: list[TeamRow]


class MapNode(Answer):
    """One mark on a map."""

    id: str
    kind: str = Field(description="person or unit.")
    label: str
    group: str | None
    size: int = Field(description="People it stands for.")
    marks: list[str]
    hidden: bool
    sureness: Sureness | None
    sentence: str
    contacts: int = Field(description="Lines drawn to it.")


class MapTie(Answer):
    """A line on a map."""

    source: str
    target: str
    weight: float = Field(description="Relative to the strongest line, 0 to 1.")


class TeamMap(Answer):
    """What a map draws."""

    scan_id: str
    team: str
    name: str
    hidden: bool
    reason: str | None
    units: bool = Field(description="Whether the marks are units rather than people.")
    nodes: list[MapNode]
    ties: list[MapTie]
    notes: list[str]


class Statement(Answer):
    """One number about the company, in words."""

    title: str
    figure: str
    sentence: str


class Department(Answer):
    """One department beside the others; contact among the departments that are shown."""

    name: str
    people: int
    inside: float | None = Field(description="Share of its contact that stays inside, 0 to 1.")
    closed: float | None = Field(description="The same beyond chance, over the most it could be beyond: at most 1, 0 as by chance.")
    closed_z: float | None = Field(
        description="Silo index: that in standard deviations from companies in which everybody keeps the number of their ties. "
        "-2 to 2 is chance. Null for whoever is told steps."
    )
    carriers: int | None = Field(description="Fewest people who carry half of its contact outside; null when fewer than three.")
    ask_gini: float | None = Field(description="How unevenly help is given inside it: 0 everybody alike, towards 1 one person.")


class SiloGrid(Answer):
    """Contact between each two departments beside what everybody's number of ties brings about; null where too few people are behind it."""

    departments: list[str]
    ratio: list[list[float | None]] = Field(description="Contact over what the totals of both let expect: 1 as expected.")
    z: list[list[float | None]] = Field(description="Standard deviations above companies dealt anew; -2 to 2 is chance.")
    draws: int = Field(description="Companies dealt anew.")


class Figure(Answer):
    """One measure of the company."""

    name: str = Field(description="Its entry in the glossary.", examples=["ei_index"])
    title: str
    part: str | None = Field(description="Which number of it, where it has several.")
    value: float
    by_chance: float | None = Field(description="The same in companies dealt anew, where that is known.")
    reading: str = Field(description="What a high value means.")


class Company(Answer):
    """The company as a whole; departments under the minimum group are left out."""

    scan_id: str
    minimum_group: int
    in_steps: bool = Field(description="Whether people are told in steps of five and shares in steps of five points.")
    statements: list[Statement]
    departments: list[Department]
    contact: ContactGrid
    silo: SiloGrid | None = Field(description="Null for whoever is told steps, and where a scan does not hold it.")
    figures: list[Figure] = Field(description="Every measure of the company; none for whoever is told steps.")


class Quality(Answer):
    """The data-quality report as it was sealed with the scan."""

    scan_id: str
    report: dict[str, JsonValue]


class Meta(Answer):
    """What serves here."""

    name: str
    version: str
    sources: list[str] = Field(description="Connectors of the settings.")
    mode: str = Field(description="strict, standard or open.")
    role: str = Field(description="Role that the viewer acts in.")
    single_user: bool = Field(description="Whether one person works alone on this machine.")
    minimum_group: int = Field(description="No number is shown about fewer people.")
    policy_id: str = Field(description="Changes when the table of who may do what does.")
    standing: str = Field(description="What none of this may be used for.")


class Health(Answer):
    """Whether the process, or what it needs, is there."""

    status: str
    checks: dict[str, bool]


class Contest(Answer):
    """A contested result."""

    id: str
    scan_id: str
    facet: str
    reason: str
    ticket: str | None
    state: str = Field(description="open, corrected or upheld.")
    created: datetime
    answered: datetime | None
