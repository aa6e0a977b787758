"""Slack's own sample answers: every id, time, thread and reaction that they hold arrives, no text does."""

import json
from pathlib import Path

import msgspec
import pytest

from connectors.base import Coverage
from connectors.slack import wire
from connectors.slack.records import Directory, Reader, Space
from ona.tables import Kind, SpaceKind

SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "wire" / "slack_samples"

IDS = {"user": "U00000001", "bot_id": "B00000001", "parent_user_id": "U00000002", "channel": "C00000001", "id": "U00000003"}
TIMES = {"ts": "1355517523.000005", "thread_ts": "1355517522.000004", "latest_reply": "1355517524.000006", "event_ts": "1355517523.000005"}


def filled(value, key=""):
    """Fill the samples' dummy values: ids and times as Slack writes them, everything else with a canary."""
    if isinstance(value, dict):
        return {name: filled(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, "user" if key in ("users", "reply_users", "members") else key) for inner in value]
    if isinstance(value, str):
        return IDS.get(key) or TIMES.get(key) or (value if key in ("type", "subtype") else f"CANARY-{key}")
    return value


@pytest.fixture(scope="module", autouse=True)
def samples():
    if not SAMPLES.exists():
        pytest.skip("Slack's sample records are not beside the repository")


def names():
    return sorted(path.name for path in (SAMPLES / "api").glob("*.json"))


@pytest.mark.parametrize("name", names())
def test_every_sample_answer_is_an_envelope_without_content(name):
    if not name.startswith(("conversations.", "users.", "usergroups.", "team.", "auth.", "bots.", "reactions.", "admin.")):
        pytest.skip("this answer is of no method that could be asked")
    document = filled(json.loads((SAMPLES / "api" / name).read_text()))
    found = wire.envelope(json.dumps(document).encode())
    if isinstance(document.get("user"), dict) or not isinstance(document.get("ok"), bool):
        assert found is None or not found.ok
        return
    assert found is not None
    assert found.ok is document["ok"]
    assert "CANARY" not in f"{found.code} {found!r}"
    if isinstance(document.get("response_metadata"), dict):
        assert found.next == document["response_metadata"].get("next_cursor")


def test_the_users_of_the_sample_arrive_with_ids_kinds_and_addresses():
    document = filled(json.loads((SAMPLES / "api" / "users.list.json").read_text()))
    coverage = Coverage()
    raws = wire.items(wire.envelope(json.dumps(document).encode()).members)
    found = list(wire.users(raws, coverage))
    assert [user.id for user in found] == [member["id"] for member in document["members"]]
    assert coverage.read == len(document["members"]) > 0
    known = wire.directory("T1", found)
    for user, member in zip(found, document["members"], strict=True):
        assert user.team in {(member.get("enterprise_user") or {}).get("enterprise_id"), member["team_id"]}
        person = wire.person(user, known, Coverage(), lambda address: f"email:{address}")
        assert person.handles[0].startswith("slack:")
        assert person.handles[1] == f"email:{member['profile']['email']}"
        assert "CANARY" not in repr(person) + repr(user)


def test_the_channels_of_the_sample_arrive_with_id_and_kind():
    document = filled(json.loads((SAMPLES / "api" / "conversations.list.json").read_text()))
    raws = wire.items(wire.envelope(json.dumps(document).encode()).channels)
    assert [room.id for room in wire.channels(raws)] == [channel["id"] for channel in document["channels"]]
    assert all("CANARY" not in repr(room) for room in wire.channels(raws))


def test_the_members_of_the_sample_arrive():
    document = filled(json.loads((SAMPLES / "api" / "conversations.members.json").read_text()))
    assert list(wire.ids(wire.items(wire.envelope(json.dumps(document).encode()).members))) == document["members"]


def test_the_members_of_a_user_group_and_the_team_behind_a_token_arrive():
    document = filled(json.loads((SAMPLES / "api" / "usergroups.list.json").read_text()))
    (group,) = document["usergroups"]
    group["users"], group["date_delete"] = ["U00000007", "U00000008"], 0
    raws = wire.items(wire.envelope(json.dumps(document).encode()).usergroups)
    assert wire.groups(raws) == {group["id"]: ("U00000007", "U00000008")}
    asked = wire.envelope((SAMPLES / "api" / "auth.test.json").read_bytes())
    assert (asked.team_id, asked.enterprise_id) == ("T00000000", "E00000000")


@pytest.mark.parametrize(
    "name", ["MessagePayload", "MessageThreadBroadcastPayload", "MessageFileSharePayload", "MessageMePayload", "MessageBotPayload"]
)
def test_author_time_thread_and_reactions_of_each_kind_of_message_arrive_and_no_text_does(name):
    document = filled(json.loads((SAMPLES / "events" / f"{name}.json").read_text()))["event"]
    document["reactions"] = [{"name": "CANARY-emoji", "users": ["U00000007", "U00000008"], "count": 2}]
    document["thread_ts"], document["latest_reply"], document["reply_count"] = TIMES["thread_ts"], TIMES["latest_reply"], 3
    document["parent_user_id"] = IDS["parent_user_id"]
    raw = msgspec.Raw(json.dumps(document).encode())
    head = wire.head(raw)
    assert (head.ts, head.thread_ts, head.latest_reply, head.reply_count) == (
        document["ts"],
        document["thread_ts"],
        document["latest_reply"],
        3,
    )
    reader = Reader(Space("C1", SpaceKind.CHANNEL), Directory("T1"), Coverage(), now=2 * 10**15)
    message, *reactions = reader.events(wire.message(raw))
    author = document.get("user") or document.get("bot_id")
    assert message.id == f"slack:T1/C1/{document['ts']}/{author}"
    assert message.sent == int(document["ts"].replace(".", ""))
    assert message.root == f"slack:T1/C1/{document['thread_ts']}/{document['parent_user_id']}"
    assert [(reaction.kind, reaction.sender) for reaction in reactions] == [
        (Kind.REACTION, "slack:T1/U00000007"),
        (Kind.REACTION, "slack:T1/U00000008"),
    ]
    values = [getattr(event, name) for event in (message, *reactions) for name in event.__slots__]
    assert "CANARY" not in f"{values} {head!r}"
