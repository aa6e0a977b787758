"""Who of a scan holds which skill by badge, how firmly, until when, and what their role asks for."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ona.gaps import EXPIRES_WITHIN_DAYS, HELD, Holding, SkillRisk, ranked
from ona.skill_map import SkillTag, skills_of, tag
from pipelines.access.policy import Sight
from pipelines.access.readable import Bools, Objects
from pipelines.access.skill_answers import Cell, CellState
from pipelines.access.stamp import remembered
from pipelines.intake import badges, skill_tables


@dataclass(frozen=True)
class Proof:
    """The badge that proves a skill best."""

    worth: float
    until: date | None
    name: str
    status: str


@dataclass(frozen=True, eq=False)
class Skills:
    """Skills of everybody in a scan."""

    holding: Holding
    tags: tuple[SkillTag, ...]
    proofs: dict[tuple[int, int], Proof]  # by member row and skill
    value: dict[str, float]  # business value by skill
    today: date

    def cell(self, row: int, column: int) -> Cell:
        """Return what a table says of one person and skill."""
        proof = self.proofs.get((row, column))
        asked = not np.isnan(self.holding.target[row, column])
        if proof is None or proof.worth == 0:
            state: CellState = "missing" if asked else "not-needed"
            return Cell(state, None, None)
        if proof.worth < 1:
            return Cell("partial", proof.until, proof.name)
        return Cell("expiring" if self.holding.expiring[row, column] else "verified", proof.until, proof.name)

    def risks(self, among: Bools | None = None) -> list[SkillRisk]:
        """Return the skills that roles ask for, the most pressing first; of these people alone, else of everybody in the scan."""
        return ranked(self.holding if among is None else self.holding.among(among), self.value)


def skills(sight: Sight) -> Skills:
    """Return who holds what, made once while badges and targets stay as they are; private badges are nobody's business here."""
    return remembered(sight.ws, f"skills {sight.scan.id}", sight.mark, lambda: _made(sight))


def _made(sight: Sight) -> Skills:
    scan, today = sight.scan, sight.ws.now().date()
    loaded = skill_tables.skill_tags(sight.ws)
    wanted = skill_tables.targets(sight.ws)
    rows = {int(person): row for row, person in enumerate(scan.persons)}
    found: dict[tuple[int, str], Proof] = {}
    for held in badges.badges(sight.ws, set(rows)).to_pylist():
        proof = _proof(held, today)
        for skill in skills_of(held["skills"] or (), loaded):
            key = (rows[held["person"]], skill)
            found[key] = max(found.get(key, proof), proof, key=_firmness)
    names = tuple(sorted({skill for _, skill in found} | {one.skill for one in wanted}))
    place = {skill: column for column, skill in enumerate(names)}
    shape = (len(scan.persons), len(names))
    level, expiring, target = np.zeros(shape), np.zeros(shape, dtype=np.bool_), np.full(shape, np.nan)
    proofs = {(row, place[skill]): proof for (row, skill), proof in found.items()}
    for (row, column), proof in proofs.items():
        level[row, column] = proof.worth
        expiring[row, column] = proof.until is not None and proof.until <= today + timedelta(days=EXPIRES_WITHIN_DAYS)
    functions = _functions(sight)
    for one in sorted(wanted, key=lambda one: one.function != skill_tables.EVERYBODY):  # what a role says outweighs what holds for all
        here = np.ones(len(functions), dtype=np.bool_) if one.function == skill_tables.EVERYBODY else functions == one.function
        target[here, place[one.skill]] = one.level
    values: dict[str, float] = defaultdict(float)
    for one in wanted:
        values[one.skill] = max(values[one.skill], one.value)
    tags = tuple(tag(skill, loaded) for skill in names)
    return Skills(Holding(names, level, target, expiring, _central(sight)), tags, proofs, dict(values), today)


def columns_of(found: Skills, most: int) -> list[int]:
    """Return the skills that matter most: those that roles ask for by priority, then those held by most."""
    names = found.holding.skills
    place = {skill: column for column, skill in enumerate(names)}
    asked = [place[one.skill] for one in found.risks()]
    held = Counter(column for (_, column), proof in found.proofs.items() if proof.worth > 0)
    rest = [column for column, _ in sorted(held.items(), key=lambda item: (-item[1], names[item[0]])) if column not in asked]
    return sorted([*asked, *rest][:most], key=lambda column: (found.tags[column].kind, names[column]))


def _proof(held: dict[str, object], today: date) -> Proof:
    until, status = held["expires_on"], str(held["status"])
    ended = isinstance(until, date) and until < today
    return Proof(0.0 if ended else HELD.get(status, 0.0), until if isinstance(until, date) else None, str(held["name"]), status)


def _firmness(proof: Proof) -> tuple[float, date, str]:
    return (proof.worth, proof.until or date.max, proof.name)


def _functions(sight: Sight) -> Objects:
    names = sight.scan.sealed.labels.get("function", {})
    column = sight.scan.table["function"]
    return np.array([names.get(int(code)) if code == code else None for code in column.astype(float)], dtype=object)  # noqa: PLR0124 - NaN


def _central(sight: Sight) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    columns = sight.scan.scores.get("helper")
    if columns is None:
        return np.full(len(sight.scan.persons), np.nan)
    told = np.array([reason is None for reason in columns.reason], dtype=np.bool_)
    return np.where(told, columns.percentile, np.nan)
