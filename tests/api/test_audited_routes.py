"""The exact audit over what each role can fetch from the routes of a company with two scans: no sum tells of one to k - 1 people.

Bands are taken for exact figures in the audit of one moment, and in that of two scans of overlapping weeks. Between moments (two quarters,
and the same scan after somebody thought again) figures of the same group may be subtracted, so nothing but steps and bands may be told to
whoever does not read single people.
"""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property, partial

import audited_company
import numpy as np
import pytest
import scipy.sparse as sp
from audited_company import EARLIER, LATER
from fastapi.testclient import TestClient
from signing_in import BASE, add_viewer, come_in, company_settings

from api.app import create_app
from api.routes import rights_of_routes
from pipelines.access import policy
from pipelines.access.disclosed import leaks, pattern
from pipelines.access.policy import view_id
from pipelines.access.rights import MATRIX, Right, Role
from pipelines.access.units import SIZES
from pipelines.settings import Mode

K = 5
SMALL, LARGE = 60, 120
"""People of a company in every run, and in the sweep."""

COMPANIES = [(1, SMALL), *(pytest.param(seed, LARGE, marks=pytest.mark.soak) for seed in range(20))]

READ = {
    "/api/v1/groups",
    "/api/v1/teams/{team_id}/map",
    "/api/v1/teams/{team_id}/skills",
    "/api/v1/skills/heat",
    "/api/v1/scans/{scan_id}/company",
    "/api/v1/skills/needs",
}
"""Every route that tells figures of groups: what it answers goes into the audit. A new one fails the test below until it is read here."""

ONE_BY_ONE = {
    "/api/v1/scans/{scan_id}/people",
    "/api/v1/people/{person_id}",
    "/api/v1/colleagues/{person_id}",
    "/api/v1/colleagues/{person_id}/ties",
    "/api/v1/badges",
    "/api/v1/skills/grid",
    "/api/v1/mentors",
    "/api/v1/mentoring/programmes",
    "/api/v1/mentoring/programmes/{programme_id}",
    "/api/v1/mentoring/programmes/{programme_id}/pairs",
    "/api/v1/mentoring/programmes/{programme_id}/check-ins.ics",
    "/api/v1/mentoring/exclusions",
    "/api/v1/mentoring/suggestions",
    "/api/v1/invitations",
    "/api/v1/reveals",
    "/api/v1/reveals/{reveal_id}/name",
    "/api/v1/reveals/inbox",
    "/api/v1/exports/inbox",
    "/api/v1/grants/inbox",
    "/api/v1/recognitions",
    "/api/v1/contests",
}
"""Every route that tells of people one by one, or of what somebody asked for: people of a scan and candidates are known to the audit."""

OF_THE_WHOLE = {
    "/api/v1/scans/{scan_id}/quality",
    "/api/v1/mentoring/counts",
    "/api/v1/surveys",
    "/api/v1/connections",
    "/api/v1/jobs",
    "/api/v1/jobs/{job_id}",
    "/api/v1/jobs/{job_id}/events",
    "/api/v1/minimum-group",
    "/api/v1/audit",
    "/api/v1/audit/count",
    "/api/v1/audit/verification",
}
"""Counts of rows, or of everybody: no figure of a group that is told of elsewhere."""

RINGS = {0.0, 1.0, 0.5, 1 / 3, 2 / 3, 1 / 6, 5 / 6}
"""Where bands are drawn on a spider chart."""

Masks = list[np.ndarray]


@dataclass
class Moment:
    """What one viewer fetched of one scan at one moment."""

    shown: Masks = field(default_factory=list)  # groups with any word about them
    figures: Masks = field(default_factory=list)  # groups with a figure, bands included
    exact: Masks = field(default_factory=list)  # groups with a number that is no step and no band
    single: set[int] = field(default_factory=set)  # persons who are read one by one


