"""Slack exports: threads, mentions, reactions, strangers and damaged days."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.archive import FileError
from connectors.base import Coverage, Cursor
from connectors.slack.decoding import mentions, project, wires
from connectors.slack.export import Config, Connector
from connectors.slack.records import Directory, Reader, Space, microseconds
from ona.tables import Flag, Kind, Role, SpaceKind

USERS = [{"id": user, "team_id": "T1"} for user in ("U1", "U2", "U3")]
TS = "1782892805.000100"


@pytest.fixture
def export(tmp_path):
    """Write an export and read its events: day files by ``folder/day``, further options for Config."""

    def read(days, *, lists=None, **options):
        path = tmp_path / "export.zip"
        lists = {"users.json": USERS, "channels.json": [{"id": "C1", "name": "general"}]} | (lists or {})
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (lists | {f"{name}.json": day for name, day in days.items()}).items():
                archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
        coverage = Coverage()
        events = list(Connector(Config(path=path, **options)).events(coverage, Cursor()))
        coverage.accepted = sum(event.rows for event in events)
        assert coverage.balanced
        return events, coverage

    return read


def message(user="U1", ts=TS, **fields):
    return {"type": "message", "user": user, "ts": ts, **fields}


def test_the_zip_and_the_unpacked_folder_give_the_same_events(tmp_path):
    golden = Path(__file__).parents[1] / "golden" / "slack_export" / "input"
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in golden.rglob("*.json"):
            archive.write(file, f"My export/{file.relative_to(golden)}")
    options = {"private": True, "direct": True}
    zipped, folder = (list(Connector(Config(path=p, **options)).events(Coverage(), Cursor())) for p in (path, golden))
    assert zipped == folder
    assert list(Connector(Config(path=path)).people(Coverage())) == list(Connector(Config(path=golden)).people(Coverage()))


def test_private_channels_and_direct_messages_stay_unread_unless_enabled(export):
    lists = {"groups.json": [{"id": "G1", "name": "g"}], "dms.json": [{"id": "D1", "members": ["U1", "U2"]}]}
    days = {"g/2026-07-01": [message()], "D1/2026-07-01": [message()], "general/2026-07-01": [message()]}
    events, coverage = export(days, lists=lists)
    assert [event.space for event in events] == ["slack:T1/C1"]
    assert coverage.notes["spaces_not_enabled"] == 2
    assert coverage.read == 1
    assert len(export(days, lists=lists, private=True, direct=True)[0]) == 3


def test_a_private_channel_in_the_channel_list_counts_as_private(export):
    lists = {"channels.json": [{"id": "C1", "name": "general", "is_private": True}]}
    assert export({"general/2026-07-01": [message()]}, lists=lists)[0] == []
    assert export({"general/2026-07-01": [message()]}, lists=lists, private=True)[0][0].space_kind is SpaceKind.PRIVATE


def test_only_listed_channels_are_read(export):
    days = {"general/2026-07-01": [message()]}
    assert export(days, channels=["C9"])[0] == []
    assert len(export(days, channels=["C1"])[0]) == len(export(days, channels=["general"])[0]) == 1


def test_mentions_in_text_and_blocks_are_united(export):
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "<@U3>"}},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_list", "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": "W7"}]}]}
            ],
        },
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "channel"}]}]},
    ]
    (event,), _ = export({"general/2026-07-01": [message(text="hi <@U2|bo> <@U1> <#C1|x>", blocks=blocks)]})
    assert event.recipients == (("slack:T1/U2", Role.MENTIONED), ("slack:T1/U3", Role.MENTIONED), ("slack:T1/W7", Role.MENTIONED))
    assert event.audience == 3
    assert event.flags & Flag.BROADCAST


def test_mentions_in_quoted_attachments_are_not_the_authors(export):
    (event,), _ = export(
        {"general/2026-07-01": [message(text="see", attachments=[{"text": "<@U2>", "ts": TS, "message_blocks": [{"text": "<@U2>"}]}])]}
    )
    assert event.recipients == ()


def test_a_reply_answers_its_parent_even_where_slack_does_not_name_the_author(export):
    parent, reply = message(thread_ts=TS), message("U2", "1782892900.000000", thread_ts=TS)
    events, coverage = export({"general/2026-07-01": [parent], "general/2026-07-02": [reply]})
    assert events[1].root == events[1].reply_to == events[0].id == f"slack:T1/C1/{TS}/U1"
    assert events[0].root is None
    assert not coverage.notes["thread_parent_unknown"]


def test_a_reply_without_its_parent_keeps_what_slack_says_or_is_noted(export):
    orphan = message("U2", "1782892900.000000", thread_ts=TS)
    events, coverage = export({"general/2026-07-01": [orphan, orphan | {"ts": "1782892901.000000", "parent_user_id": "U3"}]})
    assert [event.root for event in events] == [None, f"slack:T1/C1/{TS}/U3"]
    assert coverage.notes["thread_parent_unknown"] == 1


def test_one_person_reacts_once_however_many_emoji(export):
    reactions = [{"name": "a", "users": ["U2", "U3"]}, {"name": "b", "users": ["U2"]}]
    events, coverage = export({"general/2026-07-01": [message(reactions=reactions)]})
    assert [(event.kind, event.sender) for event in events[1:]] == [(Kind.REACTION, "slack:T1/U2"), (Kind.REACTION, "slack:T1/U3")]
    assert {event.reply_to for event in events[1:]} == {events[0].id}
    assert coverage.read == 3


def test_the_last_edit_is_the_revision(export):
    (event,), _ = export({"general/2026-07-01": [message(edited={"user": "U1", "ts": "1782892999.000001"})]})
    assert event.revision == 1782892999000001
    changed = {
        "type": "message",
        "subtype": "message_changed",
        "ts": "1782893000.000000",
        "message": message(edited={"ts": "1782892999.000001"}),
    }
    assert export({"general/2026-07-01": [changed]})[0][0] == event


def test_strangers_keep_their_own_team(export):
    lists = {"users.json": [*USERS, {"id": "U8", "team_id": "T8", "is_stranger": True}]}
    events, _ = export({"general/2026-07-01": [message("U8"), message("U9", user_team="T9"), message("U1", user_team="T5")]}, lists=lists)
    assert [event.sender for event in events] == ["slack:T8/U8", "slack:T9/U9", "slack:T1/U1"]


def test_an_enterprise_export_uses_the_enterprise_id(export):
    lists = {
        "users.json": [],
        "org_users.json": [{"id": "W1", "team_id": "T1", "enterprise_user": {"enterprise_id": "E1", "teams": ["T1"]}}],
    }
    (event,), _ = export({"general/2026-07-01": [message("W1")]}, lists=lists)
    assert event.sender == "slack:E1/W1"


def test_the_team_may_be_configured_and_has_to_be_known(export):
    lists = {"users.json": [{"id": "U1"}]}
    assert export({"general/2026-07-01": [message()]}, lists=lists, team="T7")[0][0].sender == "slack:T7/U1"
    with pytest.raises(FileError) as caught:
        export({}, lists=lists)
    assert caught.value.code == "no_team"


@pytest.mark.parametrize(
    ("item", "where", "code"),
    [
        ({"type": "message", "ts": TS}, "dropped", "no_author"),
        (message(subtype="channel_leave"), "dropped", "join_leave_noise"),
        (message(subtype="tombstone"), "dropped", "deleted"),
        (message(subtype=["x"]), "dropped", "subtype_unknown"),
        ({"type": "other", "ts": TS}, "dropped", "not_a_message"),
        (message(ts=1782892805.0), "quarantined", "time_unreadable"),
        (message(ts="0.000000"), "quarantined", "time_not_positive"),
        (message(ts="4102444800.000000"), "quarantined", "time_in_future"),
        (message("not an id"), "quarantined", "slack_id"),
        ({"type": "message", "user": "U1"}, "quarantined", "not_a_message"),
        (7, "quarantined", "not_a_message"),
    ],
)
def test_what_is_no_message_is_counted_by_code(export, item, where, code):
    events, coverage = export({"general/2026-07-01": [item, message()]})
    assert len(events) == 1
    assert getattr(coverage, where) == {code: 1}


def test_a_damaged_day_does_not_stop_the_others(export):
    events, coverage = export(
        {"general/2026-07-01": b'[{"ts": ', "general/2026-07-02": [message()], "general/2026-07-03": b'[{"a":1,"a":2}]'}
    )
    assert len(events) == 1
    assert coverage.quarantined == {"json_syntax": 1, "json_duplicate_key": 1}


def test_a_message_that_cannot_be_read_costs_itself_alone(export):
    twice, odd = b'{"ts": "1782892805.000100", "ts": "1"}', b'{"ts": "1782892806.000100", "user": "U1", "files": [{"shares": {"ts": "1"}}]}'
    plain = json.dumps(message()).encode()
    events, coverage = export({"general/2026-07-01": b"[" + b",\n".join((plain, twice, odd, b"7", plain.replace(b"05.", b"07."))) + b"]"})
    assert [event.id.split("/")[2] for event in events] == ["1782892805.000100", "1782892806.000100", "1782892807.000100"]
    assert coverage.quarantined == {"json_duplicate_key": 1, "not_a_message": 1}


def test_people_carry_what_slack_knows_of_their_kind(tmp_path):
    flags = [
        {},
        {"is_bot": True},
        {"is_workflow_bot": True},
        {"deleted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True, "team_id": "T2"},
    ]
    users = [{"id": f"U{n}", "team_id": "T1", "profile": {"email": "bad" if n else "A@b.example"}} | flag for n, flag in enumerate(flags)]
    (tmp_path / "users.json").write_text(json.dumps([*users, {"no": "id"}]))
    coverage = Coverage()
    people = list(Connector(Config(path=tmp_path)).people(coverage))
    assert [person.kind.name for person in people] == ["MEMBER", "BOT", "BOT", "FORMER", "GUEST", "EXTERNAL"]
    assert people[0].handles == ("slack:T1/U0", "email:a@b.example")
    assert coverage.notes["address_refused"] == 5
    assert coverage.quarantined == {"slack_id": 1}


def test_the_size_is_told_without_reading(export, tmp_path):
    export({"general/2026-07-01": [message(text="x" * 1000)] * 10})
    assert 8 <= Connector(Config(path=tmp_path / "export.zip")).size() <= 15


CONTENT = st.text(min_size=8).filter(lambda text: "<" not in text)


@given(
    st.recursive(
        CONTENT,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "elements", "title", "blocks", "name", "files"]), inner)
        ),
        max_leaves=10,
    )
)
def test_projection_keeps_no_text_wherever_it_stands(content):
    text = json.dumps(message(text="x", blocks=[{"a": content}], files=content, topic=content))
    kept = json.loads(text, object_pairs_hook=project)
    assert kept == {"type": "message", "user": "U1", "ts": TS, "mentions": frozenset()}


def test_time_stamps_are_exact():
    assert microseconds("1355517523.000005") == 1355517523000005


USER = st.sampled_from(["U1", "W2", "U3"])
MENTION = (
    st.builds("<@{}>".format, USER) | st.builds("<@{}|bo>".format, USER) | st.sampled_from(["<!here>", "<!subteam^S1>", "<#C1|x>", "x < y"])
)
PART = st.recursive(
    st.fixed_dictionaries({"type": st.just("user"), "user_id": USER})
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["broadcast", "usergroup", "text", "emoji"])},
        optional={"text": MENTION | CONTENT, "usergroup_id": st.just("S1")},
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("rich_text"), "elements": st.lists(inner, max_size=3)}, optional={"fields": st.lists(inner)}
    ),
    max_leaves=5,
)
STAMP = st.sampled_from([TS, "1782892900.000000", "1782892901.000001"])
MESSAGES = st.fixed_dictionaries(
    {"type": st.just("message"), "ts": STAMP},
    optional={
        "user": USER | st.none(),
        "text": MENTION | CONTENT,
        "blocks": st.lists(PART, max_size=3),
        "thread_ts": STAMP,
        "parent_user_id": USER,
        "user_team": st.sampled_from(["T1", "T9"]),
        "bot_id": st.just("B1"),
        "subtype": st.sampled_from(["bot_message", "channel_join", "thread_broadcast", "message_changed", "new"]),
        "edited": st.fixed_dictionaries({"user": USER, "ts": STAMP}),
        "reactions": st.lists(st.fixed_dictionaries({"name": CONTENT, "users": st.lists(USER, max_size=3)}), max_size=2),
        "replies": st.lists(st.fixed_dictionaries({"user": USER, "ts": STAMP}), max_size=2),
        "attachments": st.lists(st.fixed_dictionaries({"text": MENTION}, optional={"ts": STAMP}), max_size=1),
        "files": CONTENT
        | st.lists(st.fixed_dictionaries({"name": CONTENT}, optional={"user": USER, "shares": st.just({"ts": TS})}), max_size=2),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(MESSAGES, max_size=4), st.booleans(), st.booleans())
def test_messages_decoded_at_once_say_what_messages_read_one_by_one_say(messages, pretty, escaped):
    """The quick way skips what it does not need; the slow one builds each object and lets it go."""
    text = json.dumps(messages, indent=4 if pretty else None)
    text = text.replace("<", "\\u003c").replace(">", "\\u003E") if escaped else text
    found = wires(text.encode())
    if found is None:
        return
    coverages = Coverage(), Coverage()
    quick, slow = (Reader(Space("C1", SpaceKind.CHANNEL), Directory("T1"), coverage, 2 * 10**15) for coverage in coverages)
    one_by_one = [event for message in json.loads(text, object_pairs_hook=project) for event in slow.events(message)]
    assert [event for wire in found for event in quick.events(wire)] == one_by_one
    assert coverages[0] == coverages[1]


@pytest.mark.parametrize(
    "text",
    [
        '[{"ts": "1.000000", "ts": "2.000000"}]',
        '[{"ts": "1.000000", "user": "U1", "user": "U2"}]',
        '[{"ts": "1.000000", "files": [{"shares": {"public": {"C1": [{"ts": "2.000000"}]}}}]}]',
        '[{"ts": 1.5}]',
        '[{"ts": "1.000000", "subtype": "message_changed", "message": {"ts": "2.000000"}}]',
        '[{"ts": "1.000000", "reactions": 7}]',
        '[{"ts": "1.000000", "x": NaN}]',
        "[7]",
        "{}",
        "[" * 100_000,
    ],
)
def test_whatever_is_unusual_is_read_with_care(text):
    assert wires(text.encode()) is None


@pytest.mark.parametrize(
    ("text", "parts", "named"),
    [
        ("hi <@U2>", [{"type": "user", "user_id": "U2"}], {"U2"}),
        ("hi <@U2>", [{"type": "user", "user_id": "U3"}], {"U2", "U3"}),
        ("hi <@U2>", [{"type": "text", "text": "<@U2> and <@U3>"}], {"U2", "U3"}),
        ("hi", [{"type": "broadcast", "range": "here"}], {"!"}),
        ("<!here>", [{"type": "broadcast"}, {"type": "user", "user_id": "U3"}], {"!", "U3"}),
        ("hi <@U2>", [{"type": "usergroup", "usergroup_id": "S1"}], {"U2", "!S1"}),
        ("a < b", [{"type": "text", "text": "a < b"}], set()),
    ],
)
def test_whom_blocks_name_beside_the_text_is_found(text, parts, named):
    (wire,) = wires(json.dumps([message(text=text, blocks=[{"type": "rich_text", "elements": parts}])]).encode())
    assert mentions(wire) == named


def test_decoded_messages_hold_no_content():
    (wire,) = wires(json.dumps([message(text="CANARY", files=[{"name": "CANARY"}], topic="CANARY", blocks=[{"text": "CANARY"}])]).encode())
    assert "CANARY" not in repr(wire)


def test_a_mention_is_found_where_the_exporter_escapes_its_brackets(export):
    day = b'[{"type": "message", "user": "U1", "ts": "1782892805.000100", "text": "hi \\u003c@U2\\u003e"}]'
    assert export({"general/2026-07-01": day})[0][0].recipients == (("slack:T1/U2", Role.MENTIONED),)


def test_a_small_user_group_is_its_members_and_a_large_or_unknown_one_everybody():
    groups = {"S1": ("U2", "U3"), "S2": tuple(f"U{n}" for n in range(26)), "S3": ()}
    found = Directory("T1", groups=groups).expanded
    assert found(frozenset({"U1", "!S1"})) == {"U1", "U2", "U3"}
    assert found(frozenset({"U1", "!S2"})) == found(frozenset({"U1", "!S3"})) == found(frozenset({"U1", "!S9"})) == {"U1", "!"}
    assert found(frozenset({"U1", "!"})) == {"U1", "!"}
