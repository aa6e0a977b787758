"""Weekly tables are made from the lake's content alone: once, in any pieces, and again only where something changed."""

import random
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from connectors.base import RawEvent, RawPerson
from ona.tables import ASKS, PRESENCE, SPACE_WEEKS, TIES, Kind, SpaceKind
from ona.ties.weekly import by_person
from pipelines import ties
from pipelines.engine.duckdb import Engine
from pipelines.intake.events import pull_events, retire
from pipelines.intake.people import pull_people
from pipelines.schema import ABSENCES
from tests.pipelines.conftest import Events, People, handle, mail, microseconds

START = datetime(2026, 8, 3, 9)
NAMES = [f"p{i}" for i in range(8)]
PERSONS = [RawPerson((handle(name),), zone="UTC") for name in NAMES]


def exchanges(weeks: int = 5, seed: int = 0) -> list[RawEvent]:
    """Mails and threads of eight people over five weeks; threads go on over midnight on Sunday."""
    rng = random.Random(seed)
    found: list[RawEvent] = []
    for number in range(weeks * 40):
        at = START + timedelta(minutes=rng.randrange(weeks * 7 * 24 * 60))
        one, other = rng.sample(NAMES, 2)
        if number % 2:
            found.append(mail(f"m{number}", one, other, at=at, audience=1))
            found.append(mail(f"a{number}", other, one, at=at + timedelta(hours=3), audience=1))
        else:
            root = RawEvent(f"r{number}", Kind.MESSAGE, microseconds(at), handle(one), space="slack:T/C1", space_kind=SpaceKind.CHANNEL)
            late = at + timedelta(hours=rng.randrange(1, 100))
            found += [root, replace(root, id=f"x{number}", sent=microseconds(late), sender=handle(other), root=root.id, reply_to=root.id)]
    return found


def updated(ws, rules=None) -> ties.TiesReport:
    with Engine(ws.lake.root) as engine:
        return ties.update(ws, engine, rules=rules)


def versions(ws) -> list[str]:
    return [ws.lake.version(table.name) for table in (TIES, ASKS, PRESENCE, SPACE_WEEKS, ties.DROPPED)]


@pytest.mark.slow
def test_pieces_shuffles_and_resumption_give_the_same_bytes(ws, monkeypatch):
    """All at once, against two pulls in another order, an update between them, and one week at a time."""
    events = exchanges()
    pull_people(ws, "people", People(PERSONS))
    pull_events(ws, "test", Events(events))
    report = updated(ws)
    found, seen = versions(ws), ties.weeks_seen(ws)
    assert len(report.made) == len(seen) + 2
    assert updated(ws).made == ()  # nothing changed, nothing is made

    for table in (TIES, ASKS, PRESENCE, SPACE_WEEKS, ties.DROPPED, ties.MADE):
        with ws.service.begin() as connection:
            ws.lake.drop(connection, table.name, ws.lake.parts(table.name))
    with ws.service.begin() as connection:
        ws.lake.drop(connection, "events", ws.lake.parts("events"))
    monkeypatch.setattr(ties, "MOST_EVENTS", 150)
    shuffled = random.Random(1).sample(events, len(events))
    pull_events(ws, "test", Events(shuffled[:250]))
    updated(ws)
    pull_events(ws, "test", Events(shuffled[250:]))
    updated(ws)
    assert versions(ws) == found
    assert [event for event in ties.dropped_events(ws, seen) if event != "kept"] == []
    assert sum(ties.dropped_events(ws, seen).values()) == len(events)


@pytest.mark.slow
def test_a_changed_week_touches_its_neighbours_only_and_gone_weeks_stay(ws):
    """A late mail in the last week changes the inputs of two weeks before it; weeks whose events were retired keep their tables."""
    pull_people(ws, "people", People(PERSONS))
    pull_events(ws, "test", Events(exchanges(weeks=7)))
    progress: list[tuple[str, int, int | None]] = []
    with Engine(ws.lake.root) as engine:
        ties.update(ws, engine, progress=lambda name, done, total: progress.append((name, done, total)))
    last = ties.weeks_seen(ws)[-1]
    made = len(ties.weeks_seen(ws)) + 2  # zones put events of the first and last week into their neighbours
    assert progress[-1] == ("ties", made, made)
    pull_events(
        ws, "test", Events([mail("late", "p1", "p2", at=datetime.combine(last, datetime.min.time()) + timedelta(hours=10), audience=1)])
    )
    assert updated(ws).made == tuple(last + timedelta(weeks=step) for step in (-2, -1, 0, 1))
    before = versions(ws)
    assert retire(ws, 28)
    assert updated(ws).made == ()
    assert versions(ws) == before
    with Engine(ws.lake.root) as engine:
        weeks = ties.weeks_seen(ws)
        person_level = [engine.collect(frame, ["week"]).num_rows for frame in ties.load(ws, engine, weeks)]
        assert all(person_level[:3])
        assert [engine.collect(frame, ["week"]).num_rows for frame in ties.load(ws, engine, [date(2020, 1, 6)])] == [0, 0, 0, 0]


def test_an_absence_touches_the_weeks_that_it_may_matter_to(ws):
    """A day off in the last week of five: that week, two before (late answers), and what follows; earlier weeks stay."""
    pull_people(ws, "people", People(PERSONS))
    pull_events(ws, "test", Events(exchanges(weeks=7)))
    weeks = updated(ws).made
    last = ties.weeks_seen(ws)[-1]
    person = ws.vault.accounts_table()["person"][0].as_py()
    with ws.service.begin() as connection:
        connection.execute(sa.insert(ABSENCES).values(person=person, day=last + timedelta(days=2)))
    assert updated(ws).made == tuple(week for week in weeks if week >= last - timedelta(weeks=2))
    assert updated(ws).made == ()


def test_mapping_ties_to_persons_never_pairs_everybody_with_everybody(tmp_path):
    """An inequality between two joined columns made DuckDB 2.0 join all persons with all others: 86 s a week in place of 1."""
    people, rows, rng = 10_000, 450_000, np.random.default_rng(0)
    columns = {field.name: pa.array(rng.integers(0, people, rows)).cast(pa.int64()) for field in TIES.schema}
    columns |= {"week": pa.array([date(2026, 6, 29)] * rows, pa.date32())}
    table = pa.table({name: columns[name].cast(TIES.schema.field(name).type, safe=False) for name in TIES.schema.names})
    with Engine(tmp_path, threads=2, memory_limit="2GiB") as engine:
        accounts = engine.persist(engine.frame(pa.table({"account": np.arange(people), "person": np.arange(people) * 7})))
        plan = by_person(engine.frame(table), accounts).to_native().explain()
    assert "Conditions: from = from" in plan
    assert "Conditions: to = to" in plan
