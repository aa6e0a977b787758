"""What holds for every company, stage by stage (section 14 of the method), on a simulated one."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from math import log2

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ona.rules import TieRules
from ona.simulate.company import company
from ona.tables import EVENTS, FIXED_POINT
from ona.ties import _shares, frames
from ona.ties.attribution import Parted, parted, ties
from ona.ties.columns import held
from ona.ties.frames import in_memory
from ona.ties.weekly import Context, tables_of, weekly

FREE = TieRules(credit_cap=1e9)


@dataclass(frozen=True)
class Case:
    """A simulated company, cleaned and parted."""

    events: pa.Table
    accounts: pa.Table
    parts: Parted


@pytest.fixture(scope="module")
def case() -> Case:
    made = company(people=70, weeks=4, seed=11)
    events = made.events().cast(EVENTS.schema)
    return Case(events, made.accounts, parted(held(in_memory(events), in_memory(made.accounts), FREE), FREE))


def test_every_kept_event_spends_exactly_its_own_value(case):
    """Stage 3: shares of a mail or direct message sum to one turn, 2**30 units; at most one unit is lost to rounding for each receiver."""
    parts, events = case.parts, case.parts.held.events
    opens = np.flatnonzero((parts.verdict == 0) & (parts.turns.opens > 0) & (events.place <= _shares.MAIL + 1))
    some = opens[(parts.got.stop > parts.got.start)[opens]][:400]
    assert some.size == 400
    said = _shares.Said(events.place, events.audience, events.sender, events.n, events.source)
    got = _shares.Got(parts.got.start, parts.got.stop, parts.got.account, parts.got.role)
    method = _shares.Method(1.0, 6930, 4, 5, parts.held.known.bits)
    for row in some:
        keys, values = np.empty(64, dtype=np.int64), np.empty(64, dtype=np.int64)
        size = _shares.messages(np.array([row]), said, got, method, (keys, values))
        spent = int((values[:size] >> _shares.MARK_BITS).sum())
        assert abs(spent - _shares.TURN) <= size


def test_weeks_of_ties_add_up_to_all_of_them_and_days_to_their_masks(case):
    """Stage 4: computed week by week or at once, the same rows; a day has a bit, evidence is a part of the days."""
    whole = tables_of(case.parts, FREE, Context())
    mondays = sorted(set(whole.ties["week"].to_pylist()))
    pieces = [tables_of(case.parts, FREE, Context((week, week + timedelta(days=7)))) for week in mondays]
    for name in ("ties", "asks", "presence", "dropped"):
        assert (
            pa.concat_tables([getattr(piece, name) for piece in pieces]).combine_chunks().equals(getattr(whole, name).combine_chunks())
        ), name
    days, evidence = (whole.ties[name].to_numpy().astype(np.int64) for name in ("days", "evidence"))
    assert ((days & evidence) == evidence).all()
    assert (whole.ties["events"].to_numpy() >= np.bitwise_count(days)).all()


def test_credits_of_an_ask_sum_to_its_confidence(case):
    """Stage 5: q is 1 or .5, so that the credit of a week is half a whole number, at most one an ask; per channel and asker as well."""
    made = tables_of(case.parts, FREE, Context())
    spent: dict[object, float] = defaultdict(float)
    for row in made.asks.to_pylist():
        spent[row["week"], row["channel"], row["asker"]] += row["credit"] / FIXED_POINT
    assert all(abs(credit * 2 - round(credit * 2)) < 1e-3 for credit in spent.values())
    asked = {(row["week"], row["account"]): row["asks_made"] for row in made.presence.to_pylist()}
    totals: dict[object, float] = defaultdict(float)
    for (week, _, asker), credit in spent.items():
        totals[week, asker] += credit
    assert all(asked[key] / 2 - 1e-3 <= credit <= asked[key] + 1e-3 for key, credit in totals.items())
    assert len(totals) > 100


def test_kept_and_dropped_events_add_up_to_what_came(case):
    """Stage 2."""
    made = tables_of(case.parts, FREE, Context())
    assert pc.sum(made.dropped["events"]).as_py() == case.events.num_rows


def test_nobody_excluded_is_left_in_any_table(case):
    """Stage 1, with every tenth account excluded."""
    gone = case.accounts["account"].to_pylist()[::10]
    flags = pa.array([account in gone for account in case.accounts["account"].to_pylist()])
    known = case.accounts.set_column(case.accounts.schema.get_field_index("excluded"), "excluded", flags)
    made = tables_of(parted(held(in_memory(case.events), in_memory(known), FREE), FREE), FREE, Context())
    left = {value for table, ends in ((made.ties, ("from", "to")), (made.asks, ("asker", "helper")), (made.presence, ("account",)))
            for end in ends for value in table[end].to_pylist()}  # fmt: skip
    assert left
    assert not left & set(gone)


def test_ties_saturate_between_one_event_and_all_of_them(case):
    """Stage 4: a row's weight is at most log2(1 + turns or hours) of each day, hence at most the days times log2(1 + events)."""
    made = ties(case.parts, FREE, np.ones(case.parts.verdict.size, dtype=bool))
    days = np.bitwise_count(made["days"].to_numpy())
    most = days * np.log2(1 + 2.0 * made["events"].to_numpy())
    weight = made["weight"].to_numpy() / FIXED_POINT
    assert (weight > 0).all()
    assert (weight <= most + 1e-5).all()


@pytest.mark.parametrize("threads", [1, 4])
def test_the_number_of_threads_changes_nothing(case, monkeypatch, threads):
    whole = tables_of(case.parts, FREE, Context())
    monkeypatch.setattr(frames, "THREADS", threads)
    again = tables_of(parted(held(in_memory(case.events), in_memory(case.accounts), FREE), FREE), FREE, Context())
    assert all(getattr(again, name).equals(getattr(whole, name)) for name in ("ties", "asks", "presence", "dropped"))


def test_any_frame_gives_the_same_tables(case):
    """pandas, as in the notebook, and Arrow; lists and nulls differ inside."""
    whole = tables_of(case.parts, FREE, Context())
    found = weekly(nw.from_native(case.events.slice(0)).lazy(), nw.from_native(case.accounts.to_pandas()).lazy(), FREE)
    assert found.ties.collect("pyarrow").to_native().equals(whole.ties)
    assert found.presence.collect("pyarrow").to_native().equals(whole.presence)


def test_a_turn_on_one_day_weighs_one(case):
    """The unit of section 1.6; a fault of a factor shows here."""
    rows = [
        row
        for row in ties(case.parts, FREE, np.ones(case.parts.verdict.size, dtype=bool)).to_pylist()
        if row["events"] == row["turns"] == 1
    ]
    shares = {round(2 ** (row["weight"] / FIXED_POINT) - 1, 3) for row in rows}
    assert 1.0 in shares
    assert max(shares) <= 1.0
    assert log2(1 + 1.0) == 1.0
    assert replace(FREE, beta=1.0) == FREE
