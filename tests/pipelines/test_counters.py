"""Counters and failed attempts are shared by all processes of a deployment, on SQLite and on PostgreSQL, however many ask at one moment."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest
import sqlalchemy as sa

from api.limiter import PORTIONS, Limiter
from ona.errors import TooManyError
from pipelines.entrance import counters
from pipelines.entrance.attempts import FREE, Attempts
from pipelines.schema import COUNTERS
from pipelines.storage.workspace import Workspace

MINUTE = timedelta(seconds=60)


@pytest.fixture
def processes(open_at, database_url) -> list[Workspace]:
    """Four processes of one deployment."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_at(service_url=database_url)) for _ in range(4)]


def allowed(limiter: Limiter, times: int) -> int:
    async def ask() -> int:
        return sum([(await limiter.take("v1")).allowed for _ in range(times)])

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


def test_no_count_of_any_process_is_lost(processes):
    for one in processes:
        counters.add(one, "old", 1, timedelta(seconds=-1))  # each first count has something to clear away
    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(lambda i: counters.add(processes[i % 4], "reads v1", 1, MINUTE), range(64)))
    assert sorted(count for count, _ in found) == list(range(1, 65))
    assert {until for _, until in found} == {processes[0].now() + MINUTE}


def test_counters_that_begin_at_one_moment_clear_the_old_ones_away_and_are_all_counted(processes):
    with processes[0].service.begin(counts=False) as connection:
        old = [{"name": f"{number:064x}", "count": 1, "until": processes[0].now() - MINUTE} for number in range(200)]
        connection.execute(sa.insert(COUNTERS), old)
    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(lambda i: counters.add(processes[i % 4], f"reads v{i % 8}", 1, MINUTE), range(64)))
    assert sorted(count for count, _ in found) == sorted([*range(1, 9)] * 8)
    assert len(processes[0].service.rows(sa.select(COUNTERS))) == 8


def test_four_processes_that_ask_at_one_moment_answer_no_more_than_one_would(processes):
    limiters = [Limiter(one, 120) for one in processes]
    with ThreadPoolExecutor(4) as crowd:
        found = sum(crowd.map(lambda limiter: allowed(limiter, 60), limiters))
    assert 120 - 3 * (120 // PORTIONS) <= found <= 120
    assert sum(allowed(Limiter(one, 120), 5) for one in processes) == 120 - found  # a restart forgives nothing


def test_guesses_at_one_moment_are_all_counted_by_every_process(processes):
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda i: Attempts(processes[i % 4], "192.0.2.1").fail(), range(FREE + 3)))
    for one in processes:
        with pytest.raises(TooManyError) as refused:
            Attempts(one, "192.0.2.1").check()
        assert refused.value.retry_after == 2**3
    Attempts(processes[1], "192.0.2.1").clear()
    Attempts(processes[2], "192.0.2.1").check()
