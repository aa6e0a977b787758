"""What vendors really write: mailing-list archives and Slack's own samples, counted against the standard library."""

import json
import mailbox
from contextlib import closing
from pathlib import Path

import pytest

from connectors.base import Coverage, Cursor
from connectors.files.mbox import Config, Connector
from connectors.slack.decoding import project
from connectors.slack.records import Directory, Reader, Space
from ona.tables import SpaceKind

WIRE = Path(__file__).parents[3] / "shared" / "data" / "wire"
ARCHIVES = ["2001-November.txt", "3GPP_TSG_RAN_WG4_NR-MIMO-OTA.mbox", "3GPP_TSG_SA_WG4_EVS.mbox"]


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_list_archive_gives_as_many_mails_and_message_ids_as_the_standard_library_finds(name):
    path = WIRE / "mbox_lists" / name
    if not path.exists():
        pytest.skip("the mailing-list archives are not beside the repository")
    with closing(mailbox.mbox(path, create=False)) as box:
        mails = list(box)
    coverage = Coverage()
    events = list(Connector(Config(path=path, obfuscated=True, list_name=name)).events(coverage, Cursor()))
    assert coverage.read == len(mails)
    assert len(events) + coverage.quarantined.total() == len(mails)
    assert coverage.quarantined.total() <= 2  # two senders are written without any address
    ids = {str(mail["Message-ID"]).strip("<> ").split()[0] for mail in mails if mail["Message-ID"]}
    assert {event.id.removeprefix("mail:") for event in events} <= ids
    assert len({event.sender for event in events}) > 5


def test_slacks_own_samples_go_through_the_projection_without_content():
    folder = WIRE / "slack_samples" / "events"
    if not folder.exists():
        pytest.skip("Slack's sample records are not beside the repository")
    for path in sorted(folder.glob("Message*.json")):
        record = json.loads(path.read_text(), object_pairs_hook=dict)["event"]
        filled = json.dumps(_filled(record))
        coverage = Coverage()
        reader = Reader(Space("C1", SpaceKind.CHANNEL), Directory("T1"), coverage, now=2 * 10**15)
        events = list(reader.events(json.loads(filled, object_pairs_hook=project)))
        coverage.accepted = len(events)
        assert coverage.balanced
        assert "CANARY" not in repr([(e.id, e.sender, e.recipients, e.space, e.root) for e in events])


def _filled(value, key=""):
    """Fill the samples' empty strings: ids and time stamps as Slack writes them, everything else with a canary."""
    if isinstance(value, dict):
        return {name: _filled(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, key) for inner in value]
    if value != "":
        return value
    return {
        "ts": "1355517523.000005",
        "thread_ts": "1355517523.000005",
        "user": "U1",
        "parent_user_id": "U1",
        "users": "U2",
        "bot_id": "B1",
    }.get(key, "CANARY")
