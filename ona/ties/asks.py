"""Who asked whom for help, inferred from the shape of exchanges alone, and conserved credit for those who answered."""

from dataclasses import dataclass

import narwhals as nw

from ona.rules import TieRules
from ona.tables import FIXED_POINT, WEEK_CLOSES_AFTER_DAYS, Channel, Role
from ona.ties.attribution import Steps
from ona.ties.calendar import WEEKS_BACK, WORKING_DAY, working_day, working_minutes
from ona.ties.cleaning import CHANNEL, MEETING
from ona.ties.frames import Lazy, Persist, at_once, flag, rounded, stacked, total

ANSWER = ("ask", "week", "w", "channel", "asker", "helper", "directed", "first", "acknowledged", "sure", "direct", "space", "at", "n")
"""One row per ask and person who answered it in time."""

REQUEST = ("ask", "week", "asker", "helper", "answered", "waited")
"""One row per ask that named a person: whether they answered, and after how many of their working minutes."""

ANNOUNCING_ROOTS = 10
"""Roots in four weeks below which no channel is called an announcement channel."""
ANNOUNCERS = 3
U_BASE, U_DIRECT, U_FIRST, U_ACKNOWLEDGED = 1, 4, 2, 4
"""Quarters of u, amendment 3: a public reply alone must not buy credit."""

_DAY_HOURS = 24
_DIRECT: dict[str, nw.Expr] = {"direct": nw.lit(1), "space": nw.lit(None, dtype=nw.Int64)}


@dataclass(frozen=True)
class Asked:
    """Every ask that was answered in time, and every person who was asked by name."""

    answers: Lazy  # ANSWER
    requests: Lazy  # REQUEST


def announcing(posts: Lazy, rules: TieRules) -> Lazy:
    """Return (space, w) of announcement channels.

    Of at least 10 roots in the week and the three before, by more than 3 authors, the three most frequent
    authors wrote more than ``announcement_share``. With fewer roots or authors a share says nothing: three
    people who talk to each other are a team.
    """
    roots = posts.filter(nw.col("root").is_null(), ~nw.col("space").is_null())
    counts = roots.group_by("space", "sender", "w").agg(n=nw.len())
    recent = carried(counts).group_by("space", "sender", "w").agg(n=total("n")).with_columns(less=-nw.col("n"))
    placed = recent.with_columns(place=nw.col("n").cum_count().over("space", "w", order_by=["less", "sender"]))
    top = nw.when(nw.col("place") <= ANNOUNCERS).then(nw.col("n")).otherwise(nw.lit(0))
    shares = placed.with_columns(top=top).group_by("space", "w").agg(top=total("top"), roots=total("n"), authors=nw.len())
    loud = nw.col("top") > rules.announcement_share * nw.col("roots")
    return shares.filter(loud, nw.col("roots") >= ANNOUNCING_ROOTS, nw.col("authors") > ANNOUNCERS).select("space", "w")


def carried(counts: Lazy) -> Lazy:
    """Repeat the rows of a week in the three weeks after it."""
    return stacked([counts.with_columns(w=nw.col("w") + later) for later in range(WEEKS_BACK + 1)])


def channel_asks(steps: Steps, quiet: Lazy, rules: TieRules, persist: Persist = at_once) -> Asked:
    """Find asks in channel threads (sections 3.1 i and iii).

    A root by i, not in an announcement channel (``quiet``), answered in its thread within ``ask_reply_days``
    working days by another person. Confidence is 1 when i returns (posts in the thread or reacts to an answer)
    or when somebody mentioned in the root answers, else .5. An answer by j is acknowledged when, within one
    working day or by a reaction, a mention or a named reply while the week is open, i turns to j: reacts to j's
    message, mentions j, answers j's message, or posts next after j in the thread.
    """
    roots = steps.posts.filter(nw.col("root").is_null()).join(quiet, on=["space", "w"], how="anti")
    asks = persist(roots.select("space", "week", "w", "n", ask="event", asker="sender", asked="at"))
    thread = steps.posts.filter(~nw.col("root").is_null()).join(asks, left_on="thread", right_on="ask", suffix="_ask")
    thread = persist(thread.with_columns(ask=nw.col("thread")).filter(nw.col("at") >= nw.col("asked"), _open()))
    answers = persist(_answers(thread, rules))
    named = steps.got.filter(nw.col("place") == CHANNEL, nw.col("audience") <= rules.max_mentions).select("event", helper="account")
    directed = named.join(asks, left_on="event", right_on="ask").with_columns(ask=nw.col("event"))
    thanks = persist(_thanks(thread, asks, named, steps.given))
    found = answers.join(directed.select("ask", "helper", directed=nw.lit(1)), on=["ask", "helper"], how="left")
    found = found.join(_acknowledged(answers, thanks), on=["ask", "helper"], how="left").join(asks, on="ask")
    back = thanks.join(answers.group_by("ask").agg(heard=nw.col("answered_at").min()), on="ask").filter(nw.col("at") >= nw.col("heard"))
    marked = persist(_with_zeros(found, "directed", "acknowledged"))
    certain = stacked([back.select("ask"), marked.filter(nw.col("directed") == 1).select("ask")]).unique().with_columns(sure=nw.lit(2))
    rows = marked.join(certain, on="ask", how="left").with_columns(
        sure=nw.col("sure").fill_null(1), channel=nw.lit(int(Channel.CHAT)), direct=nw.lit(0), at=nw.col("asked")
    )
    return Asked(rows.select(*ANSWER), _mentions(directed, answers))


