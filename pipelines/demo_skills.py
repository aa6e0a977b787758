"""What the demo company says about skills: role targets, a small catalogue, unit figures, and people who agreed to mentoring."""

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa

from ona.errors import OnaError
from pipelines.access import Viewer
from pipelines.access.policy import Readable
from pipelines.access.rights import Role
from pipelines.growth import programmes
from pipelines.intake import people, skill_tables
from pipelines.intake.skill_tables import FEWEST_PEOPLE, Target
from pipelines.scans import SealedScan
from pipelines.schema import CATALOGUE, CONSENTS, PROGRAMMES, UNIT_EVIDENCE_ROWS
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace

TARGETS = (("agile", 1.0, 2.0), ("cloud", 1.0, 3.0), ("facilitation", 1.0, 2.5), ("security", 0.5, 3.0), ("project management", 0.5, 1.5))
"""Skill, level and business value, asked of everybody in the demo."""

COURSES = (
    ("agile-15", "agile", "Planning a week in fifteen minutes", 15),
    ("facilitation-20", "facilitation", "Opening a meeting so that all speak", 20),
    ("cloud-30", "cloud", "Reading a cloud bill", 30),
    ("security-10", "security", "Spotting a forged sender", 10),
    ("pm-25", "project management", "A risk list that is used", 25),
)

FIGURES = (("lms_completion", "agile", 0.4), ("ticket_tag", "security", 0.18), ("project_delay", "project management", 0.3))
"""Unit figures of the demo: kind, skill and about which share."""

TICKETS, PROJECTS = 120, 10

OPERATOR = Viewer("local", Role.HR)


def fill(ws: Workspace, scan: Readable) -> None:
    """Give the demo its skills once; a second call finds its work done."""
    if skill_tables.targets(ws):
        return
    skill_tables.put_targets(ws, tuple(Target(skill_tables.EVERYBODY, *one) for one in TARGETS))
    rows = [{"item": item, "skill": skill, "title": title, "minutes": minutes, "url": None} for item, skill, title, minutes in COURSES]
    with ws.service.begin() as connection:
        put(connection, CATALOGUE, rows)
        named = sorted(person for person, purposes in people.consents(ws).items() if people.NAME_ON_MAP in purposes)
        agreed = [(person, purpose) for person in named[::2] for purpose in ("mentor_pool", "survey", "nudge")]
        values = [{"person": person, "purpose": purpose, "granted": True, "source": "demo", "at": ws.now()} for person, purpose in agreed]
        if values:
            connection.execute(sa.insert(CONSENTS), values)
        put(connection, UNIT_EVIDENCE_ROWS, list(_figures(scan)))
    if not ws.service.rows(sa.select(PROGRAMMES.c.id).limit(1)):
        _programme(ws, scan)


def _figures(scan: Readable) -> Iterator[dict[str, object]]:
    """Say of each department how many completed a course, which tickets it had, and which of its projects were late."""
    sealed = scan if isinstance(scan, SealedScan) else scan.sealed
    sizes = Counter(sealed.people["group"].drop_null().to_pylist())
    for at, (code, name) in enumerate(sorted(sealed.labels.get("group", {}).items())):
        for kind, skill, share in FIGURES:
            total = {"lms_completion": sizes[code], "ticket_tag": TICKETS, "project_delay": PROJECTS}[kind]
            if total >= FEWEST_PEOPLE:
                some = round(total * share * (0.6 + 0.2 * (at % 4)))
                yield {"connector": "demo", "kind": kind, "unit": name, "skill": skill, "some": some, "total": total}


def _programme(ws: Workspace, scan: Readable) -> None:
    """Draft one programme; a company in which nobody agreed has none."""
    try:
        programmes.create(ws, OPERATOR, scan, "First programme", seats=2)
    except OnaError:
        return
