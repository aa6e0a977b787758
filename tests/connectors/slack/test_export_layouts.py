"""Layouts of Slack exports: a workspace's own, an Enterprise organisation's, and those that slackdump writes."""

import json
import zipfile

import pytest

from connectors.base import Coverage, Cursor
from connectors.slack.export import Config, Connector

MESSAGE = {"type": "message", "user": "U1", "ts": "1782892805.000100", "text": "CANARY <@W2>"}
USERS = [{"id": "U1", "team_id": "T1"}, {"id": "W2", "team_id": "T1"}]
ROOM = [{"id": "C1", "name": "general"}]
UPLOADS = {"F1/report.zip": b"PK CANARY", "F2-logs.tar.gz": b"CANARY", "F3.pdf": b"CANARY"}

STANDARD = {"users.json": USERS, "channels.json": ROOM, "integration_logs.json": [], "general/2026-07-01.json": [MESSAGE]}
ENTERPRISE = {
    "org_users.json": [user | {"enterprise_user": {"enterprise_id": "E1", "teams": ["T1"]}} for user in USERS],
    "channels.json": ROOM,
    "canvases.json": [{"title": "CANARY"}],
    "general/2026-07-01.json": [MESSAGE],
}
DUMPED = {  # slackdump's "standard" storage: files lie in the channel's folder
    "users.json": USERS,
    "channels.json": ROOM,
    "dms.json": [{"id": "D1", "members": ["U1", "W2"]}],
    "general/2026-07-01.json": [MESSAGE],
    "D1/2026-07-01.json": [MESSAGE],
    **{f"general/attachments/{name}": data for name, data in UPLOADS.items()},
}
DUMPED_MATTERMOST = {**STANDARD, ".DS_Store": b"CANARY", **{f"__uploads/{name}": data for name, data in UPLOADS.items()}}
BY_ID = {**STANDARD, "C1/2026-07-02.json": [MESSAGE | {"ts": "1782979205.000100"}]}  # renamed between two dumps


@pytest.fixture(params=["", "My export Jul 2026/"], ids=["at_the_root", "in_a_folder"])
def read(request, tmp_path):
    """Write an export of a layout, as a zip file and unpacked, and read its events."""

    def events(files, **options):
        folder, path, found = tmp_path / "folder", tmp_path / "export.zip", []
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                archive.writestr(request.param + name, data)
                target = folder / (request.param + name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        for place in (path, folder):
            coverage = Coverage()
            found.append(list(Connector(Config(path=place, **options)).events(coverage, Cursor())))
            coverage.accepted = len(found[-1])
            assert coverage.balanced
        assert found[0] == found[1]
        return found[0]

    return events


@pytest.mark.parametrize("layout", [STANDARD, DUMPED, DUMPED_MATTERMOST], ids=["standard", "slackdump", "slackdump_mattermost"])
def test_a_layout_gives_the_same_message(read, layout):
    (event,) = read(layout)
    assert (event.id, event.sender) == ("slack:T1/C1/1782892805.000100/U1", "slack:T1/U1")
    assert [handle for handle, _ in event.recipients] == ["slack:T1/W2"]


def test_an_organisation_names_its_people_by_the_organisation(read):
    (event,) = read(ENTERPRISE)
    assert (event.sender, event.recipients[0][0]) == ("slack:E1/U1", "slack:E1/W2")


def test_direct_messages_of_a_dump_are_read_where_they_are_enabled(read):
    assert len(read(DUMPED, direct=True)) == 2


def test_equal_ids_of_two_teams_are_two_people_two_channels_and_two_messages(read):
    (ours,) = read(STANDARD)
    (theirs,) = read({**STANDARD, "users.json": [user | {"team_id": "T2"} for user in USERS]})
    for field in ("id", "sender", "space", "recipients"):
        assert getattr(ours, field) != getattr(theirs, field)


def test_two_messages_with_one_time_stamp_are_two_and_one_without_an_author_is_counted(read):
    both = [MESSAGE, MESSAGE | {"user": "W2"}, {"type": "message", "ts": MESSAGE["ts"], "text": "CANARY"}]
    assert [event.sender for event in read({**STANDARD, "general/2026-07-01.json": both})] == ["slack:T1/U1", "slack:T1/W2"]


def test_folders_by_name_and_by_id_are_one_channel(read):
    assert len({event.space for event in read(BY_ID)}) == 1
    assert len(read(BY_ID)) == 2
