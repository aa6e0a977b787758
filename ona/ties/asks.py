"""Who asked whom for help, inferred from the shape of exchanges alone, and conserved credit for those who answered."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ona.rules import TieRules
from ona.tables import ASKS, FIXED_POINT, WEEK_CLOSES_AFTER_DAYS, Channel, Role
from ona.ties import _ask_kernels as loops
from ona.ties._columns import (
    Columns,
    Floats,
    Ints,
    Kept,
    constant,
    joined,
    packed,
    rounded,
    run_sums,
    starts,
    summed,
    taken,
    week_numbers,
)
from ona.ties._sorting import NONE, ordered, rows_of
from ona.ties._verdicts import CHANNEL, MEETING
from ona.ties.attribution import Parted
from ona.ties.calendar import WEEKS_BACK, mondays
from ona.ties.columns import KEPT, NO_LEAD
from ona.ties.working_time import WORKING_DAY, WorkingTime

ANSWER = ("ask", "w", "channel", "asker", "helper", "directed", "first", "acknowledged", "sure", "direct", "space", "at", "n")
"""One row per ask (row of its event) and person who answered it in time; people and spaces are codes."""

REQUEST = ("ask", "w", "asker", "helper", "answered", "waited")
"""One row per ask that named a person: whether they answered, and after how many of their working minutes."""

ANNOUNCING_ROOTS = 10
"""Roots in four weeks below which no channel is called an announcement channel."""
ANNOUNCERS = 3
U_BASE, U_DIRECT, U_FIRST, U_ACKNOWLEDGED = 1, 4, 2, 4
"""Quarters of u, amendment 3: a public reply alone must not buy credit."""

_DAY_HOURS = 24
_NO_SPACE = -1
_WEEKS = 2**20  # more than there are week numbers


@dataclass(frozen=True)
class Asked:
    """Every ask that was answered in time, and every person who was asked by name."""

    answers: Columns  # ANSWER
    requests: Columns  # REQUEST


def root_posts(parts: Parted) -> dict[str, Ints]:
    """Return the channel messages that open a thread, in order of time: ``row``, ``event``, ``sender``, ``space``, ``w``, ``n``, ``at``."""
    events = parts.held.events
    return _columns(parts, np.flatnonzero((parts.verdict == KEPT) & (events.place == CHANNEL) & (events.root == NONE)), "event", "space")


def _columns(parts: Parted, rows: Ints, *names: str) -> dict[str, Ints]:
    """Columns of events by row, with sender, week, day and time."""
    events = parts.held.events
    return {"row": rows} | {name: getattr(events, name)[rows].astype(np.int64) for name in (*names, "sender", "w", "n", "at")}


def announced(roots: Columns, rules: TieRules) -> Kept:
    """Whether each root was posted in an announcement channel; shape (n,).

    Of at least 10 roots in the week and the three before, by more than 3 authors, the three most frequent
    authors wrote more than ``announcement_share``. With fewer roots or authors a share says nothing: three
    people who talk to each other are a team.
    """
    placed = {**roots, "roots": np.ones_like(roots["w"])}
    counts = summed(taken(placed, roots["space"] != _NO_SPACE), ("space", "w", "sender"), "roots")
    later = [counts | {"w": counts["w"] + step} for step in range(WEEKS_BACK + 1)]
    recent = summed(joined(later, tuple(counts)), ("space", "w", "sender"), "roots")
    recent = taken(recent, np.lexsort((recent["sender"], -recent["roots"], recent["w"], recent["space"])))
    first = starts(recent["space"], recent["w"])
    group = np.cumsum(first) - 1
    top = np.where(np.arange(group.size) - np.flatnonzero(first)[group] < ANNOUNCERS, recent["roots"], 0)
    weeks = summed(recent | {"top": top, "authors": np.ones_like(top)}, ("space", "w"), "top", "roots", "authors")
    loud = weeks["top"] > rules.announcement_share * weeks["roots"]
    quiet = taken(weeks, loud & (weeks["roots"] >= ANNOUNCING_ROOTS) & (weeks["authors"] > ANNOUNCERS))
    return np.isin(roots["space"] * _WEEKS + roots["w"], quiet["space"] * _WEEKS + quiet["w"])


def channel_asks(parts: Parted, asks: Columns, rules: TieRules) -> Asked:
    """Find asks in channel threads (sections 3.1 i and iii).

    A root by i (``asks``: those outside announcement channels), answered in its thread within ``ask_reply_days``
    working days of theirs by another person. Confidence is 1 when i returns (posts in the thread or reacts to an answer)
    or when somebody mentioned in the root answers, else .5. An answer by j is acknowledged when, within one
    working day or by a reaction, a mention or a named reply while the week is open, i turns to j: reacts to j's
    message, mentions j, answers j's message, or posts next after j in the thread.
    """
    thread, given = _thread(parts, asks)
    answers, first = _answers(thread, asks, parts.time, rules)
    named = _named(parts, rules)
    thanks = _thanks(thread, asks, named, given)
    acknowledged, sure = _acknowledged(answers, first, thanks, parts.time)
    ask = _by_row(asks["row"], named["row"])
    asked = {"ask": ask[ask >= 0], "helper": named["account"][ask >= 0]}
    place = _places(asked, first, answers)
    directed = np.zeros_like(answers["ask"])
    directed[place[place >= 0]] = 1
    sure[answers["ask"][directed == 1]] = 2
    rows = _of_asks(answers, asks) | {
        "channel": constant(int(Channel.CHAT), directed), "directed": directed, "first": answers["first"],
        "acknowledged": acknowledged, "sure": sure[answers["ask"]], "direct": np.zeros_like(directed),
    }  # fmt: skip
    answered = (place >= 0).astype(np.int64)
    waited = np.where(answered == 1, np.append(answers["waited"], NONE)[place], NONE)
    return Asked(rows, _of_asks(asked, asks) | {"answered": answered, "waited": waited})


def pair_asks(exchanges: Columns, rules: TieRules) -> Asked:
    """Find asks by direct message and by mail among the episodes of two people (section 3.1 ii, amendment 4).

    An episode opened by i with a message to at most three people is an ask to j when j answers within
    ``mail_answer_days`` working days; it is none when it is itself the late answer to an unanswered direct
    message, when j's last mail of up to five working days ago still waits, or when it replies to a mail. It is
    acknowledged when i writes again after the answer, in the same episode.
    """
    asked = taken(exchanges, exchanges["askable"] == 1)
    came = (asked["waited"] != NONE) & (asked["waited"] <= rules.mail_answer_days * WORKING_DAY)
    answers = taken(asked, came)
    soonest = np.full(int(answers["ask"].max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(soonest, answers["ask"], answers["answered_at"])
    earliest = soonest[answers["ask"]]
    one = constant(1, earliest)
    rows = answers | {
        "directed": one, "first": (answers["answered_at"] == earliest).astype(np.int64), "sure": one, "direct": one,
        "acknowledged": (answers["asker_soon"] > answers["answered_at"]).astype(np.int64), "space": constant(_NO_SPACE, one),
    }  # fmt: skip
    return Asked(rows, asked | {"answered": came.astype(np.int64)})


def booked_asks(parts: Parted, wanted: Kept) -> Columns:
    """Find asks by a two-person meeting booked less than 24 hours ahead and accepted (section 3.1 iv); columns ``ANSWER``."""
    events, meetings, got = parts.held.events, parts.held.meetings, parts.got
    alone = (events.place[got.row] == MEETING) & (events.audience[got.row] == 1) & (got.role == int(Role.ACCEPTED))
    place = np.flatnonzero(alone & wanted[got.row])
    row = got.row[place].astype(np.int64)
    lead = meetings.lead_hours[meetings.order[row]]
    soon = (meetings.series[meetings.order[row]] == NONE) & (lead != NO_LEAD) & (lead >= 0) & (lead < _DAY_HOURS)
    rows = _columns(parts, row[soon])
    one = constant(1, rows["row"])
    return {
        "ask": rows["row"], "asker": rows["sender"], "helper": got.account[place[soon]].astype(np.int64), "w": week_numbers(rows["n"]),
        "n": rows["n"], "at": rows["at"], "channel": one * int(Channel.MEETING), "directed": one, "first": one,
        "acknowledged": one * 0, "sure": one, "direct": one, "space": constant(_NO_SPACE, one),
    }  # fmt: skip


def credited(answers: Columns) -> Columns:
    """Share each ask's confidence among those who answered: h = q u / sum u, in FIXED_POINT units.

    q is ``sure`` / 2; u = .25 + 1 [mentioned or asked directly] + .5 [first] + 1 [acknowledged] (amendment 3).
    """
    u = U_BASE + U_DIRECT * answers["directed"] + U_FIRST * answers["first"] + U_ACKNOWLEDGED * answers["acknowledged"]
    whole = np.bincount(answers["ask"], weights=u)[answers["ask"]]  # small whole numbers: exact
    return {**answers, "credit": rounded(answers["sure"] * u.astype(np.float64) / whole * (FIXED_POINT / 2))}


def weekly_asks(credits: Columns, account: Ints, rules: TieRules) -> pa.Table:
    """Add credited answers up to ASKS, in the order of the key; at most ``credit_cap`` per asker, helper and week, over all channels.

    ``account`` holds the ids of accounts by code.
    """
    _, order = ordered(packed(credits, ("w", "asker", "helper", "channel")))
    rows = taken({name: credits[name] for name in _SUMMED}, order)
    h = rows["credit"] / FIXED_POINT
    rows |= {
        "asks": constant(1, order),
        "certain": ((rows["directed"] == 1) | (rows["acknowledged"] == 1)).astype(np.int64),
        "direct": rows["credit"] * rows["direct"],
        "square": rounded(h * h * FIXED_POINT),
    }
    pair = starts(rows["w"], rows["asker"], rows["helper"])
    first = np.flatnonzero(pair | starts(rows["channel"]))
    sums = {name: run_sums(rows[name], first) for name in (*_COUNTS, "credit", "square", "direct")}
    whole = run_sums(rows["credit"], np.flatnonzero(pair))[np.cumsum(pair)[first] - 1]
    cap = round(rules.credit_cap * FIXED_POINT)
    factor: Floats = np.where(whole > cap, cap / np.maximum(whole, 1), 1.0)
    heads = taken({name: rows[name] for name in ("w", "channel", "asker", "helper")}, first)
    made = heads | {name: sums[name] for name in _COUNTS} | {
        "credit": rounded(sums["credit"] * factor),
        "credit_squared": rounded(sums["square"] * factor * factor),
        "direct_credit": rounded(sums["direct"] * factor),
    }  # fmt: skip
    made = taken(made, ordered(packed(heads, ("w", "channel", "asker", "helper")))[1])
    shaped = made | {"week": mondays(made["w"]), "asker": account[made["asker"]], "helper": account[made["helper"]]}
    return pa.table([pa.array(shaped[field.name]).cast(field.type) for field in ASKS.schema], schema=ASKS.schema)


_COUNTS = ("asks", "directed", "first", "acknowledged", "certain", "incident")
_SUMMED = ("w", "asker", "helper", "channel", "directed", "first", "acknowledged", "incident", "direct", "credit")


def _thread(parts: Parted, asks: Columns) -> tuple[dict[str, Ints], dict[str, Ints]]:
    """Return replies in the threads of asks, in order, and reactions there, while the root's week is open; ``ask`` is the place of the ask.

    What comes later is never seen, so that a week has one final answer.
    """
    events, judged, turns, (given, author) = parts.held.events, parts.held.judged, parts.turns, parts.reactions
    replies = np.flatnonzero((parts.verdict == KEPT) & (events.place == CHANNEL) & (events.root != NONE))
    place = rows_of(asks["event"], turns.thread[np.concatenate([replies, given])]).astype(np.int64)
    said, clicked = (
        _columns(parts, rows[ask >= 0]) | {"ask": ask[ask >= 0]}
        for rows, ask in ((replies, place[: replies.size]), (given, place[replies.size :]))
    )
    clicked |= {"helper": author[place[replies.size :] >= 0].astype(np.int64)}
    said = taken(said, _open(said["n"], asks["n"][said["ask"]]) & (said["at"] >= asks["at"][said["ask"]]))
    said = taken(said, ordered(said["ask"])[1])
    row = said["row"]
    pointed = (events.reply_to[row] != NONE) & (events.reply_to[row] != turns.thread[row])
    said |= {
        "offset": judged.offset[row].astype(np.int64),
        "before": turns.before[row].astype(np.int64),
        "pointed": pointed.astype(np.int64),
    }
    return said, taken(clicked, _open(clicked["n"], asks["n"][clicked["ask"]]))


def _open(day: Ints, root: Ints) -> Kept:
    """Whether the week of a root's day is still open on a day."""
    return np.asarray(day < (week_numbers(root) + 1) * 7 - 3 + WEEK_CLOSES_AFTER_DAYS)


