"""When calls may be made: Retry-After in every form, even spacing, learning from refusals, breaker and budget."""

import pytest

from connectors.pace import Breaker, Bucket, Budget, Policy, retry_after
from connectors.simulated.faults import FakeClock
from ona.errors import RateLimitError

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT, the example date of RFC 9110 section 10.2.3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("Wed, 21 Oct 2015 07:29:00 GMT", 60.0),
        ("Wed, 21 Oct 2015 07:29:00", 60.0),  # no zone: HTTP dates are UTC
        ("Wed, 21 Oct 2015 07:27:00 GMT", None),  # past
        ("-5", None),
        ("0", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, float("inf")),
        ("Wed, 99 Oct 2015 07:29:00 GMT", None),
    ],
)
def test_retry_after_is_understood_in_every_form(header, seconds):
    assert retry_after(header, NOW) == seconds


def test_calls_are_spaced_so_that_no_minute_holds_more_than_the_limit():
    clock = FakeClock(0.0)
    bucket, times = Bucket(50.0, clock), []
    for _ in range(200):
        bucket.wait()
        times.append(clock.now())
    assert max(sum(start <= at < start + 60 for at in times) for start in times) <= 50
    assert len([at for at in times if at < 60]) >= 47  # 95 % of the limit is used


def test_a_bucket_learns_a_limit_of_one_call_a_minute_from_its_first_refusal():
    clock = FakeClock(0.0)
    bucket = Bucket(50.0, clock)
    bucket.wait()
    bucket.granted()
    bucket.wait()
    bucket.refused(59.0)  # one call got through, the next one only after a minute
    assert 0.8 <= bucket.rate <= 1.1


def test_a_passing_refusal_lowers_the_rate_little_and_calls_that_succeed_raise_it_again():
    bucket = Bucket(50.0, FakeClock(0.0))
    for _ in range(40):
        bucket.granted()
    bucket.refused(1.0)
    assert bucket.rate > 40
    for _ in range(40):
        bucket.granted()
    assert bucket.rate == pytest.approx(47.5)
    bucket.refused(None)
    assert bucket.rate == pytest.approx(47.5)


def test_the_fifth_failure_in_a_row_opens_the_breaker_for_a_minute_and_a_success_closes_it():
    clock = FakeClock(0.0)
    breaker = Breaker(Policy(), clock)
    for _ in range(4):
        breaker.failed()
        clock.sleep(2)
    assert breaker.wait() == 0
    breaker.failed()
    assert breaker.wait() == 60
    clock.sleep(60)
    assert breaker.wait() == 0
    breaker.failed()  # the one call that may try
    assert breaker.wait() == 60
    breaker.succeeded()
    clock.sleep(60)
    breaker.failed()
    assert breaker.wait() == 0


def test_five_failures_within_a_hiccup_leave_the_breaker_closed():
    clock = FakeClock(0.0)
    breaker = Breaker(Policy(), clock)
    for _ in range(9):
        breaker.failed()
        clock.sleep(0.5)
    assert breaker.wait() == 0
    clock.sleep(0.5)
    breaker.failed()
    assert breaker.wait() == 60


def test_a_budget_ends_a_stream_and_one_long_pause_parks_it():
    budget = Budget(100.0)
    budget.spend(60.0, 120.0)
    with pytest.raises(RateLimitError) as parked:
        budget.spend(60.0, 120.0)
    assert parked.value.retry_after == 60
    with pytest.raises(RateLimitError):
        Budget(10_000.0).spend(float("inf"), 120.0)


def test_after_an_outage_one_call_tries_and_whoever_else_comes_waits_for_what_becomes_of_it():
    clock = FakeClock(0.0)
    breaker = Breaker(Policy(breaker_after=0.0), clock)
    for _ in range(5):
        breaker.failed()
    clock.sleep(60)
    assert [breaker.wait() for _ in range(3)] == [0, 60, 60]
    clock.sleep(1)
    breaker.succeeded()
    assert [breaker.wait() for _ in range(3)] == [0, 0, 0]
