"""Exchanges of two people by mail or direct message, cut into episodes by silence: who opened, who answered, and when."""

import numpy as np

from ona.compiled import Codes, Flags, Ints
from ona.rules import TieRules
from ona.tables import WEEK_CLOSES_AFTER_DAYS, Channel, Role
from ona.ties import _ask_kernels as loops
from ona.ties._ask_kernels import AT, DAY, FIRST, LAST, LATEST, OFFSET, OPENER, PLACE, PLAIN, ROW, SIDE, SIDES, SOON
from ona.ties._columns import Columns, week_numbers
from ona.ties._sorting import NONE, ordered
from ona.ties._verdicts import DIRECT
from ona.ties.attribution import Parted
from ona.ties.working_time import WORKING_DAY

MOST_ASKED = 3
"""Largest audience of a message that asks somebody."""
WAITING_DAYS = 5
"""Working days during which an unanswered mail makes the next mail back a late answer, not an ask."""


def episodes(parts: Parted, rules: TieRules) -> Columns:
    """Return one row per pair and episode.

    An episode starts with a message after a silence of one working day (direct messages) or
    ``mail_silence_days`` working days (mail) between the two, in the working time of who breaks it.

    Returns
    -------
    Columns
        ``ask`` (row of its first event), ``asker`` (code of who opened), ``helper``, ``mail`` 0 or 1, ``channel``, ``w``,
        ``n``, ``at``; ``answered_at`` (seconds) and ``waited`` (the helper's working minutes), ``NONE`` without an
        answer; ``asker_soon``, when the asker last wrote within ten days (seconds); ``askable`` 1 when the opening can be an ask.
    """
    events, clock = parts.held.events, (parts.held.events.at, parts.held.judged.offset, parts.held.events.sender)
    pair, row, upper, plain = _paired(parts)
    episode = np.empty(pair.size, dtype=np.int32)
    count = loops.cut((pair, row), clock, parts.time, (WORKING_DAY, rules.mail_silence_days * WORKING_DAY), episode)
    facts = np.empty((SIDE + 2 * SIDES, count), dtype=np.int64)
    loops.sides((episode, row, upper, plain), (*clock, events.n), WEEK_CLOSES_AFTER_DAYS * 86400, facts)
    return _between(parts, pair[facts[PLACE]], facts, rules)


def _paired(parts: Parted) -> tuple[Ints, Codes, Flags, Flags]:
    """Messages of each pair of people and kind, in order: pair, event row, whether the upper one wrote, whether it may ask."""
    events, got = parts.held.events, parts.got
    said = np.flatnonzero(events.place[got.row] <= DIRECT)
    row, account = got.row[said], got.account[said]
    sender, direct = events.sender[row], events.place[row] == DIRECT
    pair = (np.minimum(sender, account).astype(np.int64) * parts.held.known.account.size + np.maximum(sender, account)) * 2 + ~direct
    plain = (direct | ((events.reply_to[row] == NONE) & (got.role[said] == int(Role.TO)))) & (events.audience[row] <= MOST_ASKED)
    marks = (sender > account) * np.uint8(2) + plain
    pair, place = ordered(pair)
    row, marks = row[place], marks[place]
    return pair, row, marks >> 1, marks & 1


def _between(parts: Parted, pair: Ints, facts: Ints, rules: TieRules) -> Columns:
    """Tell asker from helper and look at the episodes before and after; waiting counts in the working time of who waits to write."""
    accounts, at, asker = parts.held.known.account.size, facts[AT], facts[OPENER]
    low, high = pair // 2 // accounts, pair // 2 % accounts
    lower = asker == low
    helper = np.where(lower, high, low)
    one, other = facts[SIDE : SIDE + SIDES], facts[SIDE + SIDES :]
    own_last, own_soon = (np.where(lower, one[k], other[k]) for k in (LAST, SOON))
    first, offset, last = (np.where(lower, other[k], one[k]) for k in (FIRST, OFFSET, LAST))
    lonely, mail, limit = last == NONE, pair % 2 == 1, rules.mail_answer_days * WORKING_DAY
    own = parts.held.judged.offset[facts[ROW]]
    closer = np.where(last > own_last, helper, asker)
    follows = np.append(False, pair[1:] == pair[:-1])[: pair.size]
    waiting = (_before(closer) == helper) & (_passed(parts, asker, own, _before(facts[LATEST]), at) <= WAITING_DAYS * WORKING_DAY)
    late = _before(lonely) & (_before(asker) == helper) & (_passed(parts, asker, own, _before(at), at) <= limit)
    slowly = _passed(parts, helper, _after(own), at, _after(at))
    slow = lonely & _after(follows) & (_after(asker) == helper) & (slowly <= limit)
    waited = _passed(parts, helper, np.where(lonely, 0, offset), at, first)
    return {
        "ask": facts[ROW], "asker": asker, "helper": helper, "mail": mail.astype(np.int64),
        "channel": np.where(mail, int(Channel.MAIL), int(Channel.CHAT)),
        "n": facts[DAY], "w": week_numbers(facts[DAY]), "at": at,
        "askable": (facts[PLAIN] == 1) & ~(follows & np.where(mail, waiting, late)),
        "waited": np.where(slow, slowly, np.where(lonely, NONE, waited)),
        "answered_at": np.where(slow, _after(at), np.where(lonely, NONE, first)),
        "asker_soon": own_soon,
    }  # fmt: skip


def _passed(parts: Parted, account: Ints, offset: Ints, start: Ints, stop: Ints) -> Ints:
    """Working minutes of accounts between two times on their clocks, which are ``offset`` minutes ahead."""
    return parts.time.minutes(account, stop // 60 + offset) - parts.time.minutes(account, start // 60 + offset)


def _before(values: Ints) -> Ints:
    return np.roll(values, 1)


def _after(values: Ints) -> Ints:
    return np.roll(values, -1)
