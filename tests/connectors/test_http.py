"""The HTTP client against a server that fails in every way, over a real socket with TLS."""

import logging
import threading
import time
from dataclasses import dataclass, field

import pytest

from connectors.http import AnswerError, Client, LinkError, Options, StatusError, UnavailableError, anything
from connectors.pace import Policy
from connectors.simulated.faults import FakeClock
from connectors.simulated.server import serve
from connectors.simulated.world import Call, Reply, Route, World
from ona.errors import AccessError, ConnectorError, RateLimitError, SettingsError
from ona.simulate.company import company

START = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT
TOKEN = "secret-token"


@dataclass
class Echo:
    """A vendor with one list and one slow method."""

    busy: int = 0
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: list[Call] = field(default_factory=list)

    def routes(self, world):
        world.tokens.accept(TOKEN, ["read"])
        return [
            Route("/v1/list", self.answer, "list"),
            Route("/v1/users/{id}/mail", self.answer, "mail"),
            Route("/v1/status/{code}", lambda _, call: Reply({"error": "no"}, int(call.parts["code"])), "status"),
        ]

    def answer(self, _, call):
        self.seen.append(call)
        return Reply({"items": [1, 2, 3]})

    def refusal(self, code):
        return Reply({"error": code}, 401 if code.endswith("token") else 429 if code == "limited" else 500)


@dataclass
class Place:
    """A running server and its world."""

    world: World
    echo: Echo
    address: str
    authority: object

    def client(self, token=lambda fresh: TOKEN, **options):
        known = {"clock": self.world.clock, "authority": self.authority, "rates": {"": 6_000.0}, "seed": 1}
        return Client(f"{self.address}/v1/", token, Options(**known | options))

    def get(self, *faults, **options):
        """Make one call that meets these faults first; return the answer, the calls made and the seconds that passed."""
        self.world.faults.script("list", *faults)
        calls, begun = len(self.world.calls), self.world.clock.now()
        with self.client(**options) as client:
            answer = client.stream("x").get("list", method="list")
        return answer, len(self.world.calls) - calls, self.world.clock.now() - begun


@pytest.fixture(scope="module")
def running():
    world, echo = World(company(people=50, weeks=1, seed=1), FakeClock(START), latency=0.0), Echo()
    with serve(world, vendors=(echo,)) as found:
        yield Place(world, echo, found.address, found.authority)


@pytest.fixture
def place(running):
    running.world.faults.scripted.clear()
    running.echo.seen.clear()
    return running


@pytest.mark.parametrize(
    "fault",
    [
        "429",
        "429_bare",
        "429:-5",
        "429:soon",
        "429:2.5",
        "429:0",
        "500",
        "502",
        "503",
        "504",
        "html",
        "html_200",
        "cut_off",
        "drop",
        "empty",
    ],
)
def test_a_passing_fault_is_tried_again(place, fault):
    answer, calls, _ = place.get(fault)
    assert (answer.status, answer.body, calls) == (200, b'{"items":[1,2,3]}', 2)


@pytest.mark.parametrize(("header", "seconds"), [("30", 30.0), ("2.5", 2.5)])
def test_the_pause_that_a_service_asks_for_is_kept(place, header, seconds):
    _, _, passed = place.get(f"429:{header}")
    assert seconds <= passed < seconds + 0.5


def test_a_pause_given_as_a_date_is_kept(place):
    at = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(place.world.clock.now() + 90))
    _, _, passed = place.get(f"429:{at}")
    assert 88.5 <= passed <= 91  # a date has whole seconds


