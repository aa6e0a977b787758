"""Jobs side by side: whoever waits gives way, one holds the turn, the order is always the same, an error ends all."""

import threading
import time

import pytest

from connectors.lanes import Lanes
from connectors.pace import SystemClock
from connectors.simulated.faults import FakeClock


def waiting(lanes, name, *pauses):
    """A job that waits and says so after each pause."""

    def job():
        for pause in pauses:
            lanes.sleep(pause)
            yield name, lanes.now()

    return job


def test_one_that_waits_does_not_hold_the_others():
    lanes = Lanes(FakeClock(0.0))
    jobs = [waiting(lanes, "a", 10, 10), waiting(lanes, "b", 1, 1, 1), waiting(lanes, "c", 5)]
    assert list(lanes.run(jobs)) == [("b", 1), ("b", 2), ("b", 3), ("c", 5), ("a", 10), ("a", 20)]


def test_no_more_jobs_are_begun_than_there_are_places():
    lanes = Lanes(FakeClock(0.0), places=2)
    assert [at for _, at in lanes.run([waiting(lanes, n, 10) for n in range(5)])] == [10, 10, 20, 20, 30]


def test_only_one_job_works_at_a_time_and_only_while_its_items_are_wanted():
    lanes, inside, most = Lanes(FakeClock(0.0)), 0, 0

    def job():
        nonlocal inside, most
        for _ in range(20):
            inside += 1
            most = max(most, inside)
            inside -= 1
            lanes.sleep(0.1)
            yield None

    for _ in lanes.run([job] * 8):
        inside += 1  # whoever takes an item works too
        most = max(most, inside)
        inside -= 1
    assert most == 1


def test_the_same_jobs_go_in_the_same_order_each_time():
    def order():
        lanes = Lanes(FakeClock(0.0), places=3)
        return list(lanes.run([waiting(lanes, n, *(((n * 7 + i * 3) % 5) / 3 for i in range(6))) for n in range(7)]))

    assert order() == order()


def test_an_error_of_one_job_ends_the_others_where_they_wait():
    lanes, ended = Lanes(FakeClock(0.0)), []

    def long():
        try:
            lanes.sleep(100)
            yield
        finally:
            ended.append("long")

    def wrong():
        lanes.sleep(1)
        raise KeyError("wrong")
        yield

    with pytest.raises(KeyError, match="wrong"):
        list(lanes.run([long, wrong]))
    assert ended == ["long"]
    assert not any(thread.name.startswith("lane-") for thread in threading.enumerate())


def test_whoever_wants_no_more_ends_all_jobs():
    lanes, ended = Lanes(FakeClock(0.0)), []

    def job():
        try:
            while True:
                lanes.sleep(1)
                yield 1
        finally:
            ended.append(1)

    running = lanes.run([job] * 3)
    assert next(running) == 1
    running.close()
    assert ended == [1, 1, 1]
    assert not any(thread.name.startswith("lane-") for thread in threading.enumerate())


@pytest.mark.parametrize(("clock", "together"), [(SystemClock(), True), (FakeClock(0.0), False)], ids=["machine's clock", "another clock"])
def test_calls_overlap_on_the_clock_of_the_machine_alone(clock, together):
    lanes, under_way, most = Lanes(clock, places=4), 0, 0

    def job():
        nonlocal under_way, most
        for _ in range(5):
            with lanes.aside():
                under_way += 1
                most = max(most, under_way)
                time.sleep(0.005)
                under_way -= 1
            yield

    assert len(list(lanes.run([job] * 8))) == 40
    assert (most > 1) is together
    assert most <= 4


def test_a_wait_outside_of_all_jobs_is_a_plain_one():
    clock = FakeClock(5.0)
    lanes = Lanes(clock)
    with lanes.aside():
        lanes.sleep(2)
    assert (lanes.now(), lanes.tick()) == (7.0, 7.0)
