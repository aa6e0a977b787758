"""Messages of one sender in quick succession become one turn, and each turn in a thread knows who spoke before."""

from dataclasses import dataclass

import narwhals as nw
import numpy as np

from ona.compiled import Codes, Flags, Ints
from ona.rules import TieRules
from ona.ties._kernels import NONE, Events, Speakers, codes_of, opening, rows_of, spoken_before, turns_of
from ona.ties.calendar import WEEKS_BACK
from ona.ties.cleaning import CHANNEL, KEPT, REACTION
from ona.ties.columns import Held
from ona.ties.frames import flag

NOBODY = -1
NO_REPLY = -2
"""Root author of a message that is no reply."""


@dataclass(frozen=True)
class Turns:
    """Of each event, by row; what a channel message answers reaches back ``WEEKS_BACK`` weeks at most.

    A message or mail continues a turn when the same sender wrote in the same conversation at most ``coalescing_minutes``
    before, whoever else spoke in between. Reactions and meetings always open. ``before`` is the author of the message
    that a reply names, unless that is the root, else the previous distinct speaker of the thread.
    """

    opens: Flags  # 1 on the first message of a turn
    turn: Codes  # row of the first message of the turn; channel messages only
    thread: Ints  # first event of the thread; of a reaction the thread that it was given in
    root: Codes  # code of the root's author, NOBODY unknown, NO_REPLY for messages that open a thread
    before: Codes  # code of whom a channel message answers besides, NOBODY none
    author: Codes  # code of the author of the message that a reaction or a reply points to, NOBODY unknown


def turns(held: Held, events: Events, rules: TieRules) -> Turns:
    """Part cleaned events into turns and threads."""
    kept = events.verdict == KEPT
    conversation, number = codes_of(events.sender.astype(np.int64), held.judged.conversation)
    opens = opening(events, conversation, np.full(number, NONE), rules.coalescing_minutes * 60)
    turn = turns_of(events, conversation, opens, np.full(number, -1, dtype=np.int32))
    posts, given = np.flatnonzero(kept & (events.place == CHANNEL)), np.flatnonzero(kept & (events.place == REACTION))
    thread = np.where(events.root == NONE, events.event, events.root)
    replies = posts[events.root[posts] != NONE]
    pointed = posts[(events.reply_to[posts] != NONE) & (events.reply_to[posts] != thread[posts])]
    wanted = (events.root[replies], events.reply_to[pointed], events.reply_to[given])
    found = np.split(rows_of(events.event, np.concatenate(wanted)), np.cumsum([replies.size, pointed.size]))
    root, author = np.full(kept.size, NO_REPLY, dtype=np.int32), np.full(kept.size, NOBODY, dtype=np.int32)
    root[replies] = _author(held, replies, found[0])
    author[pointed], author[given] = _author(held, pointed, found[1]), _author(held, given, found[2])
    spoke = _spoke(events, replies, found[0])
    before = np.where(author == NOBODY, spoke, author)
    thread[given] = _reacted(held, given, found[2])
    return Turns(opens, turn, thread, root, before, author)


def opens(rules: TieRules) -> nw.Expr:
    """Return 1 for a message more than ``coalescing_minutes`` after the sender's last one in the conversation, else 0."""
    gap = nw.col("at") - nw.col("at").shift(1).over("sender", "conversation", order_by=["at", "event"])
    return flag(gap.is_null() | (gap > rules.coalescing_minutes * 60))


def _author(held: Held, rows: Ints, wrote: Codes) -> Codes:
    """Who wrote the events in the rows ``wrote`` (-1 not held), people only and within the weeks looked back on."""
    events, people = held.events, held.names.person
    sender = events.sender[wrote]
    good = (wrote >= 0) & (sender >= 0) & (people[sender] > 0) & (events.w[wrote] >= events.w[rows] - WEEKS_BACK)
    return np.where(good, sender, NOBODY).astype(np.int32)


def _spoke(events: Events, replies: Ints, roots: Codes) -> Codes:
    """Last distinct speaker of the thread before each kept channel message; threads are numbered by the row of their root."""
    thread = np.arange(events.event.size, dtype=np.int32)
    lost = roots < 0
    codes, number = codes_of(events.root[replies][lost], np.zeros(int(lost.sum()), dtype=np.int64))
    thread[replies] = roots
    thread[replies[lost]] = codes + np.int32(events.event.size)
    nobody = (np.full(events.event.size + number, NOBODY, dtype=np.int32) for _ in range(4))
    return spoken_before(events, thread, Speakers(*nobody), WEEKS_BACK)


def _reacted(held: Held, given: Ints, wrote: Codes) -> Ints:
    """Thread of what each reaction is for: that of the message where it is held and by a person, else what the source named."""
    events = held.events
    sender = events.sender[wrote]
    seen = (wrote >= 0) & (sender >= 0) & (held.names.person[sender] > 0)
    of_message = np.where(events.root[wrote] == NONE, events.event[wrote], events.root[wrote])
    named = np.where(events.root[given] == NONE, events.reply_to[given], events.root[given])
    return np.where(seen, of_message, named)