@pytest.mark.parametrize("header", ["121", "99999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_pause_parks_the_stream_at_once(place, header):
    begun = place.world.clock.now()
    with pytest.raises(RateLimitError):
        place.get(f"429:{header}")
    assert place.world.clock.now() - begun < 1


def test_a_service_that_always_fails_is_given_up_after_eight_tries(place):
    calls = len(place.world.calls)
    with pytest.raises(UnavailableError) as error:
        place.get(*["503"] * 20)
    assert (error.value.code, len(place.world.calls) - calls) == ("503", 8)


def test_five_failures_in_a_row_open_the_breaker_for_a_minute(place):
    _, _, short = place.get(*["503"] * 4)
    _, _, long = place.get(*["503"] * 5, policy=Policy(breaker_after=0.0))
    assert short < 15  # at most 1 + 2 + 4 + 8 seconds of jitter
    assert long >= 60


def test_the_budget_of_a_stream_parks_it(place):
    with pytest.raises(RateLimitError):
        place.get(*["429:100"] * 5, policy=Policy(budget=250.0))


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
def test_a_refusal_is_an_error_that_is_not_tried_again(place, status):
    calls = len(place.world.calls)
    with place.client() as client, pytest.raises(StatusError) as error:
        client.stream("x").get(f"status/{status}")
    assert (error.value.status, len(place.world.calls) - calls) == (status, 1)


def test_a_redirect_is_not_followed(place):
    with pytest.raises(StatusError):
        place.get("redirect")


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/v1/list",
        "http://127.0.0.1/v1/list",
        "//elsewhere.example/v1/list",
        "https://user:pass@127.0.0.1/v1/list",
        "https://127.0.0.1:1/v1/list",
        "https://127.0.0.1.elsewhere.example/",
        "https:\\\\elsewhere.example/",
        "file:///etc/passwd",
        "https://127.0.0.1:99999/",
    ],
)
def test_a_hostile_link_is_refused_before_a_token_is_asked_for(place, link):
    asked = []
    with place.client(token=lambda fresh: asked.append(fresh) or TOKEN) as client, pytest.raises(LinkError):
        client.stream("x").get(link)
    assert asked == []


def test_a_link_to_the_pinned_host_is_followed(place):
    with place.client() as client:
        assert client.stream("x").get(f"{place.address}/v1/list?page=2").status == 200
    assert place.echo.seen[0].given == {"page": "2"}


@pytest.mark.parametrize("address", ["http://slack.example/api/", "https://a:b@slack.example/", "slack.example", "https://", "ftp://x/"])
def test_an_address_that_is_not_plain_https_is_refused(address):
    with pytest.raises(SettingsError):
        Client(address)


def test_a_compressed_bomb_is_stopped_at_its_bound(place):
    with pytest.raises(AnswerError) as error:
        place.get("bomb", judge=anything)
    assert error.value.code == "answer_too_large"


def test_an_answer_larger_than_the_bound_is_refused(place):
    with pytest.raises(AnswerError):
        place.get(policy=Policy(largest_answer=10))


def test_an_answer_that_drips_too_slowly_is_given_up_and_tried_again(place):
    answer, calls, _ = place.get("slow")
    assert (answer.status, calls) == (200, 2)


def test_a_dead_token_is_renewed_once_and_then_fails_by_name(place):
    place.world.tokens.accept("dying", ["read"], calls=0)
    asked = []

    def token(fresh):
        asked.append(fresh)
        return TOKEN if fresh else "dying"

    with place.client(token=token) as client:
        assert client.stream("x").get("list").status == 200
    assert asked == [False, True]
    with place.client(token=lambda fresh: "dying") as client, pytest.raises(AccessError, match="auth_failed"):
        client.stream("x").get("list")


def test_no_more_than_four_calls_of_one_mailbox_run_at_once(place):
    with place.client() as client:
        inside, most, lock = 0, 0, threading.Lock()

        def exchange(call, headers, original=client._exchange):
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            try:
                return original(call, headers)
            finally:
                with lock:
                    inside -= 1

        client._exchange = exchange
        threads = [threading.Thread(target=lambda: client.stream("x", mailbox="anna").get("users/anna/mail")) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 2 <= most <= 4


def test_a_server_with_an_unknown_authority_is_not_talked_to(place):
    with place.client(authority=None, policy=Policy(tries=1)) as client, pytest.raises(UnavailableError):
        client.stream("x").get("list")
    assert place.echo.seen == []


def test_neither_token_nor_address_nor_answer_reach_logs_or_errors(place, caplog):
    caplog.set_level(logging.DEBUG)
    errors = []
    for fault in ("html_200", "redirect", "503"):
        place.world.faults.script("mail", *[fault] * 8)
        with place.client() as client:
            try:
                answer = client.stream("x").get("users/anna.secret/mail", method="mail")
                errors.append(repr(answer))
            except ConnectorError as error:
                errors.append(f"{error} {error!r}")
        place.world.faults.scripted.clear()
    said = caplog.text + "".join(errors)
    assert "anna" not in said
    assert TOKEN not in said
    assert "went wrong" not in said  # of the HTML page


def test_progress_tells_fetched_limited_and_retry_in(place):
    told = []
    place.get("429:7", watch=lambda *values: told.append(values))
    assert told == [("x", 0, 1, 7.0), ("x", 1, 1, 0.0)]
