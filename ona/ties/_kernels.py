"""Loops over events in order of time: turns, threads, recipients and repeated messages."""

from numba import int64, void

from ona.compiled import CODES, FLAGS, INTS, Codes, Flags, Ints, kernel, tuple_of

DIRECT = 2
NEAR_SECONDS = 300


@kernel(void(tuple_of(INTS, FLAGS, CODES), tuple_of(INTS, CODES), tuple_of(FLAGS, CODES), int64))
def opening(events: tuple[Ints, Flags, Codes], last: tuple[Ints, Codes], turns: tuple[Flags, Codes], longest: int) -> None:
    """Part messages into turns: a turn goes on with what the same sender wrote in the same conversation at most ``longest`` seconds later.

    Parameters
    ----------
    events
        When, whether it is a message, and the number of its sender's conversation.
    last
        By conversation the time of the last message (before everything at first) and the row that opened its turn.
    turns
        1 on what opens a turn, and the row that did; other events are left alone.
    longest
        Seconds.
    """
    at, message, conversation = events
    spoke, opener = last
    opens, turn = turns
    for i in range(len(at)):
        if message[i]:
            code = conversation[i]
            new = at[i] - spoke[code] > longest
            if new:
                opener[code] = i
            spoke[code], opens[i], turn[i] = at[i], new, opener[code]


@kernel(void(tuple_of(FLAGS, CODES, CODES, CODES), tuple_of(CODES, CODES, CODES, CODES), CODES, int64))
def spoken_before(posts: tuple[Flags, Codes, Codes, Codes], last: tuple[Codes, ...], spoke: Codes, back: int) -> None:
    """Find the last distinct speaker of the thread before each post, at most ``back`` weeks ago; -1 nobody.

    Parameters
    ----------
    posts
        Of each event whether it is one, its thread, sender and week.
    last
        By thread: who spoke last and the last other speaker before, each with the week; -1 nobody.
    spoke
        Filled in.
    back
        Weeks.
    """
    post, threads, senders, weeks = posts
    latest, latest_w, other, other_w = last
    for i in range(len(post)):
        if not post[i]:
            continue
        code, sender, w = threads[i], senders[i], weeks[i]
        if latest[code] >= 0 and latest[code] != sender:
            other[code], other_w[code] = latest[code], latest_w[code]
        if other[code] >= 0 and other_w[code] >= w - back:
            spoke[i] = other[code]
        latest[code], latest_w[code] = sender, w


@kernel(int64(tuple_of(FLAGS, CODES), tuple_of(INTS, INTS, CODES, FLAGS), FLAGS, tuple_of(CODES, CODES, FLAGS)))
def received(events: tuple[Flags, Codes], names: tuple[Ints, Ints, Codes, Flags], people: Flags, got: tuple[Codes, Codes, Flags]) -> int:
    """Fill in event row, account code and role of the recipients of kept events, people only, without the sender; return how many."""
    verdict, sender = events
    start, stop, account, role = names
    rows, accounts, roles = got
    size = 0
    for i in range(len(verdict)):
        if verdict[i] != 0:
            continue
        for j in range(start[i], stop[i]):
            code = account[j]
            if code >= 0 and people[code] and code != sender[i]:
                rows[size], accounts[size], roles[size] = i, code, role[j]
                size += 1
    return size


@kernel(void(INTS, FLAGS, CODES, tuple_of(INTS, INTS), FLAGS))
def mark_copies(at: Ints, place: Flags, pair: Codes, near: tuple[Ints, Ints], copied: Flags) -> None:
    """Mark mails to one person within five minutes of a direct message of the same pair.

    ``near`` holds by pair a time before and one after everything; it becomes the last and the next direct message.
    """
    before, after = near
    size = len(pair)
    for i in range(size):
        if place[i] == DIRECT:
            before[pair[i]] = at[i]
        else:
            copied[i] |= at[i] - before[pair[i]] <= NEAR_SECONDS
    for back in range(size):
        i = size - 1 - back
        if place[i] == DIRECT:
            after[pair[i]] = at[i]
        else:
            copied[i] |= after[pair[i]] - at[i] <= NEAR_SECONDS
