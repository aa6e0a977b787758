"""Scans of companies that say little: a typed error, or NaN with a reason, never a wrong number."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ona.errors import NotEnoughDataError
from ona.rules import Rules, TieRules
from ona.scan import Scan, scan
from ona.simulate.company import company
from ona.tables import ABSENCES, ASKS, PEOPLE, PRESENCE, TIES, AccountKind
from pipelines.engine.duckdb import Engine
from pipelines.ties import tables_of

RULES = Rules(n_resamples=10, n_halves=4)
ENDS = {"ties": ("from", "to"), "asks": ("asker", "helper"), "presence": ("account",), "people": ("person",)}


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    """Fifty people over a quarter."""
    made = company(people=50, seed=8)
    with Engine(threads=1) as engine:
        ties, asks, presence = tables_of(engine, made.events(), made.accounts, TieRules())
    return {"ties": ties, "asks": asks, "presence": presence, "people": made.people}


def only(tables: dict[str, pa.Table], people: list[int]) -> dict[str, pa.Table]:
    """What is left when these are everybody."""
    kept = {}
    for name, table in tables.items():
        hit = [pc.is_in(table[column], pa.array(people)) for column in ENDS[name]]
        kept[name] = table.filter(hit[0] if len(hit) == 1 else pc.and_(*hit))
    return kept


def run(tables: dict[str, pa.Table], **more: pa.Table) -> Scan:
    """Scan with few replicates."""
    return scan(tables["ties"], tables["asks"], tables["presence"], tables["people"], RULES, **more)


def members(tables: dict[str, pa.Table]) -> list[int]:
    """Members of the company."""
    return tables["people"].filter(pc.field("kind") == AccountKind.MEMBER.value)["person"].to_pylist()


def reasons(made: Scan, *names: str) -> set[str | None]:
    """Reasons of these scores over everybody."""
    return set(made.scores.filter(pc.field("name").isin(list(names)))["reason"].to_pylist())


def nobody_is_told(made: Scan) -> bool:
    """Whether each facet of each person has a reason, and nobody is flagged."""
    untold = None not in reasons(made, "helper", "broker", "reach", "overall")
    return untold and not made.flags["flagged"].to_numpy(zero_copy_only=False).any()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_few_people_get_reasons(tables, size):
    made = run(only(tables, members(tables)[:size]))
    assert nobody_is_told(made)
    assert np.isnan(made.scores.filter(pc.field("name") == "helper")["percentile"].to_numpy()).all()


def test_people_without_a_single_tie_or_ask_get_reasons(tables):
    made = run(tables | {"ties": TIES.empty(), "asks": ASKS.empty()})
    assert nobody_is_told(made)
    assert made.graphs["attention"].adjacency.nnz == 0


def test_thirteen_weeks_of_which_twelve_are_empty_get_reasons(tables):
    """The last week alone holds rows, the first one a single row that opens the window."""
    weeks = sorted(set(tables["presence"]["week"].to_pylist()))
    last = {name: tables[name].filter(pc.equal(tables[name]["week"], pa.scalar(weeks[-1]))) for name in ("ties", "asks", "presence")}
    first = tables["presence"].filter(pc.equal(tables["presence"]["week"], pa.scalar(weeks[0]))).slice(0, 1)
    made = run(tables | last | {"presence": pa.concat_tables([first, last["presence"]])})
    assert made.notes["window"]["weeks"] == 13
    assert nobody_is_told(made)


def test_one_week_is_too_little(tables):
    week = tables["presence"]["week"].to_pylist()[0]
    one = {name: tables[name].filter(pc.equal(tables[name]["week"], pa.scalar(week))) for name in ("ties", "asks", "presence")}
    with pytest.raises(NotEnoughDataError, match="1 weeks"):
        run(tables | one)


def test_somebody_on_leave_all_quarter_was_not_observed_enough(tables):
    person = members(tables)[7]
    start = min(tables["presence"]["week"].to_pylist())
    away = pa.table([[person] * 91, [start + timedelta(days=day) for day in range(91)]], schema=ABSENCES.schema)
    made = run(tables, absences=away)
    mine = made.scores.filter((pc.field("person") == person) & (pc.field("name") == "broker"))
    assert mine["reason"].to_pylist() == ["too_few_days"]
    facts = made.facts.filter((pc.field("person") == person) & (pc.field("fact") == "worked_days"))
    assert facts["value"].to_pylist() == [0]


def test_a_team_of_everybody_leaves_brokers_without_departments(tables):
    people = tables["people"]
    for name in ("team", "group", "function"):
        place = people.schema.get_field_index(name)
        people = people.set_column(place, people.schema.field(name), pa.array(np.zeros(len(people)), people.schema.field(name).type))
    made = run(tables | {"people": people})
    told = made.scores.filter((pc.field("name") == "participation") & pc.is_valid(pc.field("tier")))
    assert len(told) == 0
    assert "departments" in " ".join(made.notes["warnings"])


def test_people_whom_hr_does_not_know_count_as_members(tables):
    bare = PEOPLE.empty()
    made = run(tables | {"people": bare})
    assert made.people.num_rows >= len(members(tables)) - 5
    assert date.fromisoformat(made.notes["window"]["start"]) == min(tables["ties"]["week"].to_pylist())


def test_an_empty_company_is_said_so():
    with pytest.raises(NotEnoughDataError, match="0 weeks"):
        scan(TIES.empty(), ASKS.empty(), PRESENCE.empty(), PEOPLE.empty(), RULES)