@dataclass
class Reader:
    """One viewer, and who is whose as the company was made, not as the service says."""

    client: TestClient
    ws: object
    shelf: object
    role: Role
    person: int | None
    below: dict[str, set[int]]  # by scan: persons in scope
    objected: dict[str, set[int]]

    def fetch(self, path: str) -> dict:
        answer = self.client.get(f"/api/v1{path}")
        assert answer.status_code == 200, (self.role, path, answer.text)
        return answer.json()

    def of(self, scan: str) -> Moment:
        """Fetch everything about groups of one scan; a manager without people any more finds nothing."""
        taken, told = self.shelf.take(scan), Moment()
        if self.role is Role.MANAGER and not self.below[scan] & {int(person) for person in taken.persons}:
            assert self.client.get(f"/api/v1/teams/company/map?scan={scan}").status_code == 404
            return told
        cells = Cells(taken, self, scan)
        for node in self.fetch(f"/groups?scan={scan}")["groups"]:
            self.node(told, cells, node)
            if not node["hidden"]:
                self.unit(told, cells, node["id"], scan)
        self.unit(told, cells, "company", scan)
        self.tables(told, cells, scan)
        if self.role is Role.HR:
            people = self.fetch(f"/scans/{scan}/people?limit=500")["people"]
            candidates = self.fetch(f"/mentors?scan={scan}")["candidates"]
            told.single |= {cells.codes[code] for code in [one["id"] for one in people] + [one["view_id"] for one in candidates]}
        return told

    def unit(self, told: Moment, cells: "Cells", unit: str, scan: str) -> None:
        """Map and spider chart of one group."""
        found = self.fetch(f"/teams/{unit}/map?scan={scan}")
        for node in found["nodes"]:
            self.node(told, cells, node)
        if not found["hidden"]:
            cells.tell(told, unit, [card for card in found["cards"] if not card["hidden"]])
        told.single |= {cells.codes[one["view_id"]] for one in found["people"]}
        if unit == "company" or unit.isdecimal():
            chart = self.fetch(f"/teams/{unit}/skills?scan={scan}")
            axes = [{**axis, **dict.fromkeys(("value", "low", "high"))} for axis in chart["axes"] if ringed(axis)]
            cells.tell(told, unit, axes + [axis for axis in chart["axes"] if not ringed(axis)])

    def tables(self, told: Moment, cells: "Cells", scan: str) -> None:
        """Heat maps, departments beside each other, and needs."""
        for kind in ("skill", "archetype"):
            for row in self.fetch(f"/skills/heat?scan={scan}&by={kind}")["rows"]:
                cells.tell(told, row["id"], row["cells"])
        company = self.fetch(f"/scans/{scan}/company")
        cells.tell(told, "company", company["statements"])
        rows = dict(zip(company["contact"]["departments"], company["contact"]["shares"], strict=True))
        for one in company["departments"]:
            cells.tell(told, cells.unit_of(one["name"]), [one, rows.get(one["name"], [])])
        for row in self.fetch(f"/skills/needs?scan={scan}")["rows"]:
            cells.tell(told, cells.unit_of(row["unit"]), [row])

    def node(self, told: Moment, cells: "Cells", node: dict) -> None:
        """One group of a map or list."""
        if node["hidden"]:
            assert {name for name, value in node.items() if value is not None} <= {"kind", "id", "label", "own", "hidden", "reason"}
            return
        mask = cells.mask(node["id"])
        assert node["size_band"] == next(text for floor, text in SIZES if mask.sum() >= floor), node
        told.shown.append(mask)
        cells.tell(told, node["id"], [node["load_band"]] if node["load_band"] else [])


@dataclass
class Cells:
    """Who is in which group of a scan, for one viewer."""

    scan: object
    reader: Reader
    id: str

    def mask(self, cell: str) -> np.ndarray:
        persons, reader = self.scan.persons, self.reader
        counted = ~np.isin(persons, list(reader.objected[self.id])) & (persons != (reader.person or -1))
        own = np.isin(persons, list(reader.below[self.id])) if reader.role is Role.MANAGER else np.ones(len(persons), bool)
        if cell == "company":
            return counted & own
        kind = "group" if cell.startswith("d") else "team"
        among = ~own if cell.startswith("out-") else own
        return counted & among & (self.scan.units(kind) == int(re.sub(r"\D", "", cell)))

    def tell(self, told: Moment, cell: str, figures: list) -> None:
        """Keep a group of which something is told, and whether it is more than a band."""
        if not figures:
            return
        told.figures.append(self.mask(cell))
        if any(True for _ in exact_numbers(figures)):
            told.exact.append(self.mask(cell))

    @cached_property
    def codes(self) -> dict[str, int]:
        audience = f"manager {self.reader.person}" if self.reader.role is Role.MANAGER else self.reader.role
        return {view_id(self.reader.ws.keys, audience, self.id, int(one)): int(one) for one in self.scan.persons}

    def unit_of(self, name: str) -> str:
        kinds = {"group": "d", "team": ""}
        labels = self.scan.sealed.labels
        return next(f"{kinds[kind]}{code}" for kind in kinds for code, label in labels[kind].items() if label == name)


