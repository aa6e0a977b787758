"""The Slack Web API connector, through the real slack-sdk, against a workspace that grows, fails and forgets."""

import json
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.base import Coverage, Cursor, RawEvent
from connectors.network import Surroundings
from connectors.simulated.faults import FakeClock, Faults
from connectors.simulated.identities import CANARY, SLACK_TEAM
from connectors.simulated.server import serve
from connectors.simulated.vendors.slack import TOKEN, Slack, chat
from connectors.simulated.world import World
from connectors.slack import analytics
from connectors.slack.web_api import NEEDED, TIERS, Config, Connector
from ona.errors import AccessError, ConnectorError, SettingsError
from ona.simulate.company import company
from ona.tables import AccountKind, Kind

WEEKS = 2
END = datetime(2026, 7, 13, tzinfo=UTC).timestamp()  # the company's two weeks begin on 2026-06-29
DAY = 86_400.0
NOTHING = Cursor()


@dataclass
class Place:
    """A workspace and everything that one pull of it gave."""

    world: World
    address: str
    authority: Path
    cursor: Cursor

    @property
    def chat(self):
        return chat(self.world)

    def connector(self, at=None, **settings):
        if at is not None:
            self.world.clock = FakeClock(at)
            self.world._windows.clear()
        known = {"address": f"{self.address}/api/", "authority": self.authority, "token": TOKEN}
        found = Connector(Config.model_validate(known | settings))
        found.around = Surroundings(clock=self.world.clock)
        return found

    def pull(self, at=END, cursor=NOTHING, **settings):
        """Return the events by id, where every stream stands, and the coverage."""
        coverage, streams, events = Coverage(), dict(cursor.streams), {}
        self.world.calls.clear()
        for step in self.connector(at, **settings).steps(coverage, cursor):
            events |= {event.id: event for event in step.events}
            streams |= step.streams
        return events, Cursor(streams), coverage


@pytest.fixture(scope="module")
def served():
    world = World(company(people=50, weeks=WEEKS, seed=1), FakeClock(END))
    with serve(world, vendors=(Slack(),)) as running:
        yield Place(world, running.address, running.authority, Cursor())


@pytest.fixture
def place(served):
    """Give the workspace as it was at the beginning."""
    world = served.world
    world.stores.clear()
    world.deleted.clear()
    world.limits.clear()
    world.faults, world.refused = Faults(), {}
    world.tokens.left.clear()
    world.clock = FakeClock(END)
    return served


def some(place, count=3):
    """Return the busiest public channels."""
    rooms = place.chat.rooms
    return frozenset(sorted(rooms, key=lambda id: -len(rooms[id].top))[:count])


def expected(place, channels):
    """Count what stands in the channels, from the fake workspace itself: ids of messages and pairs of message and reactor."""
    messages, reactions = set(), Counter()
    for id in channels:
        room = place.chat.rooms[id]
        for said in [*room.top, *(reply for replies in room.threads.values() for reply in replies)]:
            document = said.document
            if document.get("subtype") in (None, "thread_broadcast", "bot_message"):
                author = document.get("user") or document.get("bot_id")
                name = f"slack:{SLACK_TEAM}/{id}/{document['ts']}/{author}"
                messages.add(name)
                users = {user for reaction in document.get("reactions", ()) for user in reaction["users"]}
                reactions[name] = len(users - {author})
    return messages, reactions.total()


def test_every_message_reply_and_reaction_of_the_channels_arrives_once(place):
    channels = some(place)
    events, _, coverage = place.pull(channels=channels)
    messages, reactions = expected(place, channels)
    assert {id for id, event in events.items() if event.kind is Kind.MESSAGE} == messages
    assert sum(event.kind is Kind.REACTION for event in events.values()) == reactions
    coverage.accepted = len(events)
    assert coverage.balanced
    assert coverage.notes == {"channels_asked": 3, "channels_read": 3}


