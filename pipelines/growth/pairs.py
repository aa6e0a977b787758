"""Mentoring pairs as the two people live them, and as HR follows them: answers, check-ins after 30, 60 and 90 days, the end, files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Literal

import sqlalchemy as sa

from ona.errors import ConflictError, NotFoundError
from pipelines import audit
from pipelines.access.behind import refuse_acting
from pipelines.access.policy import Readable, Sight, Viewer, demand, look
from pipelines.access.rights import Right
from pipelines.access.steps import about
from pipelines.audit import Act
from pipelines.growth import exclusions
from pipelines.growth.mentoring_pool import LATEST_START, MENTEE, MENTOR, Row
from pipelines.growth.programmes import PairState, reason_words, shown_state
from pipelines.phrases import Phrase, say
from pipelines.reports import calendar
from pipelines.rights import invitations
from pipelines.schema import CHECK_INS, PAIRS, PROGRAMMES
from pipelines.storage.service import put
from pipelines.storage.workspace import Workspace
from pipelines.thresholds import minimum

CHECKS = (30, 60, 90)
"""Days after the start on which both are asked two questions."""

EARLY = timedelta(days=7)
"""So long before its day a check-in may be answered."""

OwnState = Literal["open", "accepted", "active", "declined", "expired", "ended"]

UNKNOWN = say("nobody of this scan")


@dataclass(frozen=True)
class OwnPair:
    """A pair as one of its two people sees it; the other's name appears when both said yes."""

    id: str
    programme: str
    side: str
    state: OwnState
    other: str | None
    reasons: tuple[Phrase, ...]
    answer_until: datetime | None
    active: datetime | None
    due: tuple[int, ...]  # check-ins that may be answered now
    done: tuple[int, ...]


@dataclass(frozen=True)
class PairLine:
    """A pair as HR follows it: labels, names only of people who agreed; no figure of anybody."""

    id: str
    mentee: str
    mentor: str
    state: PairState
    asked: datetime | None
    active: datetime | None
    reasons: tuple[Phrase, ...]
    answered: tuple[int, ...]  # check-ins that both answered


@dataclass(frozen=True)
class Pulse:
    """What people of a programme said to one check-in: no figure of fewer than the minimum group, and none so fine that one more shows."""

    day: int
    people: int | None  # who answered, in steps of five
    met: float | None  # mean since the last time, in halves
    useful: float | None  # mean of 1 to 5, in halves


@dataclass(frozen=True)
class Counts:
    """How the programmes go, for those who count and name nobody; None under the minimum group."""

    programmes: int
    people: int | None
    pairs: dict[str, int | None]


def own_pairs(ws: Workspace, viewer: Viewer) -> tuple[OwnPair, ...]:
    """Return the viewer's own pairs, the newest first; drafts are nobody's business yet."""
    demand(ws, viewer, Right.OWN_RECORD)
    mine = sa.or_(PAIRS.c.mentee == viewer.person, PAIRS.c.mentor == viewer.person)
    found = sa.select(PAIRS, PROGRAMMES.c.name.label("programme_name")).join(PROGRAMMES).where(mine, PAIRS.c.state != "draft")
    return tuple(_own(ws, viewer, row) for row in ws.service.rows(found.order_by(PAIRS.c.started.desc(), PAIRS.c.id)))


def answer(ws: Workspace, viewer: Viewer, pair: str, accept: bool) -> OwnPair:
    """Keep the viewer's own yes or no; a yes shows their name to whoever asked, and to the other one when that one said yes too.

    A pair on HR's list never becomes active: to everybody it reads like one whose other side was silent.

    Raises NotFoundError when it is not theirs, and ConflictError when it waited too long or was answered.
    """
    row, side = _mine(ws, viewer, pair)
    refuse_acting(viewer)
    said = {"mentee": row.mentee_said, "mentor": row.mentor_said}
    if row.state != "invited" or said[side] is not None or row.started < ws.now() - LATEST_START:
        raise ConflictError("This invitation is closed: it was answered, or waited too long.")
    if row.invitations:
        _answer_invitation(ws, viewer, row.invitations[(MENTEE, MENTOR).index(side)], accept)
    other = said[MENTOR if side == MENTEE else MENTEE]
    values: dict[str, object] = {f"{side}_said": accept}
    if not accept:
        values["state"] = "declined"
    elif other and not exclusions.holds(ws, row.mentee, row.mentor):
        values |= {"state": "active", "active": ws.now()}
    with ws.service.begin() as connection:
        connection.execute(sa.update(PAIRS).where(PAIRS.c.id == pair, PAIRS.c.state == "invited").values(**values))
    return next(one for one in own_pairs(ws, viewer) if one.id == pair)


