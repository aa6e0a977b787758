"""The archive of slackdump gives what an export of the same messages gives, and a database that is no such archive is refused."""

import json
import sqlite3
import zipfile
from contextlib import closing

import pytest

from connectors.archive import FileError
from connectors.base import Coverage, Cursor, open_connector
from connectors.simulated.files import write_company
from connectors.slack import archive, export
from ona.simulate.company import company
from ona.tables import Role

SCHEMA = """
CREATE TABLE MESSAGE (ID INTEGER NOT NULL, CHUNK_ID INTEGER NOT NULL, CHANNEL_ID TEXT NOT NULL, TS TEXT NOT NULL, PARENT_ID INTEGER,
  THREAD_TS TEXT, LATEST_REPLY TEXT, IS_PARENT SMALLINT NOT NULL DEFAULT FALSE, IDX INTEGER NOT NULL, NUM_FILES INTEGER NOT NULL DEFAULT 0,
  TXT TEXT, DATA BLOB NOT NULL, PRIMARY KEY (ID, CHUNK_ID));
CREATE TABLE CHANNEL (ID TEXT NOT NULL, CHUNK_ID INTEGER NOT NULL, NAME TEXT, IDX INTEGER NOT NULL, DATA BLOB NOT NULL,
  PRIMARY KEY (ID, CHUNK_ID));
CREATE TABLE WORKSPACE (ID INTEGER PRIMARY KEY, CHUNK_ID INTEGER NOT NULL, TEAM TEXT NOT NULL, USERNAME TEXT, TEAM_ID TEXT NOT NULL,
  USER_ID TEXT NOT NULL, ENTERPRISE_ID TEXT, URL TEXT NOT NULL, DATA BLOB NOT NULL);
CREATE TABLE S_USER (ID TEXT NOT NULL, CHUNK_ID INTEGER NOT NULL, IDX INTEGER NOT NULL, USERNAME TEXT NOT NULL, DATA BLOB NOT NULL,
  PRIMARY KEY (ID, CHUNK_ID));
CREATE TABLE CHANNEL_USER (CHANNEL_ID TEXT NOT NULL, USER_ID TEXT NOT NULL, CHUNK_ID INTEGER NOT NULL, IDX INTEGER NOT NULL,
  PRIMARY KEY (CHANNEL_ID, USER_ID, CHUNK_ID));
CREATE TABLE FILE (ID TEXT NOT NULL, CHUNK_ID INTEGER NOT NULL, CHANNEL_ID TEXT NOT NULL, IDX INTEGER NOT NULL, MODE TEXT NOT NULL,
  FILENAME TEXT, URL TEXT, DATA BLOB NOT NULL, PRIMARY KEY (ID, CHUNK_ID));
CREATE INDEX MESSAGE_I1 ON MESSAGE (CHANNEL_ID, CHUNK_ID, IS_PARENT);
CREATE INDEX MESSAGE_I2 ON MESSAGE (CHANNEL_ID, PARENT_ID);
"""  # the tables of slackdump 4 and the indexes that could tempt SQLite to sort
USERS = [{"id": "U1", "team_id": "T1", "profile": {"email": "ann@x.example"}}, {"id": "W2", "team_id": "T1", "real_name": "CANARY"}]
ROOMS = [
    {"id": "C1", "name": "general", "is_channel": True},
    {"id": "G1", "name": "CANARY-secret", "is_private": True, "is_group": True},
    {"id": "D1", "user": "W2", "is_im": True},
]
SAID = {"type": "message", "user": "U1", "ts": "1782892805.000100", "text": "CANARY <@W2>", "blocks": None}