def pair_asks(exchanges: Lazy, rules: TieRules) -> Asked:
    """Find asks by direct message and by mail among the episodes of two people (section 3.1 ii, amendment 4).

    An episode opened by i with a message to at most three people is an ask to j when j answers within
    ``mail_answer_days`` working days; it is none when it is itself the late answer to an unanswered direct
    message, when j's last mail of up to five working days ago still waits, or when it replies to a mail. It is
    acknowledged when i writes again after the answer, in the same episode.
    """
    limit = rules.mail_answer_days * WORKING_DAY
    requests = exchanges.filter(nw.col("askable") == 1).with_columns(answered=flag(nw.col("waited") <= limit))
    answers = requests.filter(nw.col("answered") == 1).with_columns(
        directed=nw.lit(1), acknowledged=flag(nw.col("asker_soon") > nw.col("answered_at")), sure=nw.lit(1), **_DIRECT
    )
    earliest = answers.group_by("ask").agg(earliest=nw.col("answered_at").min())
    first = answers.join(earliest, on="ask").with_columns(first=flag(nw.col("answered_at") == nw.col("earliest")))
    return Asked(first.select(*ANSWER), requests.select(*REQUEST))


def booked_asks(got: Lazy) -> Lazy:
    """Find asks by a two-person meeting booked less than 24 hours ahead and accepted (section 3.1 iv); columns ``ANSWER``."""
    alone = got.filter(
        nw.col("place") == MEETING, nw.col("audience") == 1, nw.col("role") == int(Role.ACCEPTED), nw.col("series").is_null()
    )
    soon = alone.filter(nw.col("lead_hours") >= 0, nw.col("lead_hours") < _DAY_HOURS)
    return soon.with_columns(
        ask=nw.col("event"), asker=nw.col("sender"), helper=nw.col("account"), channel=nw.lit(int(Channel.MEETING)),
        directed=nw.lit(1), first=nw.lit(1), acknowledged=nw.lit(0), sure=nw.lit(1), **_DIRECT,
    ).select(*ANSWER)  # fmt: skip


def credited(answers: Lazy) -> Lazy:
    """Share each ask's confidence among those who answered: h = q u / sum u, in FIXED_POINT units.

    q is ``sure`` / 2; u = .25 + 1 [mentioned or asked directly] + .5 [first] + 1 [acknowledged] (amendment 3).
    """
    u = U_BASE + U_DIRECT * nw.col("directed") + U_FIRST * nw.col("first") + U_ACKNOWLEDGED * nw.col("acknowledged")
    weighed = answers.with_columns(u=u)
    whole = weighed.group_by("ask").agg(whole=total("u"))
    share = nw.col("sure") * nw.col("u").cast(nw.Float64) / nw.col("whole") * (FIXED_POINT / 2)
    return weighed.join(whole, on="ask").with_columns(credit=rounded(share)).drop("u", "whole")


