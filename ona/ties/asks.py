"""Who asked whom for help, inferred from the shape of exchanges alone, and conserved credit for those who answered."""

from dataclasses import dataclass

import narwhals as nw
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
    by_time,
    columns,
    constant,
    found,
    joined,
    mondays,
    rounded,
    run_sums,
    starts,
    summed,
    taken,
    week_numbers,
    working_day_of,
    working_minutes_at,
)
from ona.ties._kernels import NONE
from ona.ties.attribution import Steps
from ona.ties.calendar import WEEKS_BACK, WORKING_DAY
from ona.ties.cleaning import CHANNEL, MEETING
from ona.ties.frames import Lazy, flag

ANSWER = ("ask", "w", "channel", "asker", "helper", "directed", "first", "acknowledged", "sure", "direct", "space", "at", "n")
"""One row per ask and person who answered it in time."""

REQUEST = ("ask", "w", "asker", "helper", "answered", "waited")
"""One row per ask that named a person: whether they answered, and after how many of their working minutes."""

ANNOUNCING_ROOTS = 10
"""Roots in four weeks below which no channel is called an announcement channel."""
ANNOUNCERS = 3
U_BASE, U_DIRECT, U_FIRST, U_ACKNOWLEDGED = 1, 4, 2, 4
"""Quarters of u, amendment 3: a public reply alone must not buy credit."""

_DAY_HOURS = 24
_WEEKS = 2**20  # more than there are week numbers


@dataclass(frozen=True)
class Asked:
    """Every ask that was answered in time, and every person who was asked by name."""

    answers: Columns  # ANSWER
    requests: Columns  # REQUEST


def root_posts(posts: Lazy) -> dict[str, Ints]:
    """Return the channel messages that open a thread, by event: ``event``, ``sender``, ``space``, ``w``, ``n``, ``at``."""
    roots = columns(posts.filter(nw.col("root").is_null()), "event", "sender", "space", "w", "n", "at")
    return taken(roots, np.argsort(roots["event"], kind="stable"))


def announced(roots: Columns, rules: TieRules) -> Kept:
    """Whether each root was posted in an announcement channel; shape (n,).

    Of at least 10 roots in the week and the three before, by more than 3 authors, the three most frequent
    authors wrote more than ``announcement_share``. With fewer roots or authors a share says nothing: three
    people who talk to each other are a team.
    """
    placed = {**roots, "roots": np.ones_like(roots["w"])}
    counts = summed(taken(placed, roots["space"] != NONE), ("space", "w", "sender"), "roots")
    later = [counts | {"w": counts["w"] + step} for step in range(WEEKS_BACK + 1)]
    recent = summed(joined(later, tuple(counts)), ("space", "w", "sender"), "roots")
    recent = taken(recent, np.lexsort((recent["sender"], -recent["roots"], recent["w"], recent["space"])))
    first = starts(recent["space"], recent["w"])
    group = np.cumsum(first) - 1
    top = np.where(np.arange(group.size) - np.flatnonzero(first)[group] < ANNOUNCERS, recent["roots"], 0)
    weeks = summed(recent | {"top": top, "authors": np.ones_like(top)}, ("space", "w"), "top", "roots", "authors")
    loud = weeks["top"] > rules.announcement_share * weeks["roots"]
    quiet = taken(weeks, loud & (weeks["roots"] >= ANNOUNCING_ROOTS) & (weeks["authors"] > ANNOUNCERS))
    spaces = np.unique(quiet["space"])
    place = found(roots["space"], spaces)
    return (place >= 0) & np.isin(place * _WEEKS + roots["w"], np.searchsorted(spaces, quiet["space"]) * _WEEKS + quiet["w"])


