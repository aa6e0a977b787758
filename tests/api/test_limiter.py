"""How often somebody may ask is counted once for all processes, also over a restart; of one moment's crowd one looks a session up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from api.guests import Guests
from api.limiter import PORTIONS, Limiter
from pipelines.access import LOCAL_ANALYST
from pipelines.entrance import counters
from pipelines.schema import COUNTERS
from pipelines.storage.workspace import open_workspace

NOW = datetime(2026, 9, 28, 12)


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def open_at(own_company, clock) -> Callable:
    """Open the deployment as another process would."""
    return lambda: open_workspace(own_company.settings, lambda: clock[0])


def asked(limiter, times, who="v1"):
    """Ask so many times in a row; return the answers. A thread of its own: a browser test may have left a loop in this one."""

    async def ask():
        return [await limiter.take(who) for _ in range(times)]

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


def allowed(limiter, times, who="v1"):
    return sum(one.allowed for one in asked(limiter, times, who))


@pytest.mark.parametrize("limit", [1, 3, 100, 120])
def test_one_process_answers_exactly_so_many_a_minute(open_at, limit):
    with open_at() as ws:
        found = asked(Limiter(ws, limit), limit + 5)
    assert [one.allowed for one in found] == [True] * limit + [False] * 5
    assert [one.left for one in found] == [*range(limit - 1, -1, -1), *[0] * 5]
    assert {one.reset for one in found} == {60}


def test_four_processes_together_answer_no_more_than_one_and_nearly_as_much(open_at):
    with open_at() as a, open_at() as b, open_at() as c, open_at() as d:
        limiters = [Limiter(ws, 120) for ws in (a, b, c, d)]
        found = sum(allowed(limiter, 7) for _ in range(20) for limiter in limiters)
    assert 120 - 3 * (120 // PORTIONS) <= found <= 120


def test_a_restart_forgives_nothing_and_the_next_minute_everything(open_at, clock):
    with open_at() as ws:
        assert allowed(Limiter(ws, 40), 50) == 40
    with open_at() as ws:
        again = Limiter(ws, 40)
        assert allowed(again, 5) == 0
        clock[0] += timedelta(seconds=59)
        assert asked(again, 1)[0].reset == 1
        clock[0] += timedelta(seconds=2)
        assert allowed(again, 50) == 40


def test_nobody_pays_for_somebody_else_and_the_database_is_asked_eight_times_a_minute(open_at, monkeypatch):
    calls = []
    real = counters.add
    monkeypatch.setattr(counters, "add", lambda *given: calls.append(given) or real(*given))
    with open_at() as ws:
        limiter = Limiter(ws, 120)
        assert allowed(limiter, 500) == 120
        assert len(calls) == PORTIONS
        assert allowed(limiter, 10, "v2") == 10


def test_no_name_of_a_viewer_is_stored_and_what_is_over_goes(open_at, clock):
    with open_at() as ws:
        asked(Limiter(ws, 10), 1, "viewer-17")
        clock[0] += timedelta(minutes=2)
        asked(Limiter(ws, 10), 1, "viewer-18")
        (row,) = ws.service.rows(sa.select(COUNTERS))
    assert "viewer" not in str(row)


def crowd(guests, look, *origins):
    async def come():
        return await asyncio.gather(*(guests.greet("token", look, origin) for origin in origins), return_exceptions=True)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(come())).result()


def test_of_fifty_who_come_at_one_moment_one_looks(open_at):
    looks = []
    with open_at() as ws:
        guests = Guests(ws)

        def look(token):
            looks.append(token)
            return guests.look_up(token, lambda _ws, _token: LOCAL_ANALYST)

        assert crowd(guests, look, *[""] * 50) == [LOCAL_ANALYST] * 50
        assert len(looks) == 1
        assert crowd(guests, look, "") == [LOCAL_ANALYST]
        assert len(looks) == 1
        guests.forget("token")
        assert crowd(guests, look, *[""] * 50) == [LOCAL_ANALYST] * 50
        assert len(looks) == 2


def test_a_look_that_fails_fails_for_those_of_its_origin_alone_and_is_tried_again(open_at):
    looks = []

    def look(token):
        looks.append(token)
        if len(looks) == 1:
            raise ValueError("guessed too often")

    with open_at() as ws:
        guests = Guests(ws)
        found = crowd(guests, look, "a", "a", "b")
        assert [type(one) for one in found].count(ValueError) in (1, 2)
        assert len(looks) == 2
        assert crowd(guests, look, "a") == [None]
        assert len(looks) == 3


def test_who_was_forgotten_while_somebody_looked_is_not_kept(open_at):
    with open_at() as ws:
        guests = Guests(ws)

        def find(_ws, token):
            guests.forget(token)  # signed out meanwhile
            return LOCAL_ANALYST

        assert guests.look_up("token", find) == LOCAL_ANALYST
        assert guests.remembered("token") is None
