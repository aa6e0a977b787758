"""The vendor files of a simulated company, read back with the standard library alone."""

import contextlib
import csv
import hashlib
import json
import mailbox
import re
import zipfile
from collections import Counter
from datetime import UTC, datetime

import pyarrow.compute as pc
import pytest

from connectors.simulated.files import CANARY, write_company
from connectors.simulated.identities import Identities
from ona.simulate.company import company
from ona.tables import AccountKind, Kind, SpaceKind


def _digests(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def archive(inbox):
    with zipfile.ZipFile(inbox.slack) as opened:
        yield opened


def _count(made, kind):
    return pc.sum(pc.equal(made.events()["kind"], int(kind))).as_py()


def test_the_same_company_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_company(company(people=50, weeks=1, seed=2), tmp_path / name / "inbox")
    assert _digests(tmp_path / "a") == _digests(tmp_path / "b")


def test_the_truth_lies_beside_the_inbox_and_nowhere_inside(made, inbox):
    assert inbox.truth.parent == inbox.folder.parent
    with inbox.truth.open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == made.truth.num_rows
    inside = (inbox.people.read_text(encoding="utf-8") + inbox.badges.read_text(encoding="utf-8")).lower()
    assert not re.search("helper|broker|serial_replier|hoarder", inside)


def test_the_export_has_slacks_lists_and_one_file_per_channel_and_day(archive):
    names = archive.namelist()
    assert len(set(names)) == len(names)
    assert {"users.json", "channels.json", "groups.json", "dms.json", "mpims.json"} <= set(names)
    rooms = {r.get("name", r["id"]) for f in ("channels", "groups", "mpims") for r in json.loads(archive.read(f"{f}.json"))}
    rooms |= {r["id"] for r in json.loads(archive.read("dms.json"))}
    days = [name.split("/") for name in names if "/" in name]
    assert {folder for folder, _ in days} <= rooms
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d\.json", day) for _, day in days)


def _messages(archive):
    return [(name, m) for name in archive.namelist() if "/" in name for m in json.loads(archive.read(name))]


def test_every_message_and_reaction_is_in_the_export_once(made, archive):
    messages = [m for _, m in _messages(archive) if m.get("subtype") != "channel_join"]
    assert len(messages) == _count(made, Kind.MESSAGE)
    assert sum(r["count"] for m in messages for r in m.get("reactions", [])) == _count(made, Kind.REACTION)
    assert all(r["count"] == len(set(r["users"])) for m in messages for r in m.get("reactions", []))


def test_parents_of_threads_carry_the_count_of_their_replies(archive):
    messages = _messages(archive)
    replies = Counter((name.split("/")[0], m["thread_ts"]) for name, m in messages if m.get("parent_user_id"))
    parents = {(name.split("/")[0], m["ts"]): m for name, m in messages if "reply_count" in m}
    assert parents.keys() == replies.keys()
    assert all(parents[key]["reply_count"] == number == len(parents[key]["replies"]) for key, number in replies.items())


def test_some_messages_lie_in_the_file_of_another_utc_day(archive):
    stray = [name for name, m in _messages(archive) if name[-15:-5] != str(datetime.fromtimestamp(float(m["ts"]), UTC).date())]  # fmt: skip
    assert stray


def test_users_carry_mail_zone_and_whether_they_are_bots_or_gone(made, archive):
    users = json.loads(archive.read("users.json"))
    kinds = Counter(made.people["kind"].to_pylist())
    assert sum(u["is_bot"] for u in users) == kinds[AccountKind.BOT]
    assert sum(not u["is_bot"] for u in users) == kinds[AccountKind.MEMBER]
    assert all(u["profile"]["email"].endswith("@acme.example") for u in users if not u["is_bot"])
    assert sum(u["deleted"] for u in users) == 60 - pc.sum(pc.is_null(made.people["left"])).as_py() + made.people.num_rows - 60


def test_the_mailbox_opens_with_the_standard_reader(made, inbox):
    with contextlib.closing(mailbox.mbox(inbox.mail, create=False)) as box:
        mails = list(box)
    assert len(mails) == _count(made, Kind.MAIL)
    assert len({m["Message-ID"] for m in mails}) == len(mails)
    assert all(m["From"] and m["Date"] and CANARY in m["Subject"] and CANARY in m.get_payload() for m in mails)
    known = {m["Message-ID"] for m in mails}
    assert all(m["In-Reply-To"] in known for m in mails if m["In-Reply-To"])
    assert any(">From" in m.get_payload() for m in mails)
    assert any(m["List-Id"] for m in mails)
    assert any(m["Auto-Submitted"] == "auto-generated" for m in mails)


def test_addresses_are_written_in_more_than_one_spelling(inbox):
    text = inbox.mail.read_text(encoding="utf-8")
    assert "@ACME.EXAMPLE" in text
    assert "+news@acme.example" in text


def test_calendar_lines_are_folded_and_blocks_are_closed(inbox):
    raw = inbox.calendar.read_bytes()
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 75  # octets, RFC 5545 section 3.1
    assert b"\n" not in raw.replace(b"\r\n", b"")
    unfolded = raw.replace(b"\r\n ", b"").decode("utf-8").split("\r\n")
    opened = Counter(line[6:] for line in unfolded if line.startswith("BEGIN:"))
    assert opened == Counter(line[4:] for line in unfolded if line.startswith("END:"))
    for wanted in ("RRULE:FREQ=WEEKLY", "RECURRENCE-ID", "STATUS:CANCELLED", "PARTSTAT=DECLINED", "Standard Time"):
        assert any(wanted in line for line in unfolded)


def test_the_hr_table_forms_one_tree(inbox):
    with inbox.people.open(encoding="utf-8", newline="") as stream:
        rows = {row["employee_id"]: row for row in csv.DictReader(stream)}
    members = [row for row in rows.values() if row["kind"] == "member"]
    assert len(members) == 60
    assert [row["level"] for row in members if not row["manager_id"]] == ["1"]
    assert all(row["manager_id"] in rows for row in members if row["manager_id"])
    assert all(re.fullmatch(r"slack:T0ACME/U[0-9A-Z]+", row["slack_id"]) for row in members)
    assert len({row["email"] for row in rows.values()}) == len(rows)


def test_open_badges_files_of_both_versions_name_their_holder(made, inbox):
    documents = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(inbox.open_badges.glob("*.json"))]
    standards = Counter(made.badges["standard"].to_pylist())
    assert sum(d["type"] == "Assertion" for d in documents) == standards["ob2"] > 0
    assert sum("OpenBadgeCredential" in d["type"] for d in documents) == standards["ob3"] > 0
    mails = [identity.email for identity in Identities(made).known.values()]
    for document in documents:
        if document["type"] == "Assertion":
            salt, wanted = document["recipient"]["salt"], document["recipient"]["identity"]
            assert any(f"sha256${hashlib.sha256((mail + salt).encode()).hexdigest()}" == wanted for mail in mails)


