"""Every sample that vendors publish is read by somebody: each id, time, person, thread and reaction in it arrives, no text does."""

import ast
import json
from fnmatch import fnmatch
from functools import cache
from itertools import count
from pathlib import Path

import msgspec
import pytest

from connectors import scim
from connectors.base import Coverage
from connectors.identity import canonical
from connectors.microsoft import meetings, people, sent, trace
from connectors.microsoft.graph import page_of
from connectors.pages import PageError
from connectors.records import read
from connectors.slack import wire
from connectors.slack.records import Directory, Reader, Space
from ona.tables import SpaceKind

TESTS = Path(__file__).parent
WIRE = TESTS.parents[2] / "shared" / "data" / "wire"
pytestmark = pytest.mark.skipif(not WIRE.exists(), reason="the vendors' samples are not beside the repository")

READ_BY = {
    "google_discovery/*_v?.json": "google/test_discovery.py::test_every_field_of_a_mask_is_a_field_that_google_knows",
    "google_discovery/*.v?.json": "google/test_discovery.py::test_every_field_of_a_mask_is_a_field_that_google_knows",
    "graph_examples/json-batching.*": "test_every_sample.py::test_parts_of_a_batch_are_refused_as_no_page",
    "graph_examples/errors.*": "microsoft/test_vendor_samples.py::test_an_error_is_told_from_a_page_whatever_its_status",
    "graph_examples/*.txt": "microsoft/test_vendor_samples.py::test_an_answer_that_is_not_json_is_a_page_error_that_repeats_nothing",
    "graph_*/*.http200.json": "test_every_sample.py::test_every_fact_of_a_page_of_microsofts_arrives_and_no_content",
    "graph_examples/delta-query-messages.*": "test_every_sample.py::test_every_fact_of_a_page_of_microsofts_arrives_and_no_content",
    "mbox_lists/from-header*": (
        "files/test_mail_archives.py::test_every_way_in_which_public_archives_write_a_sender_gives_the_address_or_nobody"
    ),
    "mbox_lists/*": "files/test_mail_archives.py::test_an_archive_gives_the_mails_senders_and_replies_that_the_standard_library_finds",
    "slack_samples/events/*": "test_every_sample.py::test_every_fact_of_a_message_of_slacks_arrives_and_no_content",
    "slack_samples/scim/*/Users*": "test_every_sample.py::test_every_fact_of_a_user_of_scim_arrives_and_no_content",
    "slack_samples/api/*": "slack/test_wire_samples.py::test_every_sample_answer_is_an_envelope_without_content",
}
"""Files by pattern, the first that fits → the test that reads them."""
NOT_ASKED_FOR = ("*/README", "slack_samples/audit/*", "slack_samples/scim/*/Groups*", "slack_samples/scim/*/[RS]*")
"""No connector calls these: the audit log, and what SCIM tells of groups and of itself."""

FACTS = {"id", "iCalUId", "address", "mail", "displayName", "senderAddress", "recipientAddress", "messageId", "receivedDateTime", "status"}
LINKS = {"@odata.nextLink", "@odata.deltaLink"}
CONTENT = {"subject", "name", "givenName", "surname", "fromIP", "toIP"}
NEITHER = {"@odata.context", "@odata.count", "@odata.etag", "@odata.type", "@removed", "reason", "value", "emailAddress", "sender", "size"}
SETTINGS = {"isRead", "isReminderOn", "reminderMinutesBeforeStart", "originalStartTimeZone", "originalEndTimeZone", "responseStatus"}
OWN_ANSWER = {"response", "time"}
"""Of the mailbox's owner; what others answered stands with the attendees."""


def files(pattern):
    return sorted(path.relative_to(WIRE).as_posix() for path in WIRE.glob(pattern) if path.is_file())


def walked(node, key=""):
    """Yield every key with each plain value under it."""
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from walked(inner, name)
    elif isinstance(node, list):
        for inner in node:
            yield from walked(inner, key)
    else:
        yield key, node


def kept(found):
    """Everything that a record kept, as text."""
    if hasattr(found, "__struct_fields__"):
        return " ".join(kept(getattr(found, name)) for name in found.__struct_fields__)
    return " ".join(map(kept, found)) if isinstance(found, list | tuple) else f"«{found}»"


def test_every_sample_is_read_by_a_test_or_belongs_to_a_call_that_nobody_makes():
    named = {
        path: next((test for pattern, test in READ_BY.items() if fnmatch(path, pattern)), None)
        for path in files("**/*")
        if not any(fnmatch(path, pattern) for pattern in NOT_ASKED_FOR)
    }
    assert len(named) > 130
    assert [path for path, test in named.items() if test is None] == []
    for file, _, name in {test.partition("::") for test in named.values() if test}:
        assert name in {one.name for one in ast.parse((TESTS / file).read_text()).body if isinstance(one, ast.FunctionDef)}