class Dump:
    """Writes as slackdump does: each answer of the service is a chunk, nothing is ever changed."""

    def __init__(self, folder, users=(), rooms=()):
        self.folder, self.chunk = folder, 0
        folder.mkdir()
        self.database = sqlite3.connect(folder / "slackdump.sqlite", isolation_level=None)
        self.database.executescript(f"BEGIN;{SCHEMA}")
        self.put("WORKSPACE", 1, 1, "CANARY", "CANARY", "T1", "U1", None, "https://CANARY.example", b"{}")
        self.put("FILE", "F1", 1, "C1", 0, "hosted", "CANARY.pdf", "https://CANARY.example/?t=xoxe-1", b'{"CANARY": 1}')
        for number, user in enumerate(users):
            self.put("S_USER", user["id"], 1, number, "CANARY", data(user))
        for number, room in enumerate(rooms):
            self.put("CHANNEL", room["id"], 1, room.get("name"), number, data(room))
            for member in room.get("members", ()):
                self.put("CHANNEL_USER", room["id"], member, 1, 0)

    def put(self, table, *values):
        self.database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)

    def page(self, channel, *messages):
        self.chunk += 1
        for number, one in enumerate(messages):
            at, thread = int(one["ts"].replace(".", "")), one.get("thread_ts")
            parent = thread and int(thread.replace(".", ""))
            text = one.get("text")
            self.put("MESSAGE", at, self.chunk, channel, one["ts"], parent, thread, None, thread == one["ts"], number, 0, text, data(one))

    def close(self):
        self.database.execute("COMMIT")
        self.database.close()
        return self.folder