def weekly_asks(credits: Lazy, rules: TieRules) -> Lazy:
    """Add credited answers up to ASKS; at most ``credit_cap`` per asker, helper and week, over all channels."""
    h = nw.col("credit").cast(nw.Float64) / FIXED_POINT
    rows = credits.with_columns(
        certain=flag((nw.col("directed") == 1) | (nw.col("acknowledged") == 1)),
        direct=nw.col("credit") * nw.col("direct"),
        square=rounded(h * h * FIXED_POINT),
    )
    sums = [total(name).alias(name) for name in ("directed", "first", "acknowledged", "certain", "credit", "square", "direct", "incident")]
    weekly = rows.group_by("week", "channel", "asker", "helper").agg(nw.len().alias("asks"), *sums)
    wholes = weekly.group_by("week", "asker", "helper").agg(whole=total("credit"))
    cap = round(rules.credit_cap * FIXED_POINT)
    factor = nw.when(nw.col("whole") > cap).then(cap / nw.col("whole").cast(nw.Float64)).otherwise(nw.lit(1.0))
    capped = weekly.join(wholes, on=["week", "asker", "helper"]).with_columns(factor=factor)
    counts = [nw.col(name).cast(nw.UInt16) for name in ("asks", "directed", "first", "acknowledged", "certain")]
    return capped.select(
        "week", nw.col("channel").cast(nw.UInt8), "asker", "helper", *counts,
        credit=rounded(nw.col("credit") * nw.col("factor")),
        credit_squared=rounded(nw.col("square") * nw.col("factor") * nw.col("factor")),
        direct_credit=rounded(nw.col("direct") * nw.col("factor")),
        incident=nw.col("incident").cast(nw.UInt16),
    )  # fmt: skip


def _open() -> nw.Expr:
    """Whether the root's week is still open; what comes later is never seen, so that a week has one final answer."""
    return nw.col("n") < (nw.col("w_ask") + 1) * 7 - 3 + WEEK_CLOSES_AFTER_DAYS


def _answers(thread: Lazy, rules: TieRules) -> Lazy:
    """First answer of each other person in time, with ``first`` on the very first of the thread."""
    late = working_day(nw.col("n")) - working_day(nw.col("n_ask")) > rules.ask_reply_days
    others = thread.filter(nw.col("sender") != nw.col("asker"), ~late)
    earlier = nw.col("event").shift(1).over("ask", order_by=["at", "event"])
    marked = others.with_columns(opening=flag(earlier.is_null()))
    minute = nw.col("asked") // 60 + nw.col("offset")
    waited = nw.col("clock") - working_minutes(minute)
    return marked.with_columns(waited=waited).rename({"sender": "helper"}).group_by("ask", "helper").agg(
        first=nw.col("opening").max(), answered_at=nw.col("at").min(), answered_n=nw.col("n").min(), waited=nw.col("waited").min()
    )  # fmt: skip


def _thanks(thread: Lazy, asks: Lazy, named: Lazy, given: Lazy) -> Lazy:
    """Return what the asker did in the thread, to whom, and whether that person was meant beyond doubt."""
    own = thread.filter(nw.col("sender") == nw.col("asker"))
    pointed = flag(~nw.col("reply_to").is_null() & (nw.col("reply_to") != nw.col("thread")))
    spoke = own.select("ask", "at", "n", helper=nw.col("before"), sure=pointed)
    called = own.join(named, on="event").select("ask", "at", "n", "helper", sure=nw.lit(1))
    clicked = given.join(asks.select(thread="ask", asker="asker", w_ask="w"), on="thread").filter(
        nw.col("sender") == nw.col("asker"), _open()
    )
    return stacked(
        [spoke, called, clicked.select("thread", "at", "n", "author", sure=nw.lit(1)).rename({"thread": "ask", "author": "helper"})]
    )


def _acknowledged(answers: Lazy, thanks: Lazy) -> Lazy:
    soon = working_day(nw.col("n")) - working_day(nw.col("answered_n")) <= 1
    after = thanks.join(answers, on=["ask", "helper"]).filter(nw.col("at") >= nw.col("answered_at"), soon | (nw.col("sure") == 1))
    return after.select("ask", "helper").unique().with_columns(acknowledged=nw.lit(1))


def _mentions(directed: Lazy, answers: Lazy) -> Lazy:
    came = answers.select("ask", "helper", "waited", answered=nw.lit(1))
    return _with_zeros(directed.join(came, on=["ask", "helper"], how="left"), "answered").select(*REQUEST)


def _with_zeros(frame: Lazy, *columns: str) -> Lazy:
    return frame.with_columns(nw.col(*columns).fill_null(0))