def leave(ws: Workspace, viewer: Viewer, pair: str) -> OwnPair:
    """End the viewer's own pair, without a reason."""
    row, _ = _mine(ws, viewer, pair)
    refuse_acting(viewer)
    if row.state != "active":
        raise ConflictError("Only a pair that is active can be ended.")
    with ws.service.begin() as connection:
        connection.execute(sa.update(PAIRS).where(PAIRS.c.id == pair).values(state="ended", ended=ws.now()))
    return next(one for one in own_pairs(ws, viewer) if one.id == pair)


def check_in(ws: Workspace, viewer: Viewer, pair: str, day: int, *, met: int, useful: int) -> OwnPair:
    """Keep two answers of one side: how often the pair met, and how useful it was."""
    row, side = _mine(ws, viewer, pair)
    refuse_acting(viewer)
    if day not in _due(row, ws.now()):
        raise ConflictError("This check-in is not due yet, or the pair has ended.")
    with ws.service.begin() as connection:
        put(connection, CHECK_INS, [{"pair": pair, "day": day, "side": side, "met": met, "useful": useful}])
    return next(one for one in own_pairs(ws, viewer) if one.id == pair)


def pair_lines(ws: Workspace, viewer: Viewer, scan: Readable, programme: str) -> tuple[PairLine, ...]:
    """Return the pairs of a programme by mentee; declined ones read like those that wait, until their time is over."""
    demand(ws, viewer, Right.PAIR)
    sight = look(ws, scan, viewer)
    rows = ws.service.rows(sa.select(PAIRS).where(PAIRS.c.programme == programme, PAIRS.c.state != "draft"))
    place = {int(person): at for at, person in enumerate(sight.scan.persons)}
    shown = [row for row in rows if not {row.mentee, row.mentor} & sight.withheld]
    sight.read_names([place[person] for row in shown for person in (row.mentee, row.mentor) if person in place])
    lines = [_line(ws, sight, row, place) for row in shown]
    return tuple(sorted(lines, key=lambda line: (line.mentee.casefold(), line.id)))


def pulses(ws: Workspace, viewer: Viewer, programme: str) -> tuple[Pulse, ...]:
    """Return what was said to each check-in of a programme, both sides together."""
    demand(ws, viewer, Right.PAIR)
    said = sa.select(CHECK_INS, PAIRS.c.mentee, PAIRS.c.mentor).join(PAIRS).where(PAIRS.c.programme == programme)
    rows = ws.service.rows(said)
    return tuple(_pulse(day, [row for row in rows if row.day == day], minimum(ws).holds) for day in CHECKS)


def export_rows(ws: Workspace, viewer: Viewer, scan: Readable, programme: str) -> tuple[list[str], list[list[object]]]:
    """Return the pairs as a table for another mentoring tool, noted in the audit log; no score is in it."""
    lines = pair_lines(ws, viewer, scan, programme)
    audit.record(ws, Act(viewer.subject, viewer.role, "export", programme, "mentoring"))
    rows: list[list[object]] = [
        [line.mentee, line.mentor, line.state, line.asked, line.active, "; ".join(line.reasons), ", ".join(map(str, line.answered))]
        for line in lines
    ]
    return ["mentee", "mentor", "state", "asked", "active_since", "reasons", "check_ins_answered_by_both"], rows


def export_calendar(ws: Workspace, viewer: Viewer, scan: Readable, programme: str) -> bytes:
    """Return the check-ins of the active pairs as a calendar file."""
    lines = pair_lines(ws, viewer, scan, programme)
    audit.record(ws, Act(viewer.subject, viewer.role, "export", programme, "mentoring"))
    return calendar(
        [
            (
                f"{line.id}-{day}",
                line.active.date() + timedelta(days=day),
                f"Mentoring check-in after {day} days: {line.mentee}, {line.mentor}",
            )
            for line in lines
            if line.state == "active" and line.active
            for day in CHECKS
        ],
        ws.now(),
    )


