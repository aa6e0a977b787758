"""Mentoring programmes as HR runs them: set up, match with locks, look at the board, invite; without names until people say yes."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError
from ona.mentoring import NOBODY, Quality, best_of, match, quality
from ona.pairing import Reason, Weights, reasons
from pipelines import audit
from pipelines.access.behind import refuse_acting
from pipelines.access.policy import Readable, Viewer, demand, look
from pipelines.access.readings import marks
from pipelines.access.rights import Right
from pipelines.audit import Act
from pipelines.growth.mentoring_pool import LATEST_START, MENTEE, MENTOR, Ready, Row, first_sides, ready
from pipelines.phrases import Phrase, say, say_count
from pipelines.rights import invitations
from pipelines.schema import PAIRS, POOL, PROGRAMMES
from pipelines.storage.workspace import Workspace

MOST_SEATS, SUGGESTED = 5, 5

MOST_COSTED = 12
"""Locks up to whom the cost of each is told: each takes a match of its own."""

COARSE = 5
"""A fit is told in steps of so many hundredths: finer ones would tell the score inside it of somebody who is not named."""

RunState = Literal["draft", "running", "ended"]
PairState = Literal["draft", "waiting", "active", "closed", "ended"]

SAID: Mapping[str, Phrase] = {
    "same_person": say("they are the same person"),
    "not_consented": say("somebody did not agree"),
    "one_line": say("all mentors stand in the same reporting line"),
    "conflict": say("the pair is excluded, or was tried before"),
    "hours": say("fewer than three working hours in common with any mentor"),
    "overloaded": say("no mentor is free"),
    "tenure": say("all mentors joined less than half a year ago"),
    "rules": say("several rules together leave no mentor"),
    "seats": say("all fitting mentors have their seats filled with pairs of higher fit"),
    "no_mentors": say("there is no mentor in the pool"),
}


@dataclass(frozen=True)
class Programme:
    """One programme in a list."""

    id: str
    name: str
    state: RunState
    created: datetime
    mentees: int
    mentors: int
    pairs: int  # invited so far


@dataclass(frozen=True)
class Choice:
    """One mentor who fits a mentee, with what speaks for it."""

    mentor: str  # view id
    label: str
    fit: int  # utility in hundredths of the most there could be, in steps
    reasons: tuple[Phrase, ...]
    parts: tuple[Reason, ...]
    chosen: bool
    locked: bool


@dataclass(frozen=True)
class BoardRow:
    """One mentee with the mentors that fit best; the chosen one is always among them."""

    mentee: str
    label: str
    lacking: tuple[str, ...]
    choices: tuple[Choice, ...]
    state: PairState
    unmatched: Phrase | None
    cost_of_lock: float | None = None  # what the held pair costs by itself, the others kept; None where none is held, or too many are


@dataclass(frozen=True)
class Board:
    """The match board of a programme."""

    scan_id: str
    programme: Programme
    weights: Weights
    quality: Quality
    cost_of_locks: float
    rows: tuple[BoardRow, ...]


def create(ws: Workspace, viewer: Viewer, scan: Readable, name: str, *, seats: int = 1, weights: Weights | None = None) -> str:
    """Set up a programme with everybody who agreed to be in the pool, and return its id."""
    demand(ws, viewer, Right.PAIR)
    refuse_acting(viewer)
    if not 1 <= seats <= MOST_SEATS:
        raise ConflictError(f"A mentor takes 1 to {MOST_SEATS} mentees.")
    _check_weights(weights or Weights())
    sides = first_sides(look(ws, scan, viewer))
    made = {
        "id": secrets.token_hex(16),
        "name": name,
        "state": "draft",
        "created": ws.now(),
        "seats": seats,
        "seed": secrets.randbelow(2**31),
    }
    pool = [
        {"programme": made["id"], "person": person, "side": side, "seats": seats, "skills": [], "interests": {}}
        for person, side in sides.items()
    ]
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "make_programme", str(made["id"]), "mentoring")) as connection:
        connection.execute(sa.insert(PROGRAMMES).values(**made, weights=asdict(weights or Weights())))
        if pool:
            connection.execute(sa.insert(POOL), pool)
    return str(made["id"])


def programmes(ws: Workspace, viewer: Viewer) -> tuple[Programme, ...]:
    """Return the programmes, the newest first."""
    demand(ws, viewer, Right.PAIR)
    rows = ws.service.rows(sa.select(PROGRAMMES).order_by(PROGRAMMES.c.created.desc(), PROGRAMMES.c.id))
    return tuple(_programme(ws, row) for row in rows)


def board(ws: Workspace, viewer: Viewer, scan: Readable, programme: str) -> Board:
    """Match the pool as it is today, pairs that were invited and locks kept, and show what speaks for each choice."""
    demand(ws, viewer, Right.PAIR)
    sight = look(ws, scan, viewer)
    row = _row(ws, programme)
    one = ready(ws, sight, row)
    kept = _kept(ws, one, programme)
    found = match(one.pool, tuple(kept), seed=row.seed)
    why = {gone.mentee: SAID[gone.reason] for gone in found.unmatched}
    sight.read_names([one.member(int(person)) for person in (*one.mentees.person, *one.mentors.person)])
    costs = _costs(one, kept, found.total, row.seed)
    rows = [
        replace(_board_row(one, mentee, int(found.mentor_of[mentee]), kept, why.get(mentee)), cost_of_lock=costs.get(mentee))
        for mentee in range(len(one.mentees.person))
    ]
    ordered = tuple(sorted(rows, key=lambda each: (each.label.casefold(), each.mentee)))
    exact = quality(one.pool, found.mentor_of, one.crossing)
    figures = replace(exact, least=COARSE / 100 * round(100 / COARSE * exact.least))
    today = replace(_programme(ws, row), mentees=len(one.mentees.person), mentors=len(one.mentors.person))
    return Board(sight.scan.id, today, one.weights, figures, found.cost_of_locks, ordered)


def weigh(ws: Workspace, viewer: Viewer, programme: str, weights: Weights) -> None:
    """Weigh the parts of the fit anew; pairs that were asked or are held stay.

    Raises ConflictError when no part counts.
    """
    demand(ws, viewer, Right.PAIR)
    refuse_acting(viewer)
    _row(ws, programme)
    _check_weights(weights)
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "weigh_programme", str(programme), "mentoring")) as connection:
        connection.execute(sa.update(PROGRAMMES).where(PROGRAMMES.c.id == programme).values(weights=asdict(weights)))


def set_lock(ws: Workspace, viewer: Viewer, scan: Readable, programme: str, pair: tuple[str, str], *, locked: bool) -> None:
    """Hold a pair of view ids (mentee, mentor) whatever the matching says, or let it go.

    Raises ConflictError when the lock breaks a rule or takes more seats than there are.
    """
    demand(ws, viewer, Right.PAIR)
    refuse_acting(viewer)
    row = _row(ws, programme)
    one = ready(ws, look(ws, scan, viewer), row)
    mentee, mentor = _place(one, one.mentees.person, pair[0]), _place(one, one.mentors.person, pair[1])
    kept = _kept(ws, one, programme)
    if mentee in {at for (at, _), state in kept.items() if state != "draft"}:
        raise ConflictError("This pair was invited already. It can be matched anew when the invitation has ended.")
    wanted = [at for at in kept if at[0] != mentee] + ([(mentee, mentor)] if locked else [])
    match(one.pool, wanted, seed=row.seed)
    persons = _persons(one, (mentee, mentor))
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "lock_pair", str(programme), "mentoring")) as connection:
        mine = sa.and_(PAIRS.c.programme == programme, PAIRS.c.mentee == persons[0], PAIRS.c.state == "draft")
        connection.execute(sa.delete(PAIRS).where(mine))
        if locked:
            connection.execute(sa.insert(PAIRS).values(**_pair(programme, persons, "draft", ()), locked=True))


def invite(ws: Workspace, viewer: Viewer, scan: Readable, programme: str) -> int:
    """Ask both sides of every matched pair; each sees what it is about, and says yes or nothing. Return how many pairs were asked."""
    demand(ws, viewer, Right.PAIR)
    refuse_acting(viewer)
    sight, row = look(ws, scan, viewer), _row(ws, programme)
    one = ready(ws, sight, row)
    kept = _kept(ws, one, programme)
    asked = {at for at, state in kept.items() if state != "draft"}
    found = match(one.pool, tuple(kept), seed=row.seed)
    new = [
        (mentee, int(mentor)) for mentee, mentor in enumerate(found.mentor_of) if mentor != NOBODY and (mentee, int(mentor)) not in asked
    ]
    sent = [[invitations.invite(ws, viewer, scan, sight.codes[one.member(person)]).id for person in _persons(one, pair)] for pair in new]
    with audit.recorded(ws, Act(viewer.subject, viewer.role, "invite_pairs", str(programme), "mentoring")) as connection:
        connection.execute(sa.delete(PAIRS).where(sa.and_(PAIRS.c.programme == programme, PAIRS.c.state == "draft")))
        for pair, ids in zip(new, sent, strict=True):
            values = _pair(programme, _persons(one, pair), "invited", _codes(one, *pair))
            connection.execute(sa.insert(PAIRS).values(**values | {"started": ws.now(), "invitations": ids}, locked=False))
        connection.execute(sa.update(PROGRAMMES).where(PROGRAMMES.c.id == programme).values(state="running"))
    return len(new)


def shown_state(row: Row, now: datetime) -> PairState:
    """Return what HR is told of a pair: no and silence read alike until the time to answer is over."""
    if row.state in ("invited", "declined"):
        return "waiting" if row.started > now - LATEST_START else "closed"
    states: dict[str, PairState] = {"draft": "draft", "active": "active", "ended": "ended"}
    return states[row.state]


def reason_words(codes: Sequence[Mapping[str, Any]]) -> tuple[Phrase, ...]:
    """Say what speaks for a pair, without a figure."""
    return tuple(_chip(str(one["part"]), tuple(one.get("skills", ())), int(one.get("steps", 0))) for one in codes)


def _kept(ws: Workspace, one: Ready, programme: str) -> dict[tuple[int, int], str]:
    """Pairs that the matching must keep, by rows: locks, and those that were asked and have not ended; who left the pool is not held."""
    mentees, mentors = ({int(person): at for at, person in enumerate(side.person)} for side in (one.mentees, one.mentors))
    found = {}
    for row in ws.service.rows(sa.select(PAIRS).where(PAIRS.c.programme == programme).order_by(PAIRS.c.id)):
        state = shown_state(row, ws.now())
        here = row.mentee in mentees and row.mentor in mentors
        if here and state in ("draft", "waiting", "active"):
            found[mentees[row.mentee], mentors[row.mentor]] = str(state)
    return {at: state for at, state in found.items() if one.pool.allowed[at]}


def _check_weights(weights: Weights) -> None:
    if not any(asdict(weights).values()):
        raise ConflictError("No part of the fit counts. Give at least one of them a weight.")


def _costs(one: Ready, kept: Mapping[tuple[int, int], str], total: float, seed: int) -> dict[int, float]:
    """Return by mentee what their lock costs, every other one kept."""
    locks = [at for at, state in kept.items() if state == "draft"]
    if len(locks) > MOST_COSTED:
        return {}
    free = {at: match(one.pool, tuple(other for other in kept if other != at), seed=seed).total for at in locks}
    return {mentee: max(0.0, free[mentee, mentor] - total) for mentee, mentor in locks}


def _board_row(one: Ready, mentee: int, mentor: int, kept: Mapping[tuple[int, int], str], why: Phrase | None) -> BoardRow:
    sight = one.sight
    member = one.member(int(one.mentees.person[mentee]))
    best = best_of(one.pool, mentee, SUGGESTED)
    shown = best if mentor == NOBODY or mentor in best else [*best[: SUGGESTED - 1], mentor]
    state = kept.get((mentee, mentor), "draft")
    return BoardRow(
        mentee=sight.codes[member],
        label=sight.label(member)[0],
        lacking=tuple(name for name, lacks in zip(one.names, one.mentees.skills[mentee], strict=True) if lacks),
        choices=tuple(_choice(one, mentee, other, other == mentor, (mentee, other) in kept) for other in shown),
        state=state,  # type: ignore[arg-type]  # a state that was kept
        unmatched=why,
    )


def _choice(one: Ready, mentee: int, mentor: int, chosen: bool, locked: bool) -> Choice:
    member = one.member(int(one.mentors.person[mentor]))
    label, named = one.sight.label(member)
    return Choice(
        mentor=one.sight.codes[member],
        label=label,
        fit=COARSE * round(100 / COARSE * float(one.pool.utility[mentee, mentor]) / max(sum(asdict(one.weights).values()), 1e-9)),
        reasons=reason_words(_codes(one, mentee, mentor)),
        parts=tuple(part for part in reasons(one.parts, one.weights, mentee, mentor) if named or part.part != "helper"),
        chosen=chosen,
        locked=locked,
    )


def _codes(one: Ready, mentee: int, mentor: int) -> list[dict[str, Any]]:
    """Return what speaks for a pair as it is stored: parts that contribute, with the skills and steps behind them."""
    found: list[dict[str, Any]] = []
    is_asked = "helper" in marks(one.sight, one.member(int(one.mentors.person[mentor])), "flagged")
    for part in reasons(one.parts, one.weights, mentee, mentor):
        if part.contribution <= 0 or (part.part == "distance" and part.value < 0.5) or (part.part == "helper" and not is_asked):
            continue
        own: dict[str, Any] = {"part": part.part}
        if part.part == "gap":
            own["skills"] = list(one.covered(mentee, mentor))
        if part.part == "distance":
            own["steps"] = int(one.between.steps[mentee, mentor])
        found.append(own)
    return found


def _chip(part: str, covered: tuple[str, ...], steps: int) -> Phrase:
    match part:
        case "gap":
            return say("has what is asked for: {skills}", skills=", ".join(covered))
        case "helper":
            return say("is asked by many")
        case "similarity":
            return say("similar answers to what matters at work")
        case "distance":
            return say_count("{number} step apart", "{number} steps apart", steps)
        case _:
            return say("another department")


def _pair(programme: str, persons: tuple[int, int], state: str, codes: Sequence[object]) -> dict[str, object]:
    return {
        "id": secrets.token_hex(16),
        "programme": programme,
        "mentee": persons[0],
        "mentor": persons[1],
        "state": state,
        "reasons": list(codes),
        "invitations": [],
    }


def _persons(one: Ready, pair: tuple[int, int]) -> tuple[int, int]:
    return int(one.mentees.person[pair[0]]), int(one.mentors.person[pair[1]])


def _place(one: Ready, persons: Any, code: str) -> int:
    """Row of a view id on one side of the pool."""
    for at, person in enumerate(persons.tolist()):
        if one.sight.codes[one.member(person)] == code.upper():
            return at
    raise NotFoundError("There is nobody of this id on this side of the pool. Open the board again.")


def _row(ws: Workspace, programme: str) -> Row:
    found = ws.service.rows(sa.select(PROGRAMMES).where(PROGRAMMES.c.id == programme))
    if not found:
        raise NotFoundError("There is no programme of this id.")
    return found[0]


def _programme(ws: Workspace, row: Row) -> Programme:
    sides = ws.service.rows(sa.select(POOL.c.side, sa.func.count().label("n")).where(POOL.c.programme == row.id).group_by(POOL.c.side))
    count = {one.side: one.n for one in sides}
    asked = sa.select(sa.func.count().label("n")).where(PAIRS.c.programme == row.id, PAIRS.c.state != "draft")
    pairs = ws.service.rows(asked)[0].n
    return Programme(row.id, row.name, row.state, row.created, count.get(MENTEE, 0), count.get(MENTOR, 0), pairs)
