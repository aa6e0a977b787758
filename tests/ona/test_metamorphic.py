"""Changes that must not change places: town halls, another zone, other units, one more stranger, half a contract, leave.

Mass mail, bots and split messages are in test_robustness, other ids and another order of the rows in test_scan.
"""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ona.rules import Rules, TieRules
from ona.scan import scan
from ona.simulate.company import Company, company
from ona.tables import ABSENCES, EVENTS, PEOPLE, AccountKind, Kind, Role
from pipelines.engine.duckdb import Engine
from pipelines.ties import tables_of

TWO_POINTS = 0.02  # percentile points, section 13.4
RULES = Rules(n_resamples=20, n_halves=6)


@pytest.fixture(scope="module")
def made() -> Company:
    return company(people=130, seed=6)


@pytest.fixture(scope="module")
def events(made) -> pa.Table:
    return made.events()


def weekly(made: Company, events: pa.Table) -> dict[str, pa.Table]:
    """Weekly tables of these events, and the company's people."""
    with Engine(threads=1) as engine:
        ties, asks, presence = tables_of(engine, events, made.accounts, TieRules())
    return {"ties": ties, "asks": asks, "presence": presence, "people": made.people}


@pytest.fixture(scope="module")
def tables(made, events) -> dict[str, pa.Table]:
    return weekly(made, events)


def places(tables: dict[str, pa.Table], **more: pa.Table) -> dict[tuple[int, str], float]:
    """Place among peers in both facets."""
    found = scan(tables["ties"], tables["asks"], tables["presence"], tables["people"], RULES, **more)
    rows = found.scores.filter(pc.field("name").isin(["helper", "broker"]) & pc.is_valid(pc.field("tier")))
    return dict(zip(zip(rows["person"].to_pylist(), rows["name"].to_pylist(), strict=True), rows["percentile"].to_pylist(), strict=True))


@pytest.fixture(scope="module")
def before(tables) -> dict[tuple[int, str], float]:
    return places(tables)


def moves(before: dict, after: dict, without: tuple[int, ...] = ()) -> np.ndarray:
    """By how much the places of those who are told before and after have moved."""
    both = [key for key in before if key in after and key[0] not in without]
    assert len(both) >= 0.97 * len(before)
    return np.array([abs(before[key] - after[key]) for key in both])


def test_weights_in_other_units_give_the_same_places(tables, before):
    place = tables["ties"].schema.get_field_index("weight")
    doubled = tables["ties"].set_column(place, "weight", pc.multiply(tables["ties"]["weight"], 2))
    assert moves(before, places(tables | {"ties": doubled})).max() < 1e-9


def test_a_town_hall_of_everybody_changes_no_place(made, events, before):
    row = events.filter(pc.equal(events["kind"], Kind.MEETING.value)).slice(3, 1).to_pylist()[0]
    everybody = [person for person in made.people["person"].to_pylist() if person != row["sender"]]
    seats = [{"account": person, "role": Role.ACCEPTED.value} for person in everybody]
    hall = row | {"event": 17, "series": None, "recipients": seats, "audience": len(seats), "minutes": 120.0, "flags": 0}
    after = places(weekly(made, pa.concat_tables([events, pa.Table.from_pylist([hall], schema=EVENTS.schema)])))
    assert np.quantile(moves(before, after), 0.95) <= TWO_POINTS


def test_the_same_company_in_another_zone_keeps_its_places(made, events, before):
    """Everybody's clock is five hours ahead: local days and hours stay."""
    later = pc.add(events["sent"], pa.scalar(timedelta(hours=5), pa.duration("us")))
    after = places(weekly(made, events.set_column(events.schema.get_field_index("sent"), "sent", later)))
    assert np.quantile(moves(before, after), 0.95) <= TWO_POINTS


def test_somebody_who_does_nothing_changes_no_place(tables, before):
    template = tables["people"].filter(pc.equal(tables["people"]["kind"], AccountKind.MEMBER.value)).slice(9, 1).to_pylist()[0]
    alone = pa.Table.from_pylist([template | {"person": 5, "named_lead": False}], schema=PEOPLE.schema)
    after = places(tables | {"people": pa.concat_tables([tables["people"], alone])})
    assert (5, "broker") not in after
    assert np.quantile(moves(before, after), 0.95) <= TWO_POINTS  # team mates have a larger team


def test_half_a_contract_moves_neither_its_owner_nor_others(tables, before):
    """The same work is stated to be half a contract: only the choice of peers may change."""
    person = max(before, key=lambda key: before[key])[0]
    people = tables["people"]
    half = pc.if_else(pc.equal(people["person"], person), pa.scalar(0.5, pa.float32()), people["fte"])
    after = places(tables | {"people": people.set_column(people.schema.get_field_index("fte"), "fte", half)})
    assert np.quantile(moves(before, after), 0.95) <= TWO_POINTS
    mine = [abs(before[key] - after[key]) for key in before if key[0] == person and key in after]
    assert max(mine) <= TWO_POINTS


def test_half_a_quarter_on_leave_hides_nobody(tables, before):
    """Every other week of the first broker is taken away and stated as leave: rates and rules are per shared day."""
    person = max((key for key in before if key[1] == "broker"), key=lambda key: before[key])[0]
    weeks = sorted(set(tables["presence"]["week"].to_pylist()))[::2]
    kept = {}
    for name, ends in (("ties", ("from", "to")), ("asks", ("asker", "helper")), ("presence", ("account",))):
        table = tables[name]
        mine = pc.equal(table[ends[0]], person)
        for end in ends[1:]:
            mine = pc.or_(mine, pc.equal(table[end], person))
        kept[name] = table.filter(pc.invert(pc.and_(mine, pc.is_in(table["week"], pa.array(weeks, pa.date32())))))
    days = [week + timedelta(days=day) for week in weeks for day in range(7)]
    leave = pa.table([[person] * len(days), days], schema=ABSENCES.schema)
    after = places(tables | kept, absences=leave)
    assert after[person, "broker"] >= 0.85
    assert np.median(moves(before, after, without=(person,))) <= TWO_POINTS  # those who met the person lose half of it