def counts(ws: Workspace, viewer: Viewer) -> Counts:
    """Return how many programmes and pairs there are; fewer than the minimum group is not told."""
    demand(ws, viewer, Right.COUNT_PAIRS)
    k, now = minimum(ws).holds, ws.now()
    rows = ws.service.rows(sa.select(PAIRS).where(PAIRS.c.state != "draft"))
    states = [shown_state(row, now) for row in rows]
    people = len({person for row in rows for person in (row.mentee, row.mentor)})

    def told(number: int) -> int | None:
        return number if number == 0 or number >= k else None

    programmes = ws.service.rows(sa.select(sa.func.count().label("n")).select_from(PROGRAMMES))[0].n
    return Counts(programmes, told(people), {state: told(states.count(state)) for state in ("waiting", "active", "closed", "ended")})


def _pulse(day: int, rows: Sequence[Row], least: int) -> Pulse:
    people = {row.mentee if row.side == MENTEE else row.mentor for row in rows}
    if len(people) < least:
        return Pulse(day, None, None, None)
    met, useful = (round(2 * fmean(values)) / 2 for values in ([row.met for row in rows], [row.useful for row in rows]))
    return Pulse(day, about(len(people)), met, useful)


def _mine(ws: Workspace, viewer: Viewer, pair: str) -> tuple[Row, str]:
    demand(ws, viewer, Right.OWN_RECORD)
    mine = sa.or_(PAIRS.c.mentee == viewer.person, PAIRS.c.mentor == viewer.person)
    rows = ws.service.rows(sa.select(PAIRS).where(PAIRS.c.id == pair, PAIRS.c.state != "draft", mine))
    if not rows:
        raise NotFoundError("There is no pair of this id for you.")
    return rows[0], MENTEE if rows[0].mentee == viewer.person else MENTOR


def _answer_invitation(ws: Workspace, viewer: Viewer, invitation: str, accept: bool) -> None:
    """Answer the invitation to show one's name that came with the pair; one that ended or is gone changes nothing."""
    open_ones = {one.id for one in invitations.received(ws, viewer) if one.state == "open"}
    if invitation in open_ones:
        invitations.answer(ws, viewer, invitation, accept)


def _own(ws: Workspace, viewer: Viewer, row: Row) -> OwnPair:
    side = MENTEE if row.mentee == viewer.person else MENTOR
    other = row.mentor if side == MENTEE else row.mentee
    state = _own_state(ws, row, row.mentee_said if side == MENTEE else row.mentor_said)
    done = {one.day for one in ws.service.rows(sa.select(CHECK_INS).where(CHECK_INS.c.pair == row.id, CHECK_INS.c.side == side))}
    return OwnPair(
        id=row.id,
        programme=row.programme_name,
        side=side,
        state=state,
        other=ws.vault.names([other]).get(other) if state == "active" else None,
        reasons=reason_words(row.reasons),
        answer_until=row.started + LATEST_START if state == "open" else None,
        active=row.active,
        due=tuple(day for day in _due(row, ws.now()) if day not in done),
        done=tuple(sorted(done)),
    )


def _own_state(ws: Workspace, row: Row, said: bool | None) -> OwnState:
    if row.state in ("active", "ended"):
        return "active" if row.state == "active" else "ended"
    if said is False:
        return "declined"
    if row.started < ws.now() - LATEST_START:
        return "expired"
    return "accepted" if said else "open"


def _due(row: Row, now: datetime) -> tuple[int, ...]:
    if row.state != "active" or row.active is None:
        return ()
    return tuple(day for day in CHECKS if now >= row.active + timedelta(days=day) - EARLY)


def _line(ws: Workspace, sight: Sight, row: Row, place: dict[int, int]) -> PairLine:
    sides = ws.service.rows(sa.select(CHECK_INS.c.day).where(CHECK_INS.c.pair == row.id))
    days = [one.day for one in sides]

    def label(person: int) -> str:
        return sight.label(place[person])[0] if person in place else UNKNOWN

    state = shown_state(row, ws.now())
    both = tuple(day for day in CHECKS if days.count(day) == 2)
    return PairLine(row.id, label(row.mentee), label(row.mentor), state, row.started, row.active, reason_words(row.reasons), both)