def ringed(axis: dict) -> bool:
    return all(any(abs(axis[name] - ring) < 1e-9 for ring in RINGS) for name in ("value", "low", "high"))


def exact_numbers(value: object) -> Iterator[object]:
    """Numbers of an answer that are neither steps of five people nor of five points, sentences included."""
    if isinstance(value, dict):
        for item in value.values():
            yield from exact_numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from exact_numbers(item)
    elif isinstance(value, str):
        yield from (
            found for found in re.findall(r"\d+(?:\.\d+)?", re.sub(r"Department \d+|Team \d+|\d in 100", "", value)) if float(found) % 5
        )
    elif isinstance(value, int | float) and not isinstance(value, bool):
        steps = value / 5 if isinstance(value, int) else value * 20
        if abs(steps - round(steps)) > 1e-9:
            yield value


def below(audited, rows: list, lead: int) -> set[int]:
    """Persons below somebody in the tree as it was made."""
    above = {i: int(row.manager.split("@")[0].removeprefix("mail:p")) for i, row in enumerate(rows) if row.manager and row.left is None}
    found = {lead}
    while more := {i for i, manager in above.items() if manager in found} - found:
        found |= more
    return {audited.persons[i] for i in found - {lead}}


@dataclass
class Served:
    """A company behind its routes, and everybody who reads it."""

    app: object
    audited: object
    readers: list[Reader]

    def moments(self, scan: str) -> "Moments":
        return [(reader, reader.of(scan)) for reader in self.readers]


Moments = list[tuple[Reader, Moment]]
"""What every reader fetched of one scan."""


@pytest.fixture
def serve_one(tmp_path):
    """Serve the company of a seed; after the first quarter, and after the second once ``later`` is called."""
    opened = []

    def start(seed: int, audited=None, people: int = SMALL) -> Served:
        audited = audited or audited_company.build(tmp_path / "home", seed, people)
        settings = company_settings(audited.settings).model_copy(update={"reads_per_minute": 10**9})
        app = create_app(settings)
        opened.append(TestClient(app, base_url=BASE))
        opened[-1].__enter__()
        return Served(app, audited, list(readers(app, audited)))

    yield start
    for one in opened:
        one.__exit__(None, None, None)


def readers(app, audited) -> Iterator[Reader]:
    ws, second = app.state.ws, len(audited.persons) > len(audited.first)
    gone = {audited.persons[audited.objecting]} if second else set()
    objected = {EARLIER: set(), LATER: gone}
    viewers = [(Role.HR, audited_company.HR), (Role.STEWARD, audited_company.STEWARD)]
    viewers += [(Role.MANAGER, lead) for lead in dict.fromkeys(audited.leads)]
    for role, at in viewers:
        person = audited.persons[at]
        first = below(audited, audited.first, at)
        last = below(audited, audited.second, at) if second else first
        name = add_viewer(ws, f"{role} {at} {secrets.token_hex(4)}", role, person=person)
        yield Reader(come_in(app, name, role), ws, app.state.shelf, role, person, {EARLIER: first & last, LATER: last}, objected)


def audit(width: int, masks: Masks, single: np.ndarray) -> list[frozenset[int]]:
    if not masks:
        return []
    return leaks(sp.csr_array(np.array(masks, dtype=np.int64).reshape(-1, width)), single, K)


def exposed(served: Served, scan: str, moments: Moments) -> list[tuple[str, list]]:
    """Everything that a reader could compute of one moment, bands taken for exact figures."""
    persons, found = served.app.state.shelf.take(scan).persons, []
    for reader, told in moments:
        single = np.isin(persons, list(told.single))
        leaking = audit(len(persons), told.shown, np.zeros(len(persons), bool)) + audit(len(persons), told.figures, single)
        found += [(reader.role, leaking)] if leaking else []
        assert told.figures or reader.role is Role.MANAGER
    return found