def test_faults_bursts_and_mangled_pages_change_nothing_but_the_time(place):
    channels = some(place, 8)
    calm, _, _ = place.pull(channels=channels)
    calm_seconds = place.world.clock.now() - END
    place.world.faults = Faults(share=0.05, bursts=0.2, mangled=0.1, seed=5)
    rough, _, coverage = place.pull(channels=channels)
    assert place.world.faults.drawn > 20
    assert rough == calm
    assert coverage.notes["channels_read"] == 8
    assert place.world.refused == {}  # never above a limit
    assert calm_seconds / (place.world.clock.now() - END) >= 0.4  # one draw of outages; the bar of .6 is for the usual one, below


@pytest.mark.soak
def test_usual_outages_leave_three_fifths_of_the_speed(place):
    """Median over nine draws of 5 % faults and outages in a fifth of the time, on the clock of the fake vendor."""
    channels, shares = some(place, 8), []
    place.pull(channels=channels)
    calm_seconds = place.world.clock.now() - END  # each pull begins at that time
    for seed in range(9):
        place.world.faults = Faults(share=0.05, bursts=0.2, seed=seed)
        place.pull(channels=channels)
        shares.append(calm_seconds / (place.world.clock.now() - END))
    assert sorted(shares)[4] >= 0.6, sorted(shares)


def test_no_minute_holds_more_calls_of_a_method_than_its_tier(place):
    place.pull(channels=some(place))
    for method, tier in TIERS.items():
        times = [at for name, at in place.world.calls if name == method]
        assert max((sum(start <= at < start + 60 for at in times) for start in times), default=0) <= tier


def test_a_lower_limit_is_learnt_from_refusals(place):
    place.world.limits |= {"conversations.replies": 10.0}
    events, _, _ = place.pull(channels=some(place))
    assert {id for id, event in events.items() if event.kind is Kind.MESSAGE} == expected(place, some(place))[0]
    calls = sum(name == "conversations.replies" for name, _ in place.world.calls)
    assert 0 < place.world.refused["conversations.replies"] <= 0.15 * calls


def test_apps_held_to_fifteen_messages_and_one_call_a_minute_still_get_everything(place):
    channel = some(place, 1)
    place.world.limits |= {"conversations.history": 1}
    events, _, coverage = place.pull(channels=channel)
    assert {id for id, event in events.items() if event.kind is Kind.MESSAGE} == expected(place, channel)[0]
    assert coverage.notes["channels_read"] == 1
    calls = sum(name == "conversations.history" for name, _ in place.world.calls)
    assert place.world.refused["conversations.history"] <= 0.25 * calls  # half of them when nothing is learnt


def test_the_forecast_is_within_a_tenth_of_the_clock(place):
    plan = place.connector(at=END).forecast(Cursor())
    place.pull()
    assert plan.calls == pytest.approx(len(place.world.calls), rel=0.1)
    assert plan.seconds == pytest.approx(place.world.clock.now() - END, rel=0.1)
    assert plan.streams == sum(not room.private for room in place.chat.rooms.values())
    assert plan.people == len(place.chat.users)
    assert "direct messages" in plan.not_read


def test_a_late_reply_to_an_old_thread_is_seen_by_the_next_pull(place):
    channels = some(place, 1)
    (channel,) = channels
    room = place.chat.rooms[channel]
    thread = next(ts for ts in sorted(room.threads) if all(reply.sent < (END - 5 * DAY) * 1e6 for reply in room.threads[ts]))
    _, cursor, _ = place.pull(channels=channels)
    late = f"{int(END + 3_600)}.000100"
    parent = next(said.document for said in room.top if said.document["ts"] == thread)
    place.chat.say(channel, {"type": "message", "user": "U0LATE", "ts": late, "thread_ts": thread, "parent_user_id": parent["user"]})
    place.world.deleted.add(f"{channel}/{room.threads[thread][0].document['ts']}")  # the count stays the same
    events, _, _ = place.pull(at=END + DAY, cursor=cursor, channels=channels)
    assert f"slack:{SLACK_TEAM}/{channel}/{late}/U0LATE" in events


