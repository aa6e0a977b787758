"""Messages of one sender in quick succession become one turn, and each turn in a thread knows who spoke before."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ona.compiled import Codes, Flags, Ints
from ona.rules import TieRules
from ona.ties._kernels import opening, spoken_before
from ona.ties._sorting import NONE, codes_of, rows_of
from ona.ties._verdicts import CHANNEL, REACTION
from ona.ties.calendar import WEEKS_BACK
from ona.ties.columns import KEPT, Held
from ona.ties.frames import beside

NOBODY = -1
NO_REPLY = -2
"""Root author of a message that is no reply."""

NEVER = -(2**62)
"""Before every event."""


@dataclass(frozen=True)
class Turns:
    """Of each event, by row; what a channel message answers reaches back ``WEEKS_BACK`` weeks at most.

    A message or mail continues a turn when the same sender wrote in the same conversation at most ``coalescing_minutes``
    before, whoever else spoke in between. Reactions and meetings always open. ``before`` is the author of the message
    that a reply names, unless that is the root, else the previous distinct speaker of the thread.
    """

    opens: Flags  # 1 on the first message of a turn
    turn: Codes  # row of the first message of the turn; messages only
    thread: Ints  # first event of the thread; of a reaction the thread that it was given in
    root: Codes  # code of the root's author, NOBODY unknown, NO_REPLY for messages that open a thread
    before: Codes  # code of whom a channel message answers besides, NOBODY none
    author: Codes  # code of the author of the message that a reaction or a reply points to, NOBODY unknown


def turns(held: Held, verdict: Flags, rules: TieRules) -> Turns:
    """Part cleaned events into turns and threads."""
    talk = (verdict == KEPT) & (held.events.place <= CHANNEL)
    with beside(partial(opened, held, talk, rules)) as parts:
        thread, root, before, author = _threads(held, verdict)
    opens, turn = parts.result()
    return Turns(opens, turn, thread, root, before, author)


def opened(held: Held, message: NDArray[np.bool_], rules: TieRules) -> tuple[Flags, Codes]:
    """Part some messages into turns.

    Parameters
    ----------
    held
        Cleaned events in the order of time.
    message
        Which of them are messages or mails, ``(n,)``.
    rules
        Gives ``coalescing_minutes``.

    Returns
    -------
    tuple of Flags and Codes
        ``(n,)`` each: 1 on events that open a turn (whatever is no message does), and the row of the message that opened the turn of
        each; meaningless where ``message`` is false.
    """
    rows = np.flatnonzero(message)
    codes, number = codes_of(held.events.sender[rows].astype(np.int64), held.judged.conversation[rows])
    conversation, turn = np.zeros(message.size, dtype=np.int32), np.full(message.size, -1, dtype=np.int32)
    conversation[rows] = codes
    opens, last = np.ones(message.size, dtype=np.uint8), (np.full(number, NEVER), np.zeros(number, dtype=np.int32))
    opening((held.events.at, message.view(np.uint8), conversation), last, (opens, turn), rules.coalescing_minutes * 60)
    return opens, turn


def _threads(held: Held, verdict: Flags) -> tuple[Ints, Codes, Codes, Codes]:
    """Thread, author of the root, whom a message answers besides and whom it or a reaction points to."""
    events, kept = held.events, verdict == KEPT
    posts, given = np.flatnonzero(kept & (events.place == CHANNEL)), np.flatnonzero(kept & (events.place == REACTION))
    thread = np.where(events.root == NONE, events.event, events.root)
    replies = posts[events.root[posts] != NONE]
    pointed = posts[(events.reply_to[posts] != NONE) & (events.reply_to[posts] != thread[posts])]
    wanted = (events.root[replies], events.reply_to[pointed], events.reply_to[given])
    found = np.split(rows_of(events.event, np.concatenate(wanted)), np.cumsum([replies.size, pointed.size]))
    root, author = np.full(kept.size, NO_REPLY, dtype=np.int32), np.full(kept.size, NOBODY, dtype=np.int32)
    root[replies] = _author(held, replies, found[0])
    author[pointed], author[given] = _author(held, pointed, found[1]), _author(held, given, found[2])
    spoke = _spoke(held, kept, replies, found[0])
    thread[given] = _reacted(held, given, found[2])
    return thread, root, np.where(author == NOBODY, spoke, author), author


def _author(held: Held, rows: Ints, wrote: Codes) -> Codes:
    """Who wrote the events in the rows ``wrote`` (-1 not held), people only and within the weeks looked back on."""
    events, people = held.events, held.known.people
    sender = events.sender[wrote]
    good = (wrote >= 0) & (sender >= 0) & (people[sender] > 0) & (events.w[wrote] >= events.w[rows] - WEEKS_BACK)
    return np.where(good, sender, NOBODY).astype(np.int32)


def _spoke(held: Held, kept: NDArray[np.bool_], replies: Ints, roots: Codes) -> Codes:
    """Last distinct speaker of the thread before each kept channel message; threads are numbered by the row of their root."""
    events = held.events
    thread = np.arange(kept.size, dtype=np.int32)
    lost = roots < 0
    codes, number = codes_of(events.root[replies][lost], np.zeros(int(lost.sum()), dtype=np.int64))
    thread[replies] = roots
    thread[replies[lost]] = codes + np.int32(kept.size)
    last = tuple(np.full(kept.size + number, NOBODY, dtype=np.int32) for _ in range(4))
    spoke = np.full(kept.size, NOBODY, dtype=np.int32)
    post = (kept & (events.place == CHANNEL)).view(np.uint8)
    spoken_before((post, thread, events.sender, events.w), last, spoke, WEEKS_BACK)
    return spoke


def _reacted(held: Held, given: Ints, wrote: Codes) -> Ints:
    """Thread of what each reaction is for: that of the message where it is held and by a person, else what the source named."""
    events = held.events
    sender = events.sender[wrote]
    seen = (wrote >= 0) & (sender >= 0) & (held.known.people[sender] > 0)
    of_message = np.where(events.root[wrote] == NONE, events.event[wrote], events.root[wrote])
    named = np.where(events.root[given] == NONE, events.reply_to[given], events.root[given])
    return np.where(seen, of_message, named)