def _answers(thread: Columns, asks: Columns, time: WorkingTime, rules: TieRules) -> tuple[dict[str, Ints], Ints]:
    """First answer of each other person in time, ``first`` 1 on the very first of the thread; and where those of each ask begin."""
    ask = thread["ask"]
    days = time.days(thread["sender"], thread["n"]) - time.days(thread["sender"], asks["n"][ask])
    rows = taken(thread, (thread["sender"] != asks["sender"][ask]) & (days <= rules.ask_reply_days))
    begun, ended = (at // 60 + rows["offset"] for at in (asks["at"][rows["ask"]], rows["at"]))
    waited = time.minutes(rows["sender"], ended) - time.minutes(rows["sender"], begun)
    first, out = np.zeros(asks["event"].size + 1, dtype=np.int64), np.empty((6, waited.size), dtype=np.int64)
    count = loops.answered((rows["ask"], rows["sender"], rows["at"], rows["n"], waited), first, out)
    return {name: out[k, :count].copy() for k, name in enumerate(("ask", "helper", "first", "at", "n", "waited"))}, first


def _named(parts: Parted, rules: TieRules) -> dict[str, Ints]:
    """Return whom channel messages mention: ``row`` and ``account``."""
    events, got = parts.held.events, parts.got
    here = np.flatnonzero((events.place[got.row] == CHANNEL) & (events.audience[got.row] <= rules.max_mentions))
    return {"row": got.row[here].astype(np.int64), "account": got.account[here].astype(np.int64)}


def _thanks(thread: Columns, asks: Columns, named: Columns, given: Columns) -> dict[str, Ints]:
    """Return what the asker did in the thread, to whom, and whether that person was meant beyond doubt."""
    own = taken(thread, thread["sender"] == asks["sender"][thread["ask"]])
    spoke = {name: own[name] for name in ("ask", "sender", "at", "n")} | {"helper": own["before"], "sure": own["pointed"]}
    place = _by_row(own["row"], named["row"])
    called = taken(spoke, place[place >= 0])
    called |= {"helper": named["account"][place >= 0], "sure": constant(1, called["ask"])}
    clicked = taken(given, given["sender"] == asks["sender"][given["ask"]])
    clicked |= {"sure": constant(1, clicked["ask"])}
    return joined([spoke, called, clicked], ("ask", "sender", "at", "n", "helper", "sure"))


def _acknowledged(answers: Columns, first: Ints, thanks: Columns, time: WorkingTime) -> tuple[Ints, Ints]:
    """Which answers were acknowledged, and the confidence of each ask: 2 when its asker came back after an answer, else 1."""
    marks, sure = np.zeros_like(answers["ask"]), constant(1, first[1:])
    if marks.size == 0:
        return marks, sure
    heard = constant(NONE, sure)
    some = first[1:] > first[:-1]
    heard[some] = np.minimum.reduceat(answers["at"], first[:-1][some])
    back = some[thanks["ask"]] & (thanks["at"] >= heard[thanks["ask"]])
    sure[thanks["ask"][back]] = 2
    place = _places(thanks, first, answers)
    rows, place = taken(thanks, place >= 0), place[place >= 0]
    soon = time.days(rows["sender"], rows["n"]) - time.days(rows["sender"], answers["n"][place]) <= 1
    marks[place[(rows["at"] >= answers["at"][place]) & (soon | (rows["sure"] == 1))]] = 1
    return marks, sure


def _places(rows: Columns, first: Ints, answers: Columns) -> Ints:
    """Return the place of each (ask, helper) among the answers, -1 without one."""
    place = np.empty_like(rows["ask"])
    loops.looked_up(rows["ask"], rows["helper"], first, answers["helper"], place)
    return place


def _by_row(rows: Ints, wanted: Ints) -> Ints:
    """Return the place of wanted event rows among distinct rows, -1 where they are not."""
    places = np.full(int(max(rows.max(initial=-1), wanted.max(initial=-1))) + 1, -1)
    places[rows] = np.arange(rows.size)
    return places[wanted]


def _of_asks(rows: Columns, asks: Columns) -> dict[str, Ints]:
    """Columns of the ask of each (place of the ask, helper)."""
    ask = rows["ask"]
    facts = {name: asks[name][ask] for name in ("space", "n", "at")}
    return {**facts, "ask": asks["row"][ask], "asker": asks["sender"][ask], "helper": rows["helper"], "w": week_numbers(facts["n"])}