def test_a_deleted_reply_has_its_thread_read_again_and_an_untouched_old_thread_is_not(place):
    channels = some(place, 1)
    (channel,) = channels
    room = place.chat.rooms[channel]
    old = [ts for ts in sorted(room.threads) if all(reply.sent < (END - 5 * DAY) * 1e6 for reply in room.threads[ts])]
    _, cursor, _ = place.pull(channels=channels)
    gone = room.threads[old[0]][0].document
    place.world.deleted.add(f"{channel}/{gone['ts']}")
    coverage, whole = Coverage(), []
    for step in place.connector(END + DAY, channels=channels).steps(coverage, cursor):
        whole += [one.root for one in step.whole if one.root]
    read = {root.split("/")[2] for root in whole}
    assert old[0] in read
    assert not read.intersection(old[1:])


def test_a_message_posted_while_replies_are_read_is_not_skipped(place):
    channels = some(place, 1)
    (channel,) = channels
    at = f"{int(END + 5)}.000200"  # during the pull: it takes minutes on this clock
    place.chat.say(channel, {"type": "message", "user": "U0MEANWHILE", "ts": at})
    first, cursor, _ = place.pull(channels=channels)
    position = json.loads(cursor.streams[channel])
    assert position["done"] == int(END * 1e6)  # the bound fixed when the pull began, whatever replies came later
    second, _, _ = place.pull(at=END + DAY, cursor=cursor, channels=channels)
    id = f"slack:{SLACK_TEAM}/{channel}/{at}/U0MEANWHILE"
    assert id not in first
    assert id in second


def test_a_pull_broken_off_in_mid_channel_goes_on_below_the_pages_that_were_stored(place):
    channels = some(place, 1)
    whole, end, _ = place.pull(channels=channels, page=50)
    steps = place.connector(END, channels=channels, page=50).steps(Coverage(), Cursor())
    first = next(steps)
    steps.close()
    place.world.calls.clear()
    rest, cursor, _ = place.pull(cursor=Cursor(first.streams), channels=channels, page=50)
    assert {event.id for event in first.events} | rest.keys() == whole.keys()
    assert len(rest) < len(whole)
    assert cursor == end


@pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel"])
def test_an_error_inside_an_answer_with_status_200_is_never_an_empty_page(place, error):
    channels = some(place)
    refused = sorted(channels)[1]
    if error == "not_in_channel":
        place.chat.outside.add(refused)
        events, cursor, coverage = place.pull(channels=channels)
    else:
        settings = place.connector(END, channels=channels)
        rooms = settings._rooms()
        gone = place.chat.rooms.pop(refused)
        settings._rooms = lambda: rooms
        coverage, streams = Coverage(), {}
        for step in settings.steps(coverage, Cursor()):
            streams |= step.streams
        place.chat.rooms[refused], cursor, events = gone, Cursor(streams), {}
    assert coverage.notes == {"channels_asked": 3, "channels_read": 2, f"channels_refused_{error}": 1}
    assert refused not in cursor.streams
    assert not any(f"/{refused}/" in id for id in events)


def test_a_channel_that_looks_empty_because_the_app_is_not_in_it_is_refused_and_keeps_its_cursor(place):
    channels = some(place, 2)
    silent = sorted(channels)[0]
    place.chat.outside.add(silent)
    place.chat.silent.add(silent)
    _, cursor, coverage = place.pull(channels=channels)
    assert coverage.notes["channels_refused_not_a_member"] == 1
    assert silent not in cursor.streams


def test_an_html_page_with_status_200_is_tried_again_and_never_empty(place):
    channels = some(place, 1)
    calm, _, _ = place.pull(channels=channels)
    place.world.faults.script("conversations.history", "html_200", "empty")
    assert place.pull(channels=channels)[0] == calm


def test_one_channel_that_always_fails_does_not_stop_the_others(place):
    channels = some(place)
    place.world.faults.script("conversations.history", *["503"] * 8)
    _, cursor, coverage = place.pull(channels=channels)
    assert coverage.notes == {"channels_asked": 3, "channels_read": 2, "channels_refused_503": 1}
    assert len(cursor.streams) == 2