@pytest.mark.parametrize(
    "name", files("graph_examples/*.http200.json") + files("graph_examples/delta*messages*") + files("graph_m*/*.json")
)
def test_every_fact_of_a_page_of_microsofts_arrives_and_no_content(name):
    body = (WIRE / name).read_bytes()
    page, plain = page_of(body), json.loads(body)
    told = [(key, value) for key, value in walked(plain)]
    assert {key for key, _ in told} <= FACTS | LINKS | CONTENT | NEITHER | SETTINGS | OWN_ANSWER  # a new key has to be decided upon
    kind = meetings.Meeting if "calendar" in name else sent.Mail if "messages" in name else trace.Row if "trace" in name else people.User
    arrived = " ".join(kept(read(item, kind)) for item in page.items)
    assert {str(value) for key, value in told if key in LINKS} == {link for link in (page.next, page.final) if link}
    missing = [value for key, value in told if key in FACTS and f"«{value}»" not in arrived and not (key == "address" and not value)]
    assert missing == []
    assert [value for key, value in told if key in CONTENT and f"«{value}»" in arrived] == []


@pytest.mark.parametrize("name", files("graph_examples/json-batching.*"))
def test_parts_of_a_batch_are_refused_as_no_page(name):
    with pytest.raises(PageError):
        page_of((WIRE / name).read_bytes())


class Filled:
    """A sample with each dummy value replaced: an id or time of its own where there is one, a canary everywhere else."""

    def __init__(self, document):
        self.numbers = count(1)
        self.document = self.fill(document, "", "")

    def fill(self, value, key, path):
        if isinstance(value, dict):
            return {name: self.fill(inner, name, f"{path}.{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner, key, path) for inner in value]
        if not isinstance(value, str) or key in ("type", "subtype"):
            return value
        return self.made(key, path)

    def made(self, key, path):
        number = next(self.numbers)
        if key in ("user", "users", "parent_user_id", "bot_id", "inviter"):
            return f"U{number:08}"
        if key in ("team", "user_team"):
            return f"T{number:08}"
        if key.endswith("ts") or key == "latest_reply":
            return f"13555{number:05}.000005"
        return f"mail{number}@x.example" if path.endswith("emails.value") else f"CANARY-{number}"


@pytest.mark.parametrize("name", files("slack_samples/events/Message*.json"))
def test_every_fact_of_a_message_of_slacks_arrives_and_no_content(name):
    """Facts are those of the message itself; what it quotes (its parent, files, an edit's editor) is a record of its own elsewhere."""
    sample = json.loads((WIRE / name).read_text())["event"]
    sample["reactions"] = [{"name": "", "count": 2, "users": ["", ""]}]  # the samples are those of new messages, which have none yet
    document = Filled(sample).document
    said = document["message"] if document.get("subtype") == "message_changed" else document
    coverage = Coverage()
    reader = Reader(Space("C1", SpaceKind.CHANNEL), Directory("T1"), coverage, now=2 * 10**15)
    events = reader.events(wire.message(msgspec.Raw(json.dumps(document).encode())))
    coverage.accepted = len(events)
    assert coverage.balanced
    assert bool(events) is (said.get("subtype") in (None, "", "bot_message", "file_share", "me_message", "thread_broadcast"))
    arrived = " ".join(map(kept, events))
    assert "CANARY" not in arrived
    wanted = [said["ts"], said.get("user", ""), *(user for one in said.get("reactions", ()) for user in one["users"])]
    threaded = "thread_ts" in said and "parent_user_id" in said
    wanted += [f"/{said['thread_ts']}/{said['parent_user_id']}"] if threaded else []
    assert [fact for fact in wanted if events and fact not in arrived] == []
    assert bool(coverage.notes["thread_parent_unknown"]) is (bool(events) and "thread_ts" in said and not threaded)


@pytest.mark.parametrize("name", files("slack_samples/scim/*/Users.json"))
def test_every_fact_of_a_user_of_scim_arrives_and_no_content(name):
    made = Filled(json.loads((WIRE / name).read_text()))
    made.document |= {"totalResults": 1, "itemsPerPage": 1, "startIndex": 1}
    (user,) = made.document["Resources"]
    user |= {"active": True, "userName": "ann@x.example", "emails": [mail | {"type": "work"} for mail in user["emails"]]}
    user |= {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "E7", "manager": {"value": "W9"}}}
    coverage = Coverage()
    found = scim.users(cache(lambda _: json.dumps(made.document).encode()), coverage)
    (person,) = scim.people(found, coverage, canonical, "scim", "hr")
    mails = [f"email:{mail['value']}" for mail in user["emails"]]
    assert set(person.handles) == {f"id:scim/{user['id']}", "id:hr/E7", "email:ann@x.example", *mails}
    assert (person.manager, person.zone) == ("id:scim/W9", user["timezone"])
    assert "CANARY" not in f"{person.name} {person.group} {person.team} {person.site} {person.function}"