def test_every_content_field_holds_a_canary(archive, inbox):
    for name, message in _messages(archive):
        assert CANARY in message["text"], name
        for block in message.get("blocks", []):
            assert CANARY in json.dumps(block)
        assert all(CANARY in reaction["name"] for reaction in message.get("reactions", []))
        assert all(CANARY in file["name"] for file in message.get("files", []))
    for room in json.loads(archive.read("channels.json")):
        assert CANARY in room["topic"]["value"]
        assert CANARY in room["purpose"]["value"]
    for user in json.loads(archive.read("users.json")):
        assert CANARY in user["profile"]["title"]
        assert CANARY in user["profile"]["status_text"]
    calendar = inbox.calendar.read_bytes().replace(b"\r\n ", b"").decode("utf-8").split("\r\n")
    for field in ("SUMMARY", "DESCRIPTION", "LOCATION"):
        assert all(CANARY in line for line in calendar if line.startswith(field + ":"))
    assert all(CANARY in p.read_text(encoding="utf-8") for p in (inbox.badges, *inbox.open_badges.glob("*.json")))


def test_direct_conversations_are_listed_with_their_two_people(made, archive):
    directs = made.events().filter(pc.equal(made.events()["space_kind"], int(SpaceKind.DIRECT)))
    listed = json.loads(archive.read("dms.json"))
    assert len(listed) == pc.count_distinct(directs["space"]).as_py()
    assert all(len(set(room["members"])) == 2 for room in listed)