def test_a_service_that_asks_for_an_hour_parks_the_channel_alone(place):
    channels = some(place)
    place.world.faults.script("conversations.history", "429:3600")
    _, _, coverage = place.pull(channels=channels)
    assert coverage.notes == {"channels_asked": 3, "channels_read": 2, "channels_skipped_parked": 1}


def test_a_token_that_dies_is_read_from_its_file_again_and_the_pull_goes_on(place, tmp_path):
    file = tmp_path / "token"
    file.write_text("xoxb-old")
    file.chmod(0o600)
    place.world.tokens.accept("xoxb-old", place.world.tokens.issued[TOKEN], calls=50)
    steps = place.connector(END, channels=some(place), token=None, token_file=file).steps(coverage := Coverage(), Cursor())
    events = list(next(steps).events)
    file.write_text(TOKEN)
    events += [event for step in steps for event in step.events]
    assert {event.id for event in events if event.kind is Kind.MESSAGE} == expected(place, some(place))[0]
    assert coverage.notes["channels_read"] == 3


def test_a_revoked_token_fails_by_name_and_keeps_what_was_read(place):
    place.world.tokens.accept("xoxb-short", place.world.tokens.issued[TOKEN], calls=5)
    steps = place.connector(END, channels=some(place), token="xoxb-short").steps(Coverage(), Cursor())
    with pytest.raises(AccessError, match="auth_failed"):
        list(steps)


def test_guests_of_other_companies_and_unknown_users_become_stubs_of_their_own_team(place):
    channels = some(place, 1)
    (channel,) = channels
    users = {user["id"] for user in place.chat.users}
    for number, (user, team) in enumerate([("U0GUEST", "T0OTHER"), ("U0GONE", None)]):
        document = {"type": "message", "user": user, "ts": f"{int(END) - 60 - number}.000300"}
        place.chat.say(channel, document | ({"user_team": team} if team else {}))
        assert user not in users
    events, _, _ = place.pull(channels=channels)
    senders = {event.sender for event in events.values()}
    assert {"slack:T0OTHER/U0GUEST", f"slack:{SLACK_TEAM}/U0GONE"} <= senders


def test_messages_without_a_user_and_two_with_the_same_time_are_kept_apart(place):
    channels = some(place, 1)
    (channel,) = channels
    ts = f"{int(END) - 90}.000400"
    place.chat.say(channel, {"type": "message", "user": "U0ONE", "ts": ts})
    place.chat.say(channel, {"type": "message", "user": "U0TWO", "ts": ts})
    place.chat.say(channel, {"type": "message", "ts": f"{int(END) - 91}.000400"})
    events, _, coverage = place.pull(channels=channels, page=7)
    assert {f"slack:{SLACK_TEAM}/{channel}/{ts}/U0ONE", f"slack:{SLACK_TEAM}/{channel}/{ts}/U0TWO"} <= events.keys()
    assert coverage.dropped["no_author"] == 1


def test_times_are_exact_to_the_microsecond(place):
    channels = some(place, 1)
    (channel,) = channels
    place.chat.say(channel, {"type": "message", "user": "U0ONE", "ts": "1783900799.999999"})
    events, _, _ = place.pull(channels=channels)
    assert events[f"slack:{SLACK_TEAM}/{channel}/1783900799.999999/U0ONE"].sent == 1_783_900_799_999_999


def test_people_come_with_their_kind_and_deleted_ones_stay(place):
    place.chat.users[0] |= {"deleted": True}
    place.chat.users[1] |= {"is_restricted": True}
    place.chat.users[2] |= {"is_stranger": True, "team_id": "T0OTHER"}
    coverage = Coverage()
    people = list(place.connector(END).people(coverage))
    kinds = {person.handles[0]: person.kind for person in people}
    ids = [user["id"] for user in place.chat.users[:3]]
    assert kinds[f"slack:{SLACK_TEAM}/{ids[0]}"] is AccountKind.FORMER
    assert kinds[f"slack:{SLACK_TEAM}/{ids[1]}"] is AccountKind.GUEST
    assert kinds[f"slack:T0OTHER/{ids[2]}"] is AccountKind.EXTERNAL
    assert len(people) == coverage.read == len(place.chat.users)
    assert sum(handle.startswith("email:") for person in people for handle in person.handles) > 40