def channel_asks(steps: Steps, asks: Columns, rules: TieRules) -> Asked:
    """Find asks in channel threads (sections 3.1 i and iii).

    A root by i (``asks``: those outside announcement channels, by event), answered in its thread within ``ask_reply_days``
    working days by another person. Confidence is 1 when i returns (posts in the thread or reacts to an answer)
    or when somebody mentioned in the root answers, else .5. An answer by j is acknowledged when, within one
    working day or by a reaction, a mention or a named reply while the week is open, i turns to j: reacts to j's
    message, mentions j, answers j's message, or posts next after j in the thread.
    """
    thread = _thread(steps, asks)
    answers, first = _answers(thread, asks, rules)
    named = columns(steps.got.filter(nw.col("place") == CHANNEL, nw.col("audience") <= rules.max_mentions), "event", "account")
    thanks = _thanks(thread, asks, named, steps)
    acknowledged, sure = _acknowledged(answers, first, thanks)
    ask = found(named["event"], asks["event"])
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
    order = np.lexsort((answers["answered_at"], answers["ask"]))
    group = np.cumsum(starts(answers["ask"][order])) - 1
    earliest = np.empty_like(order)
    earliest[order] = answers["answered_at"][order][starts(answers["ask"][order])][group]
    one = constant(1, earliest)
    rows = answers | {
        "directed": one, "first": (answers["answered_at"] == earliest).astype(np.int64), "sure": one, "direct": one,
        "acknowledged": (answers["asker_soon"] > answers["answered_at"]).astype(np.int64), "space": constant(NONE, one),
    }  # fmt: skip
    return Asked(rows, asked | {"answered": came.astype(np.int64)})


def booked_asks(got: Lazy, wanted: nw.Expr) -> Columns:
    """Find asks by a two-person meeting booked less than 24 hours ahead and accepted (section 3.1 iv); columns ``ANSWER``."""
    alone = got.filter(
        wanted, nw.col("place") == MEETING, nw.col("audience") == 1, nw.col("role") == int(Role.ACCEPTED), nw.col("series").is_null()
    )
    soon = alone.filter(nw.col("lead_hours") >= 0, nw.col("lead_hours") < _DAY_HOURS)
    rows = columns(soon, "event", "sender", "account", "n", "at")
    one = constant(1, rows["event"])
    return {
        "ask": rows["event"], "asker": rows["sender"], "helper": rows["account"], "w": week_numbers(rows["n"]),
        "n": rows["n"], "at": rows["at"], "channel": one * int(Channel.MEETING), "directed": one, "first": one,
        "acknowledged": one * 0, "sure": one, "direct": one, "space": constant(NONE, one),
    }  # fmt: skip


def credited(answers: Columns) -> Columns:
    """Share each ask's confidence among those who answered: h = q u / sum u, in FIXED_POINT units.

    q is ``sure`` / 2; u = .25 + 1 [mentioned or asked directly] + .5 [first] + 1 [acknowledged] (amendment 3).
    """
    u = U_BASE + U_DIRECT * answers["directed"] + U_FIRST * answers["first"] + U_ACKNOWLEDGED * answers["acknowledged"]
    _, group = np.unique(answers["ask"], return_inverse=True)
    whole = np.bincount(group, weights=u)[group]  # small whole numbers: exact
    return {**answers, "credit": rounded(answers["sure"] * u.astype(np.float64) / whole * (FIXED_POINT / 2))}


