"""Microsoft's own sample answers: every id, time and recipient that they hold arrives, no text does."""

import json
from pathlib import Path

import pytest

from connectors.base import Coverage
from connectors.identity import COMMON_RULES
from connectors.microsoft import meetings, people, sent, trace
from connectors.microsoft.graph import Answer, page_of
from connectors.pages import PageError
from connectors.records import present, read

WIRE = Path(__file__).parents[4] / "shared" / "data" / "wire"
NOW = 1_800_000_000_000_000  # 2027-01-15


def sample(folder: str, name: str) -> bytes:
    path = WIRE / folder / name
    if not path.exists():
        pytest.skip("Microsoft's sample answers are not beside the repository")
    return path.read_bytes()


def rest_of(found: object) -> str:
    """Everything that a record kept, as text."""
    return " ".join(
        repr(getattr(found, name)) if not hasattr(getattr(found, name), "__struct_fields__") else rest_of(getattr(found, name))
        for name in found.__struct_fields__
    )  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_page_of_mail_gives_every_id_sender_and_link_and_no_subject(number):
    body = sample("graph_examples", f"delta-query-messages.{number}.json")
    plain = json.loads(body)
    page = page_of(body)
    assert (page.next, page.final) == (plain.get("@odata.nextLink"), plain.get("@odata.deltaLink"))
    mails = [read(item, sent.Mail) for item in page.items]
    assert [mail.id for mail in mails] == [item["id"] for item in plain["value"]]
    assert [mail.sender.raw if mail.sender else None for mail in mails] == [
        item["sender"]["emailAddress"]["address"] if "sender" in item else None for item in plain["value"]
    ]
    assert [present(mail.removed) for mail in mails] == ["@removed" in item for item in plain["value"]]
    for mail, item in zip(mails, plain["value"], strict=True):
        assert item.get("subject", "\0") not in rest_of(mail)
        assert item.get("sender", {}).get("emailAddress", {}).get("name", "\0") not in rest_of(mail)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_page_of_users_gives_every_id_and_name(number):
    body = sample("graph_examples", f"delta-query-users.{number}.http200.json")
    plain = json.loads(body)
    users = [read(item, people.User) for item in page_of(body).items]
    assert [(user.id, user.display_name) for user in users] == [(item["id"], item.get("displayName")) for item in plain["value"]]
    assert [present(user.removed) for user in users] == ["@removed" in item for item in plain["value"]]


@pytest.mark.parametrize(
    "name", ["members.1", "members.2", "members.3", "transitivemembers.1", "transitivemembers.3", "transitivemembers.4"]
)
def test_a_page_of_members_gives_every_id_and_address(name):
    body = sample("graph_examples", f"group-list-{name}.http200.json")
    members = [read(item, people.User) for item in page_of(body).items]
    assert [(one.id, one.mail) for one in members] == [(item.get("id"), item.get("mail")) for item in json.loads(body)["value"]]


def test_an_answer_that_is_not_json_is_a_page_error_that_repeats_nothing():
    body = sample("graph_examples", "group-list-transitivemembers.2.http200.txt")  # the sample has commas too many
    with pytest.raises(PageError) as caught:
        page_of(body)
    assert "Executives" not in str(caught.value)


@pytest.mark.parametrize(("number", "code"), [(1, "invalidRange"), (2, ""), (3, "")])
def test_an_error_is_told_from_a_page_whatever_its_status(number, code):
    body = sample("graph_examples", f"errors.{number}.json")
    assert read(body, Answer).code == code
    with pytest.raises(PageError) as caught:
        page_of(body)
    assert "overlaps" not in str(caught.value)


def test_an_appointment_keeps_its_id_and_drops_its_reminder():
    body = sample("graph_examples", "calendar-list-calendarview.1.http200.json")
    (item,) = page_of(body).items
    meeting = read(item, meetings.Meeting)
    assert meeting.uid == "iCalUId-value"
    coverage = Coverage()
    reader = meetings.Reader(coverage, NOW, sent.addresses(COMMON_RULES), lambda _: None)
    assert reader.event(item) is None
    assert coverage.dropped == {"no_organizer": 1}  # the sample is cut short


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_trace_gives_message_sender_recipient_and_time_and_neither_subject_nor_internet_address(number):
    body = sample("graph_message_trace", f"list-messagetraces.{number}.http200.json")
    (plain,) = json.loads(body)["value"]
    coverage = Coverage()
    (event,) = trace.Reader(coverage, NOW, sent.addresses(COMMON_RULES)).events(page_of(body).items)
    assert event.id == f"mail:{plain['messageId'].strip('<>')}"
    assert event.sender == f"email:{plain['senderAddress']}"
    assert [handle for handle, _ in event.recipients] == [f"email:{plain['recipientAddress']}"]
    assert event.sent % 60_000_000 == int(plain["receivedDateTime"][17:19]) * 1_000_000
    (row,) = (read(item, trace.Row) for item in page_of(body).items)
    assert row.id == plain["id"]
    assert plain["subject"] not in rest_of(row)
    assert plain["fromIP"] not in rest_of(row)
