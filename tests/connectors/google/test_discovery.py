"""Google's own descriptions of its records: what is asked for exists, and of a record with every field filled no text is kept."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from connectors.base import Coverage
from connectors.google import meetings, people, sent
from connectors.google.login import CONTENT, NEEDED
from connectors.identity import canonical
from connectors.records import read

WIRE = Path(__file__).parents[4] / "shared" / "data" / "wire" / "google_discovery"
NOW = 1_800_000_000_000_000  # 2027-01-15
SENT = 1_780_000_000_000  # 2026-05-28, in milliseconds

FILLED = {"id": "ID7", "iCalUID": "UID7", "dateTime": "2026-07-01T09:00:00+02:00", "email": "ann@acme.example", "status": "confirmed"} | {
    "primaryEmail": "ann@acme.example", "creationTime": "2026-07-01T09:00:00.000Z", "responseStatus": "accepted", "eventType": "default",
    "internalDate": str(SENT), "updated": "2026-07-01T10:00:00Z", "created": "2026-06-30T09:00:00Z", "timeZone": "Europe/Berlin",
    "recurringEventId": "ID1", "visibility": "default", "historyId": "77", "value": "bob@acme.example", "type": "manager",
}  # fmt: skip


def document(name: str) -> dict:
    path = WIRE / name
    if not path.exists():
        pytest.skip("Google's discovery documents are not beside the repository")
    return json.loads(path.read_text())


def filled(schemas: dict, schema: dict, name: str = "", depth: int = 0) -> object:
    """Make a record with every field that the description knows; what has no place among the ids and times is a canary."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kind = schema.get("type")
    if kind == "object":
        known = schema.get("properties", {})
        return {key: filled(schemas, part, key, depth + 1) for key, part in known.items()} if depth < 5 else {}
    if kind == "array":
        return [filled(schemas, schema["items"], name, depth + 1)]
    if kind in ("boolean", "integer", "number"):
        return {"boolean": False, "integer": 3, "number": 1.5}[kind]
    return FILLED.get(name, f"CANARY-{name}")


def kept(value: object) -> str:
    """Everything that a record kept, as text."""
    return json.dumps(msgspec.to_builtins(value, enc_hook=lambda raw: "" if isinstance(raw, msgspec.Raw) else str(raw)), default=str)


def names_in(mask: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]+", mask))


def test_every_field_of_a_mask_is_a_field_that_google_knows():
    gmail, calendar, directory = (document(name)["schemas"] for name in ("gmail.v1.json", "calendar.v3.json", "admin.directory_v1.json"))

    def known(schemas, *wanted):
        return {key for name in wanted for key in schemas[name]["properties"]}

    assert names_in(sent.FIELDS) <= known(gmail, "Message", "MessagePart")
    inner = set(calendar["Event"]["properties"]["organizer"]["properties"])
    assert names_in(meetings.FIELDS) <= known(calendar, "Events", "Event", "EventAttendee") | inner
    loose = {"type", "value", "department", "location", "primary"}  # of values that the description leaves open
    assert names_in(people.FIELDS) <= known(directory, "Users", "User", "UserName") | loose


def test_no_mask_asks_for_content():
    asked = names_in(sent.FIELDS) | names_in(meetings.FIELDS) | names_in(people.FIELDS)
    assert not asked & {
        "snippet",
        "body",
        "raw",
        "summary",
        "description",
        "location_text",
        "attachments",
        "hangoutLink",
        "conferenceData",
        "notes",
    }
    assert not {name.lower() for name in sent.HEADERS} & {"subject", "comments", "keywords"}


def test_scopes_exist_and_none_of_those_asked_for_opens_content():
    scopes = {
        scope
        for name in ("gmail.v1.json", "calendar.v3.json", "admin.directory_v1.json")
        for scope in document(name)["auth"]["oauth2"]["scopes"]
    }
    asked = {scope for needed in NEEDED.values() for scope in needed}
    assert asked <= scopes
    assert not asked & set(CONTENT)


def test_a_mail_with_every_field_filled_keeps_ids_time_and_addresses_and_no_text():
    schemas = document("gmail.v1.json")["schemas"]
    record = filled(schemas, schemas["Message"])
    record["labelIds"] = ["SENT"]
    record["payload"]["headers"] = [
        {"name": "From", "value": "Ann CANARY <Ann@acme.example>"},
        {"name": "TO", "value": '"CANARY, Bob" <bob@acme.example>, CANARY: cem@acme.example;'},
        {"name": "Subject", "value": "CANARY"},
        {"name": "Message-Id", "value": "<m1@acme.example>"},
        {"name": "References", "value": "<m0@acme.example> <m9@acme.example>"},
    ]
    mail = read(json.dumps(record).encode(), sent.Mail)
    head = sent.headers(mail)
    assert "subject" not in head
    coverage = Coverage()
    event = sent.Reader(coverage, NOW, canonical).event(mail)
    assert (event.id, event.sent, event.sender) == ("mail:m1@acme.example", SENT * 1000, "email:ann@acme.example")
    assert [handle for handle, _ in event.recipients] == ["email:bob@acme.example", "email:cem@acme.example"]
    assert (event.reply_to, event.root) == ("mail:m9@acme.example", "mail:m0@acme.example")
    assert "CANARY" not in kept(mail)


def test_an_event_with_every_field_filled_keeps_ids_times_and_people_and_no_text():
    schemas = document("calendar.v3.json")["schemas"]
    record = filled(schemas, schemas["Event"])
    for name in ("start", "end", "originalStartTime"):
        record[name] = {"dateTime": FILLED["dateTime"], "timeZone": "Europe/Berlin"}
    record["organizer"]["email"] = "bob@acme.example"
    record["guestsCanSeeOtherGuests"] = True
    raw = json.dumps(record).encode()
    event = meetings.Reader(Coverage(), NOW, canonical, "email:bob@acme.example").event(msgspec.Raw(raw))
    assert event.id == "meeting:UID7/20260701T070000Z"
    assert (event.sender, event.recipients[0][0], event.minutes) == ("email:bob@acme.example", "email:ann@acme.example", 0.0)
    assert event.revision > 1 << 57  # the organizer's own copy
    assert event.audience == 4  # one guest by name and three (the filled integer) whom that guest brings
    assert "CANARY" not in kept(read(raw, meetings.Meeting))


def test_a_user_with_every_field_filled_keeps_id_addresses_and_manager():
    schemas = document("admin.directory_v1.json")["schemas"]
    record = filled(schemas, schemas["User"])
    record |= {
        "aliases": ["a.nn@acme.example"],
        "name": {"fullName": "Ann Example"},
        "relations": [{"type": "manager", "value": "bob@acme.example"}],
    }
    record |= {"organizations": [{"department": "Sales", "location": "Berlin"}], "externalIds": [{"type": "organization", "value": "E7"}]}
    record |= {"nonEditableAliases": [], "deletionTime": None}
    user = read(json.dumps(record).encode(), people.User)
    (person,) = people.people([user], Coverage(), canonical, "hr")
    assert person.handles == ("id:google/ID7", "email:ann@acme.example", "email:a.nn@acme.example", "id:hr/E7")
    assert (person.name, person.manager, person.group, person.site) == ("Ann Example", "email:bob@acme.example", "Sales", "Berlin")
    assert "CANARY" not in kept(user)
