"""Who could have answered where membership is known and presence is not: sites open to all, with no working hours."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ona.tables import FIXED_POINT, PRESENCE

Ints = npt.NDArray[np.int64]


def expected_of_members(presence: pa.Table, asks: pa.Table, people: pa.Table) -> pa.Table:
    """Return PRESENCE in which each week's asks are expected of all members alike, from the week in which they joined.

    Eligible to answer an ask are the members of its space; those who lately wrote there stand in only where members are unknown
    (amendment 6). On a site of questions and answers membership is known (an account) and presence is not: nobody has working
    hours, and whoever writes there mostly answers. Were the active ones alone eligible, the best helpers would be expected to
    answer most. The rate is then one per week of membership: it follows a sum over the whole history of a person, such as
    reputation, only where all were members throughout (leave out the days of joining to compare with a sum).

    Parameters
    ----------
    presence
        PRESENCE of the site; what it says besides exposure is kept.
    asks
        ASKS of the site.
    people
        PEOPLE: every member with the day of joining; who has none was there from the start.

    Returns
    -------
    pa.Table
        PRESENCE with one row per member and week since joining, sorted by key; ``exposure`` adds up to the certain asks of each week.
    """
    weeks = np.unique(np.asarray(asks.column("week").to_numpy(), dtype="datetime64[D]"))
    person = np.unique(people.column("person").to_numpy())
    joined = np.full(len(person), np.iinfo(np.int64).min)
    dated = people.filter(pc.is_valid(people.column("joined")))
    joined[np.searchsorted(person, dated.column("person").to_numpy())] = _days(dated.column("joined"))
    member = np.asarray(joined[:, None] < weeks.astype(np.int64)[None, :] + 7, dtype=np.bool_)
    share = _certain(asks, weeks) * FIXED_POINT // np.maximum(member.sum(axis=0), 1)
    held = _places(presence, weeks, person)
    old = np.where((held >= 0) & np.append(member.ravel(), False)[held], np.append(np.tile(share, len(person)), 0)[held], 0)
    kept = presence.set_column(presence.schema.get_field_index("exposure"), PRESENCE.schema.field("exposure"), pa.array(old, pa.int64()))
    fresh = np.setdiff1d(np.flatnonzero(member.ravel()), held)
    rows = {"week": weeks[fresh % len(weeks)], "account": person[fresh // len(weeks)], "exposure": share[fresh % len(weeks)]}
    table = pa.concat_tables([kept.cast(PRESENCE.schema), _silent(rows)])
    return table.sort_by([(name, "ascending") for name in PRESENCE.key]).combine_chunks()


def _days(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.to_numpy(), dtype="datetime64[D]").astype(np.int64)


def _certain(asks: pa.Table, weeks: npt.NDArray[np.datetime64]) -> Ints:
    place = np.searchsorted(weeks, np.asarray(asks.column("week").to_numpy(), dtype="datetime64[D]"))
    return np.bincount(place, asks.column("certain").to_numpy(), len(weeks)).astype(np.int64)


def _places(presence: pa.Table, weeks: npt.NDArray[np.datetime64], person: Ints) -> Ints:
    """Return ``row of the person * weeks + week`` of each row of PRESENCE; -1 for strangers and for weeks without asks."""
    when, who = np.asarray(presence.column("week").to_numpy(), dtype="datetime64[D]"), presence.column("account").to_numpy()
    if not len(weeks) or not len(person):
        return np.full(len(who), -1, dtype=np.int64)
    week, row = np.minimum(np.searchsorted(weeks, when), len(weeks) - 1), np.minimum(np.searchsorted(person, who), len(person) - 1)
    return np.where((weeks[week] == when) & (person[row] == who), row * len(weeks) + week, -1)


def _silent(rows: dict[str, npt.NDArray[np.generic]]) -> pa.Table:
    """Rows of PRESENCE of people who did nothing in a week."""
    size = len(rows["week"])
    blank = {field.name: pa.nulls(size, field.type) if pa.types.is_list(field.type) else np.zeros(size) for field in PRESENCE.schema}
    return pa.table([pa.array((blank | rows)[field.name]).cast(field.type) for field in PRESENCE.schema], schema=PRESENCE.schema)
