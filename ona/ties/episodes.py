"""Exchanges of two people by mail or direct message, cut into episodes by silence: who opened, who answered, and when."""

import narwhals as nw
import numpy as np

from ona.rules import TieRules
from ona.tables import WEEK_CLOSES_AFTER_DAYS, Channel, Role
from ona.ties import _ask_kernels as loops
from ona.ties._ask_kernels import AT, CLOCK, DAY, EVENT, FIRST, LAST, LATEST, OFFSET, OPENER, PLAIN, ROW, SIDE, SIDES, SOON, STARTED
from ona.ties._columns import Columns, Ints, by_time, columns, taken, week_numbers, working_minutes_at
from ona.ties._kernels import NONE
from ona.ties.calendar import WORKING_DAY
from ona.ties.cleaning import DIRECT, MAIL
from ona.ties.frames import Lazy, flag

MOST_ASKED = 3
"""Largest audience of a message that asks somebody."""
WAITING_DAYS = 5
"""Working days during which an unanswered mail makes the next mail back a late answer, not an ask."""

_PAIRED = ("event", "sender", "account", "mail", "at", "clock", "offset", "plain", "n")


def episodes(got: Lazy, rules: TieRules) -> Columns:
    """Return one row per pair and episode.

    An episode starts with a message after a silence of one working day (direct messages) or
    ``mail_silence_days`` working days (mail) between the two.

    Returns
    -------
    Columns
        ``ask`` (its first event), ``asker`` (who opened), ``helper``, ``mail`` 0 or 1, ``channel``, ``w``,
        ``n``, ``at``; ``answered_at`` (seconds) and ``waited`` (the helper's working minutes), ``NONE`` without an
        answer; ``asker_soon``, when the asker last wrote within ten days (seconds); ``askable`` 1 when the opening can be an ask.
    """
    rows = _paired(got)
    pair = rows["pair"]
    silence = np.where(rows["mail"] == 1, rules.mail_silence_days * WORKING_DAY, WORKING_DAY)
    number = np.empty(pair.size, dtype=np.int64)
    count = loops.cut((pair, rows["event"], rows["clock"], silence), number)
    sides = np.empty((count, SIDE + 2 * SIDES), dtype=np.int64)
    facts = (rows[name] for name in ("event", "sender", "upper", "at", "clock", "offset", "plain", "n"))
    loops.sides(tuple(facts), number, WEEK_CLOSES_AFTER_DAYS * 86400, sides)
    return _between({name: rows[name][sides[:, ROW]] for name in ("pair", "mail", "sender", "account")}, sides, rules)


def _paired(got: Lazy) -> dict[str, Ints]:
    """Messages of each pair of people and kind, in order."""
    plain = (nw.col("place") == DIRECT) | (nw.col("reply_to").is_null() & (nw.col("role") == int(Role.TO)))
    said = got.filter(nw.col("place").is_in([MAIL, DIRECT])).with_columns(
        mail=flag(nw.col("place") == MAIL), plain=flag(plain & (nw.col("audience") <= MOST_ASKED))
    )
    rows = columns(said, *_PAIRED)
    known = np.union1d(rows["sender"], rows["account"])
    one, other = np.searchsorted(known, rows["sender"]), np.searchsorted(known, rows["account"])
    low, high = np.minimum(one, other), np.maximum(one, other)
    rows |= {"pair": (low * known.size + high) * 2 + rows["mail"], "upper": (one > other).astype(np.int64)}
    return taken(rows, by_time(rows["pair"], rows["at"], rows["event"]))


def _between(heads: Columns, sides: Ints, rules: TieRules) -> Columns:
    """Tell asker from helper and look at the episodes before and after."""
    asker, helper = heads["sender"], heads["account"]
    lower = asker < helper
    low, high = sides[:, SIDE : SIDE + SIDES], sides[:, SIDE + SIDES :]
    own, other = np.where(lower[:, None], low, high), np.where(lower[:, None], high, low)
    lonely = other[:, LAST] == NONE
    started, limit = sides[:, STARTED], rules.mail_answer_days * WORKING_DAY
    closer = np.where(other[:, LAST] > own[:, LAST], helper, asker)
    follows = np.append(False, np.diff(heads["pair"]) == 0)[: asker.size]
    before, mail = np.roll(np.arange(asker.size), 1), heads["mail"] == 1
    waiting = (closer[before] == helper) & (started - sides[before, LATEST] <= WAITING_DAYS * WORKING_DAY)
    late = lonely[before] & (asker[before] == helper) & (started - started[before] <= limit)
    after = np.roll(np.arange(asker.size), -1)
    slow = lonely & np.roll(follows, -1) & (asker[after] == helper) & (started[after] - started <= limit)
    waited = other[:, CLOCK] - working_minutes_at(sides[:, AT] // 60 + np.where(lonely, 0, other[:, OFFSET]))
    return {
        "ask": sides[:, EVENT], "asker": sides[:, OPENER], "helper": helper, "mail": heads["mail"],
        "channel": np.where(mail, int(Channel.MAIL), int(Channel.CHAT)),
        "n": sides[:, DAY], "w": week_numbers(sides[:, DAY]), "at": sides[:, AT],
        "askable": (sides[:, PLAIN] == 1) & ~(follows & np.where(mail, waiting, late)),
        "waited": np.where(slow, started[after] - started, np.where(lonely, NONE, waited)),
        "answered_at": np.where(slow, sides[after, AT], np.where(lonely, NONE, other[:, FIRST])),
        "asker_soon": own[:, SOON],
    }  # fmt: skip