def weekly_asks(credits: Columns, rules: TieRules) -> pa.Table:
    """Add credited answers up to ASKS; at most ``credit_cap`` per asker, helper and week, over all channels."""
    rows = taken(credits, np.lexsort([credits[name] for name in ("channel", "helper", "asker", "w")]))
    h = rows["credit"] / FIXED_POINT
    rows |= {
        "asks": constant(1, rows["ask"]),
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
    made = {name: rows[name][first] for name in ("channel", "asker", "helper")} | {name: sums[name] for name in _COUNTS} | {
        "week": mondays(rows["w"][first]),
        "credit": rounded(sums["credit"] * factor),
        "credit_squared": rounded(sums["square"] * factor * factor),
        "direct_credit": rounded(sums["direct"] * factor),
    }  # fmt: skip
    return pa.table([pa.array(made[field.name]).cast(field.type) for field in ASKS.schema], schema=ASKS.schema)


_COUNTS = ("asks", "directed", "first", "acknowledged", "certain", "incident")


def _thread(steps: Steps, asks: Columns) -> dict[str, Ints]:
    """Return replies in the threads of asks while the root's week is open, in order; ``ask`` is the place of the ask.

    What comes later is never seen, so that a week has one final answer.
    """
    pointed = flag(~nw.col("reply_to").is_null() & (nw.col("reply_to") != nw.col("thread")))
    replies = steps.posts.filter(~nw.col("root").is_null()).with_columns(pointed=pointed)
    rows = columns(replies, "thread", "event", "sender", "at", "n", "clock", "offset", "before", "pointed")
    ask = found(rows["thread"], asks["event"])
    within = (ask >= 0) & (rows["at"] >= asks["at"][ask]) & _open(rows["n"], asks["n"][ask]) if asks["at"].size else ask >= 0
    kept = taken(rows | {"ask": ask}, within)
    return taken(kept, by_time(kept["ask"], kept["at"], kept["event"]))


def _open(day: Ints, root: Ints) -> Kept:
    """Whether the week of a root's day is still open on a day."""
    return np.asarray(day < (week_numbers(root) + 1) * 7 - 3 + WEEK_CLOSES_AFTER_DAYS)


def _answers(thread: Columns, asks: Columns, rules: TieRules) -> tuple[dict[str, Ints], Ints]:
    """First answer of each other person in time, ``first`` 1 on the very first of the thread; and where those of each ask begin."""
    ask = thread["ask"]
    days = working_day_of(thread["n"]) - working_day_of(asks["n"][ask])
    rows = taken(thread, (thread["sender"] != asks["sender"][ask]) & (days <= rules.ask_reply_days))
    waited = rows["clock"] - working_minutes_at(asks["at"][rows["ask"]] // 60 + rows["offset"])
    first, out = np.zeros(asks["event"].size + 1, dtype=np.int64), np.empty((waited.size, 6), dtype=np.int64)
    count = loops.answered((rows["ask"], rows["sender"], rows["at"], rows["n"], waited), first, out)
    return {name: out[:count, k].copy() for k, name in enumerate(("ask", "helper", "first", "at", "n", "waited"))}, first


def _thanks(thread: Columns, asks: Columns, named: Columns, steps: Steps) -> dict[str, Ints]:
    """Return what the asker did in the thread, to whom, and whether that person was meant beyond doubt."""
    own = taken(thread, thread["sender"] == asks["sender"][thread["ask"]])
    spoke = {"ask": own["ask"], "at": own["at"], "n": own["n"], "helper": own["before"], "sure": own["pointed"]}
    order = np.argsort(own["event"], kind="stable")
    place = found(named["event"], own["event"][order])
    called = taken(spoke, order[place[place >= 0]])
    called |= {"helper": named["account"][place >= 0], "sure": constant(1, called["ask"])}
    given = columns(steps.given, "thread", "sender", "author", "at", "n")
    ask = found(given["thread"], asks["event"])
    given = taken(given | {"ask": ask}, ask >= 0)
    ask = given["ask"]
    clicked = taken(given, (given["sender"] == asks["sender"][ask]) & _open(given["n"], asks["n"][ask]))
    clicked |= {"helper": clicked["author"], "sure": constant(1, clicked["ask"])}
    return joined([spoke, called, clicked], ("ask", "at", "n", "helper", "sure"))


def _acknowledged(answers: Columns, first: Ints, thanks: Columns) -> tuple[Ints, Ints]:
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
    soon = working_day_of(rows["n"]) - working_day_of(answers["n"][place]) <= 1
    marks[place[(rows["at"] >= answers["at"][place]) & (soon | (rows["sure"] == 1))]] = 1
    return marks, sure


def _places(rows: Columns, first: Ints, answers: Columns) -> Ints:
    """Return the place of each (ask, helper) among the answers, -1 without one."""
    place = np.empty_like(rows["ask"])
    loops.looked_up(rows["ask"], rows["helper"], first, answers["helper"], place)
    return place


def _of_asks(rows: Columns, asks: Columns) -> dict[str, Ints]:
    """Columns of the ask of each (place of the ask, helper)."""
    ask = rows["ask"]
    facts = {name: asks[name][ask] for name in ("space", "n", "at")}
    return {**facts, "ask": asks["event"][ask], "asker": asks["sender"][ask], "helper": rows["helper"], "w": week_numbers(facts["n"])}
