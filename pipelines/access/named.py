"""People who may be known by name, in words and one band: by name and never by score, without counts."""

from collections.abc import Collection

import numpy as np

from pipelines.access import words
from pipelines.access.opening import open_record
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.readable import Ids
from pipelines.access.readings import MARKED_FACETS, marks, sources
from pipelines.access.rights import Right
from pipelines.access.unit_answers import Agreement, BadgeChip, Band, Colleague, NamedPerson, PersonRole, Reason
from pipelines.intake import badges
from pipelines.phrases import Phrase, say
from pipelines.settings import Mode
from pipelines.storage.workspace import Workspace

ROLES: dict[str, PersonRole] = {"broker": "connector", "helper": "go-to"}

SAID = {"broker": say("connects groups that rarely talk"), "helper": say("is asked by many")}

BANDS: dict[str, Band] = {"exceptional": "strong", "high": "clear", "typical": "some"}

STEPS = ("typical", "high", "exceptional")

NOTHING = say("No mark in this window.")

MOST_REASONS = 5

CAVEATS = (
    say("Part-time work, a new role and tools that are not connected make contact look less than it is."),
    say("The next scan may say otherwise: ask the person before you conclude anything."),
)


def named_people(sight: Sight, rows: Ids, groups: Collection[str]) -> tuple[NamedPerson, ...]:
    """Describe these members, by name; ``groups`` are the ids of groups that their map draws."""
    sight.read_names(rows)
    held = badge_chips(sight, rows)
    found = [named_person(sight, int(row), groups, held.get(int(sight.scan.persons[row]), ())) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.view_id)))


def named_person(sight: Sight, row: int, groups: Collection[str], held: tuple[BadgeChip, ...]) -> NamedPerson:
    """Describe one member."""
    flagged = marks(sight, row, "flagged")
    team = str(sight.scan.units("team")[row])
    return NamedPerson(
        view_id=sight.codes[row],
        name=sight.label(row)[0],
        group=team if team in groups else None,
        roles=tuple(ROLES[facet] for facet in reversed(MARKED_FACETS) if facet in flagged),
        band=band(sight, row),
        sentence=_sentence(flagged),
        badges=held,
    )


def badge_chips(sight: Sight, rows: Ids) -> dict[int, tuple[BadgeChip, ...]]:
    """Badges by person, by name."""
    found: dict[int, list[BadgeChip]] = {}
    for held in badges.badges(sight.ws, {int(sight.scan.persons[row]) for row in rows}).to_pylist():
        found.setdefault(held["person"], []).append(BadgeChip(held["name"], held["issuer"], held["expires_on"], held["status"]))
    return {person: tuple(sorted(some, key=lambda badge: badge.name)) for person, some in found.items()}


def band(sight: Sight, row: int) -> Band | None:
    """Return how clearly somebody stands out, in what they are marked for or overall; None where there is not enough data to say."""
    found = [_tier(sight, row, facet) for facet in ("overall", *marks(sight, row, "flagged"))]
    known = [STEPS.index(tier) for tier in found if tier in STEPS]
    return BANDS[STEPS[max(known)]] if known else None


def _tier(sight: Sight, row: int, facet: str) -> str | None:
    columns = sight.scan.scores.get(facet)
    return None if columns is None or columns.reason[row] is not None else columns.tier[row]


def read_colleague(ws: Workspace, scan: Readable, viewer: Viewer, code: str) -> Colleague:
    """Return why somebody named is drawn as they are; whoever is not named to this viewer is not found."""
    demand(ws, viewer, Right.SEE_NAMED)
    sight = look(ws, scan, viewer)
    row = open_record(sight, code)
    chips = badge_chips(sight, np.array([row]))
    flagged = marks(sight, row, "flagged")
    return Colleague(
        scan_id=sight.scan.id,
        mode=sight.mode,
        person=named_person(sight, row, (), chips.get(int(sight.scan.persons[row]), ())),
        team=sight.unit_name("team", row),
        reasons=_reasons(sight, row) if sight.mode is Mode.OPEN else (),
        agreement=tuple(Agreement(one.source, one.verdict) for facet in flagged[:1] for one in sources(sight, row, facet)),
        caveats=CAVEATS,
        standing=(words.STANDING_LINE, words.ABSENCE_LINE),
    )


def _sentence(flagged: tuple[str, ...]) -> str:
    said: list[Phrase] = [SAID[facet] for facet in MARKED_FACETS if facet in flagged]
    return NOTHING if not said else said[0] if len(said) == 1 else say("{one} and {other}", one=said[0], other=said[1])


def _reasons(sight: Sight, row: int) -> tuple[Reason, ...]:
    """Return what weighs most, in words; indicators that no text is written for are left out."""
    rows = sight.scan.contributions.get(int(sight.scan.persons[row]))
    if rows is None:
        return ()
    own = rows[rows["facet"].isin(MARKED_FACETS) & rows["contribution"].notna()]
    own = own.reindex(own["contribution"].abs().sort_values(ascending=False).index)
    parts = zip(own["indicator"], own["contribution"], strict=True)
    said = [Reason(float(size) >= 0, words.INDICATORS[str(name)].text) for name, size in parts if str(name) in words.INDICATORS]
    return tuple(said[:MOST_REASONS])