def data(record) -> bytes:
    """JSON as Go writes it: brackets of mentions are escaped."""
    return json.dumps(record, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def read(folder, **options):
    coverage = Coverage()
    events = list(open_connector("slack_archive", {"path": folder, **options}).events(coverage, Cursor()))
    coverage.accepted = len(events)
    assert coverage.balanced
    return events, coverage


def told(event):
    return tuple(getattr(event, name) for name in event.__struct_fields__)


@pytest.fixture
def dump(tmp_path):
    return Dump(tmp_path / "slackdump_20260701", USERS, ROOMS)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """One company's chat as Slack exports it and as slackdump archives it."""
    place = tmp_path_factory.mktemp("chat")
    exported = write_company(company(people=50, weeks=1, seed=7), place / "inbox").slack
    with zipfile.ZipFile(exported) as files:
        lists = {name: json.loads(files.read(name)) for name in files.namelist() if "/" not in name}
        kinds = {"channels": {}, "groups": {"is_private": True}, "dms": {"is_im": True}, "mpims": {"is_mpim": True, "is_private": True}}
        rooms = [room | more for name, more in kinds.items() for room in lists[f"{name}.json"]]
        made = Dump(place / "dumped", lists["users.json"], rooms)
        ids = {room.get("name", room["id"]): room["id"] for room in rooms}
        for name in sorted(set(files.namelist()) - lists.keys()):
            made.page(ids[name.partition("/")[0]], *json.loads(files.read(name)))
    return exported, made.close()


@pytest.mark.parametrize("wide", [False, True], ids=["public_channels", "every_conversation"])
def test_an_archive_gives_what_an_export_of_the_same_messages_gives(both, wide):
    exported, dumped = both
    options = {"private": wide, "direct": wide}
    expected = list(export.Connector(export.Config(path=exported, **options)).events(Coverage(), Cursor()))
    events, coverage = read(dumped, **options)
    assert len(events) > 500
    assert sorted(map(told, events)) == sorted(map(told, expected))
    assert bool(coverage.notes["spaces_not_enabled"]) is not wide
    people = [
        list(open_connector(name, {"path": at}).people(Coverage())) for name, at in (("slack_export", exported), ("slack_archive", dumped))
    ]
    assert set(people[0]) == set(people[1])
    assert len(people[0]) == len(people[1]) >= 50


def test_of_several_copies_the_one_fetched_last_counts(dump):
    """A parent stands in the channel's page, in its thread's and in that of a later run; a reaction was taken back meanwhile."""
    thread = SAID | {"thread_ts": SAID["ts"], "reply_count": 1}
    dump.page("C1", thread | {"reactions": [{"name": "CANARY", "users": ["W2"], "count": 1}]})
    dump.page("C1", thread, {"type": "message", "user": "W2", "ts": "1782892806.000100", "thread_ts": SAID["ts"], "parent_user_id": "U1"})
    dump.page("C1", thread | {"edited": {"user": "U1", "ts": "1782892999.000000"}})
    (parent, reply), coverage = read(dump.close())
    assert (parent.id, parent.revision) == ("slack:T1/C1/1782892805.000100/U1", 1782892999000000)
    assert (reply.sender, reply.root) == ("slack:T1/W2", parent.id)
    assert coverage.duplicate == 2


def test_one_time_in_two_channels_and_of_two_authors_is_three_messages(dump):
    dump.page("C1", SAID)
    dump.page("G1", SAID)
    dump.page("C1", SAID | {"user": "W2"})
    assert len(read(dump.close(), private=True)[0]) == 3


def test_private_channels_and_direct_messages_stay_unread_unless_enabled(dump):
    for room in ROOMS:
        dump.page(room["id"], SAID)
    folder = dump.close()
    assert [event.space for event in read(folder)[0]] == ["slack:T1/C1"]
    assert len(read(folder, private=True)[0]) == 2
    assert [event.space for event in read(folder, channels=["C9"])[0]] == []
    (direct,) = (event for event in read(folder, direct=True)[0] if event.space == "slack:T1/D1")
    assert direct.recipients == (("slack:T1/W2", Role.MENTIONED),)  # the other one; who made the archive wrote it


def test_one_message_or_channel_that_cannot_be_read_costs_itself_alone(dump):
    dump.put("CHANNEL", "C2", 1, "CANARY", 9, b'{"id": ["CANARY"]}')
    for number, broken in enumerate([b"", b"{", b'{"CANARY": 1}', b"[" * 90_000, "\ud7ff", 7]):
        dump.put("MESSAGE", number, 99, "C1", "CANARY", None, None, None, 0, 0, 0, "CANARY", broken)
    dump.page("C1", SAID)
    events, coverage = read(dump.close())
    assert len(events) == 1
    assert coverage.quarantined.total() == 6
    assert coverage.notes["spaces_malformed"] == 1


def test_no_content_comes_out_and_nothing_is_written_beside_the_database(dump, caplog):
    dump.page("C1", SAID | {"reactions": [{"name": "CANARY", "users": ["W2"]}], "files": [{"url_private": "https://CANARY/?t=xoxe-1"}]})
    folder = dump.close()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    folder.chmod(0o500)
    events, coverage = read(folder / "slackdump.sqlite")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert len(events) == 2
    assert "CANARY" not in f"{[told(event) for event in events]} {coverage} {caplog.text}"
    assert "xoxe" not in f"{[told(event) for event in events]}"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda file: file.write_bytes(b""), "not_an_archive"),
        (lambda file: file.write_bytes(b"CANARY" * 1_000), "database_damaged"),
        (lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]), "database_damaged"),
        (lambda file: file.with_name("slackdump.sqlite-wal").write_bytes(b"CANARY"), "being_written"),
        (lambda file: file.unlink(), "file_missing"),
        (lambda file: changed(file, "DROP TABLE MESSAGE"), "not_an_archive"),
        (lambda file: changed(file, "ALTER TABLE MESSAGE RENAME TO M; CREATE VIEW MESSAGE AS SELECT * FROM M"), "not_an_archive"),
        (lambda file: changed(file, "DROP TABLE MESSAGE; CREATE TABLE MESSAGE (ID, CHUNK_ID, CHANNEL_ID, DATA)"), "not_an_archive"),
        (lambda file: changed(file, "DELETE FROM S_USER; DELETE FROM WORKSPACE"), "no_team"),
    ],
    ids=["empty", "text", "half", "being_written", "missing", "no_table", "view", "unordered", "no_team"],
)
def test_what_is_no_archive_is_refused_by_code_and_not_repeated(dump, damage, code):
    dump.page("C1", *({**SAID, "ts": f"17828928{n:02}.000100"} for n in range(90)))
    folder = dump.close()
    damage(folder / "slackdump.sqlite")
    with pytest.raises(FileError) as caught:
        read(folder)
    assert caught.value.code == code
    assert "CANARY" not in str(caught.value)


def changed(file, script):
    with closing(sqlite3.connect(file)) as database:
        database.executescript(script)


def test_who_gives_an_archive_for_an_export_is_told_which_connector_reads_it(dump):
    folder = dump.close()
    with pytest.raises(FileError, match="slack_archive"):
        list(open_connector("slack_export", {"path": folder}).events(Coverage(), Cursor()))


def test_the_messages_are_counted_without_reading_them(dump):
    dump.page("C1", SAID, SAID | {"ts": "1782892806.000100"})
    assert archive.Connector(archive.Config(path=dump.close())).size() == 2
