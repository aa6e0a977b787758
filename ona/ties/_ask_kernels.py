"""One pass over sorted columns each: episodes of pairs, answers in threads, exposure to the asks of a space."""

from numba import int64, void

from ona.compiled import CODES, FLAGS, INTS, Codes, Flags, Ints, kernel, tuple_of
from ona.ties._sorting import NONE
from ona.ties.working_time import MINUTES_A_DAY, OPENS, WORKING_DAY, WORKING_TIME, WorkingTime

MATRIX = int64[:, ::1]

OPENER, LATEST, PLAIN, DAY, AT, ROW, PLACE = 0, 1, 2, 3, 4, 5, 6
SIDE, SIDES = 7, 4
FIRST, OFFSET, LAST, SOON = 0, 1, 2, 3
"""Facts of an episode: who opened, last time, askable by itself, first day, first time, event row and place among the sorted rows;
then for either side, the lower account first, ``SIDES`` facts: first time, minutes that the clock is ahead, last time, last time soon."""
NEVER = 2**62


@kernel(int64(WORKING_TIME, int64, int64))
def _minutes(time: WorkingTime, account: int, minute: int) -> int:
    """Working minutes of an account before a minute on its clock, as ``WorkingTime.minutes``."""
    number = min(max(minute // MINUTES_A_DAY - time.first, 0), time.width - 2)
    row = account * time.width + number
    of_day = min(max(minute % MINUTES_A_DAY - OPENS, 0), WORKING_DAY)
    return int(time.worked[row] * WORKING_DAY + (time.worked[row + 1] - time.worked[row]) * of_day)


@kernel(int64(tuple_of(INTS, CODES), tuple_of(INTS, CODES, CODES), WORKING_TIME, tuple_of(int64, int64), CODES))
def cut(rows: tuple[Ints, Codes], events: tuple[Ints, Codes, Codes], time: WorkingTime, silence: tuple[int, int], episode: Codes) -> int:
    """Give a number to the episodes of sorted rows; return how many there are.

    Rows are (pair, odd for mail; event row), events (time, offset, sender); an episode ends after a silence (direct messages; mail)
    in working minutes of who breaks it.
    """
    pair, row = rows
    at, offset, sender = events
    count, ask = -1, -1
    for i in range(len(pair)):
        r, new = row[i], i == 0 or pair[i] != pair[i - 1]
        if not new and r != ask:
            long = silence[pair[i] & 1]
            before = at[row[i - 1]]
            if at[r] - before >= long * 60:  # a working minute is at least a minute long
                waited = _minutes(time, sender[r], at[r] // 60 + offset[r]) - _minutes(time, sender[r], before // 60 + offset[r])
                new = waited >= long
        if new:
            count += 1
            ask = r
        episode[i] = count
    return count + 1


@kernel(void(tuple_of(CODES, CODES, FLAGS, FLAGS), tuple_of(INTS, CODES, CODES, CODES), int64, MATRIX))
def sides(rows: tuple[Codes, Codes, Flags, Flags], events: tuple[Ints, Codes, Codes, Codes], soon: int, facts: Ints) -> None:
    """Fill in the facts of episodes.

    Rows are (episode, event row, whether the sender is the upper account, whether it may ask), events (time, offset, sender, day);
    ``soon`` is in seconds.
    """
    episode, row, upper, plain = rows
    at, offset, sender, day = events
    for i in range(len(row)):
        one, r = episode[i], row[i]
        if i == 0 or one != episode[i - 1]:
            for k in range(len(facts)):
                facts[k, one] = NEVER
            facts[AT, one], facts[OPENER, one], facts[ROW, one], facts[PLACE, one], facts[PLAIN, one] = at[r], sender[r], r, i, 0
            for side in (SIDE, SIDE + SIDES):
                facts[side + LAST, one], facts[side + SOON, one] = NONE, NONE
        if r == facts[ROW, one]:
            facts[PLAIN, one] |= plain[i]
        facts[LATEST, one] = at[r]
        facts[DAY, one] = min(facts[DAY, one], day[r])
        mine = SIDE + SIDES * upper[i]
        facts[mine + FIRST, one] = min(facts[mine + FIRST, one], at[r])
        facts[mine + OFFSET, one] = min(facts[mine + OFFSET, one], offset[r])
        facts[mine + LAST, one] = at[r]
        if at[r] - facts[AT, one] <= soon:
            facts[mine + SOON, one] = at[r]


@kernel(int64(tuple_of(INTS, INTS, INTS, INTS, INTS), INTS, MATRIX))
def answered(rows: tuple[Ints, ...], first: Ints, out: Ints) -> int:
    """Find the first answer of each helper among timely replies sorted by (ask, time); return how many there are.

    Rows are (ask, helper, at, day, waited); ``out`` gets (ask, helper, first, at, day, waited), those of ask k from
    ``first[k]`` to ``first[k + 1]``.
    """
    ask, helper, at, day, waited = rows
    count, begun = 0, 0
    for i in range(len(ask)):
        if i == 0 or ask[i] != ask[i - 1]:
            begun = count
        place = begun
        while place < count and out[1, place] != helper[i]:
            place += 1
        if place == count:
            out[0, count], out[1, count], out[2, count] = ask[i], helper[i], count == begun
            out[3, count], out[4, count], out[5, count] = at[i], day[i], waited[i]
            count += 1
            first[ask[i] + 1] = count
        else:
            out[4, place], out[5, place] = min(out[4, place], day[i]), min(out[5, place], waited[i])
    for k in range(1, len(first)):
        first[k] = max(first[k], first[k - 1])
    return count


@kernel(void(INTS, INTS, INTS, INTS, INTS))
def looked_up(ask: Ints, helper: Ints, first: Ints, helpers: Ints, place: Ints) -> None:
    """Find the answer of each (ask, helper), -1 without one; the helpers of ask k stand from ``first[k]`` to ``first[k + 1]``."""
    for i in range(len(ask)):
        place[i] = -1
        for j in range(first[ask[i]], first[ask[i] + 1]):
            if helpers[j] == helper[i]:
                place[i] = j


@kernel(int64(int64, int64, INTS, FLAGS, INTS))
def _at_work(number: int, bit: int, cell: Ints, mask: Flags, there: Ints) -> int:
    """Mark the members at work on a day with its number; return how many they are."""
    people = 0
    for j in range(len(cell)):
        if mask[j] & bit:
            people += 1
            there[cell[j]] = number
    return people


@kernel(void(tuple_of(INTS, INTS, INTS, INTS), tuple_of(INTS, INTS, INTS), tuple_of(INTS, FLAGS), INTS, INTS, int64))
def exposed(
    asked: tuple[Ints, Ints, Ints, Ints],
    own: tuple[Ints, Ints, Ints],
    members: tuple[Ints, Flags],
    there: Ints,
    exposure: Ints,
    unit: int,
) -> None:
    """Spread the asks of each space and day evenly over its members at work, each one's own left out.

    Parameters
    ----------
    asked
        Per space and day: confidence of all asks, bit of the weekday, first member and the one after the last.
    own
        First asker of each space and day (and the one after the last), the asker's cell and the confidence of their asks, each once.
    members
        Cell in ``exposure`` and mask of the days at work.
    there
        By cell, smaller than every number in ``asked`` at first.
    exposure
        Added to.
    unit
        What one unit of confidence counts.
    """
    everything, bit, begin, end = asked
    first, who, sure = own
    for k in range(len(everything)):
        cell, mask = members[0][begin[k] : end[k]], members[1][begin[k] : end[k]]
        people = _at_work(k, bit[k], cell, mask, there)
        if people < 2:
            continue
        share = everything[k] * unit // (people - 1)
        for j in range(len(cell)):
            exposure[cell[j]] += share if mask[j] & bit[k] else 0
        for i in range(first[k], first[k + 1]):
            if there[who[i]] == k:
                exposure[who[i]] += (everything[k] - sure[i]) * unit // (people - 1) - share