def test_the_scope_check_names_what_is_missing_and_what_is_too_wide(place):
    place.world.tokens.accept("xoxb-wide", ["channels:read", "users:read", "chat:write", "im:history"])
    found = place.connector(token="xoxb-wide").check()
    assert found.needed == tuple(sorted(NEEDED))
    assert found.missing == ("channels:history",)
    assert found.too_wide == ("chat:write", "im:history")
    manifest = json.loads((Path(__file__).parents[3] / "connectors" / "slack" / "manifest.json").read_text())
    place.world.tokens.accept("xoxb-shipped", manifest["oauth_config"]["scopes"]["bot"])
    shipped = place.connector(token="xoxb-shipped").check()
    assert (shipped.missing, shipped.too_wide) == ((), ())


def test_private_channels_are_off_by_default(place):
    room = place.chat.rooms[sorted(some(place, 1))[0]]
    room.private = True
    assert room.about["id"] not in {found.id for found in place.connector(END)._rooms()}
    assert room.about["id"] in {found.id for found in place.connector(END, private=True)._rooms()}


def test_analytics_gives_every_message_without_any_content_being_sent(place):
    channels = some(place)
    place.world.tokens.accept("xoxp-owner", analytics.NEEDED)
    place.world.clock = FakeClock(END)
    given = {"address": f"{place.address}/api/", "authority": place.authority, "token": "xoxp-owner", "channels": channels, "page": 100}
    connector = analytics.Connector(analytics.Config.model_validate(given))
    connector.around = Surroundings(clock=place.world.clock)
    coverage, streams, events = Coverage(), {}, []
    assert (connector.check().missing, connector.check().too_wide) == ((), ())
    for step in connector.steps(coverage, NOTHING):
        events += step.events
        streams |= step.streams
    written = {id for id in expected(place, channels)[0] if "/B0" not in id}  # of bots the metadata names no author
    assert {event.id for event in events} == written
    assert {event.root for event in events} & written
    assert streams.keys() == set(channels)
    again = [event for step in connector.steps(Coverage(), Cursor(streams)) for event in step.events]
    assert 0 < len(again) < len(events)


def test_a_token_file_that_others_can_read_is_refused(place, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        place.connector(token=None, token_file=file).check()


def test_no_content_reaches_events_logs_or_errors(place, caplog):
    caplog.set_level(logging.DEBUG)
    place.world.faults = Faults(share=0.1, seed=2)
    channels = some(place, 2)
    events, cursor, coverage = place.pull(channels=channels)
    place.world.faults = Faults()
    place.chat.outside |= set(channels)
    place.pull(channels=channels)
    place.world.tokens.revoke(TOKEN)
    with pytest.raises(ConnectorError) as error:
        place.pull(channels=channels)
    seen = "".join(f"{getattr(event, name)}" for event in events.values() for name in RawEvent.__slots__)
    assert CANARY not in f"{seen} {cursor} {coverage} {caplog.text} {error.value!r}"
    assert TOKEN not in caplog.text


def test_a_user_group_that_is_mentioned_is_taken_apart_where_the_token_may(place):
    (channel, room), *_ = [(id, room) for id, room in sorted(place.chat.rooms.items()) if len(room.members) >= 4 and not room.private]
    author, *members = room.members[:4]
    place.chat.groups["S1"] = members
    place.chat.say(channel, {"type": "message", "user": author, "ts": "1783900000.000700", "text": "CANARY <!subteam^S1> look"})
    wanted = {"channels": [channel], "user_groups": True}
    for token, found in ((TOKEN, set(members)), (place.world.tokens.issue("poor", NEEDED), set())):
        events, _, coverage = place.pull(**wanted, token=token)
        (event,) = (one for id, one in events.items() if "1783900000.000700" in id)
        assert {handle.rpartition("/")[2] for handle, _ in event.recipients} == found
        assert coverage.notes["user_groups_not_read"] == (not found)