def test_every_route_with_figures_of_groups_is_read(serve_one):
    served = serve_one(0)
    doors = {one.path for one in rights_of_routes(served.app) if Right.SEE_GROUPS in one.rights and one.path.startswith("/api/")}
    tables = (".csv", ".xlsx")
    assert {door for door in doors if not door.endswith(tables)} == READ
    assert {door.rpartition(".")[0] for door in doors if door.endswith(tables)} <= READ
    audited = {right for right, roles in MATRIX[Mode.STANDARD].items() if roles.keys() & {Role.HR, Role.STEWARD, Role.MANAGER}}
    audited -= {Right.SEE_GROUPS, Right.READ_WORDS, Right.OWN_RECORD}
    others = {one.path for one in rights_of_routes(served.app) if one.method == "GET" and one.rights & audited}
    others = {door for door in others if door.startswith("/api/") and not door.endswith(tables)}
    assert others == ONE_BY_ONE | OF_THE_WHOLE  # a new route is none of these, and has to be judged


@pytest.mark.parametrize(("seed", "people"), COMPANIES)
def test_no_role_can_compute_anything_of_fewer_than_k_people(serve_one, seed, people):
    served = serve_one(seed, people=people)
    before = served.moments(EARLIER)
    assert exposed(served, EARLIER, before) == []
    later = serve_one(seed, audited_company.go_on(served.audited))
    again, after = later.moments(EARLIER), later.moments(LATER)
    assert exposed(later, EARLIER, again) == []
    assert exposed(later, LATER, after) == []
    assert differences(later, [before, again, after]) == ([], 0)  # nor any figure that is neither a step nor a band


def differences(later: Served, moments: list[Moments], *, bands: bool = False) -> tuple[list, int]:
    """Audit jointly what each reader kept of the first quarter, reads of it now, and reads of the second; and how many exact figures.

    With ``bands`` these are taken for exact figures.
    """
    earlier, last = (later.app.state.shelf.take(scan).persons for scan in (EARLIER, LATER))
    every, found, figures = np.union1d(earlier, last), [], 0
    for told in zip(*moments, strict=True):
        single = np.isin(every, list(set().union(*(moment.single for _, moment in told))))
        kept = zip(told, (earlier, earlier, last), strict=True)
        masks = [np.isin(every, persons[mask]) for (_, moment), persons in kept for mask in (moment.figures if bands else moment.exact)]
        found += audit(len(every), masks, single)
        figures += len(masks)
    return found, figures


def test_with_complementary_suppression_switched_off_the_same_audit_finds_people(serve_one, monkeypatch):
    """The control: small groups are hidden alone, as naive thresholds do."""
    monkeypatch.setattr(policy, "pattern", partial(pattern, complement=False))
    served = serve_one(1)
    assert exposed(served, EARLIER, served.moments(EARLIER)) != []


@pytest.mark.parametrize(("seed", "people"), COMPANIES)
def test_of_scans_of_overlapping_weeks_even_exact_figures_would_tell_of_nobody(serve_one, monkeypatch, tmp_path, seed, people):
    """The second scan begins a month before the first ends. The control: with the rule for such scans off, they would."""
    window = audited_company.QUARTERS[LATER]
    monkeypatch.setitem(audited_company.QUARTERS, LATER, replace(window, start=window.start - timedelta(weeks=4)))
    later = serve_one(seed, audited_company.go_on(audited_company.build(tmp_path / "home", seed, people)))
    first, second = later.moments(EARLIER), later.moments(LATER)
    found, figures = differences(later, [first, first, second], bands=True)
    assert found == []
    assert figures > 10
    monkeypatch.setattr(policy, "_told_before", lambda _: [])
    naive = serve_one(seed, later.audited)
    assert differences(naive, [first, first, naive.moments(LATER)], bands=True)[0] != []


def test_the_reader_of_figures_tells_steps_from_exact_ones():
    assert list(exact_numbers([{"people": 40, "share": 0.35, "said": "About 15 people"}, None, True])) == []
    assert list(exact_numbers(json.loads('[{"people": 41}, 0.351, "17 people", [3]]'))) == [41, 0.351, "17", 3]
