"""What the connectors read out of the vendor files is what was simulated."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from connectors.base import Coverage, Cursor, open_connector
from connectors.simulated.identities import Identities
from ona.tables import AccountKind, Flag, Kind, Role, SpaceKind


def _read(name, **section):
    connector, coverage = open_connector(name, section), Coverage()
    events = list(connector.events(coverage, Cursor()))
    coverage.accepted = sum(event.rows for event in events)
    assert coverage.balanced
    return events, coverage


@dataclass(frozen=True)
class Directory:
    """The simulated events of a company, and its accounts as the connectors name them."""

    made: object
    identities: Identities

    def rows(self, *kinds):
        events = self.made.events()
        sent = events["sent"].cast(pa.int64())
        wanted = pc.is_in(events["kind"], pa.array(kinds, pa.uint8()))
        return events.drop_columns("sent").append_column("sent", sent).filter(wanted).to_pylist()

    def mail(self, account):
        return f"email:{self.identities.of(account).email}"

    def mailed(self, row):
        """Sender, recipients with roles, by address."""
        return self.mail(row["sender"]), tuple(sorted((self.mail(r["account"]), r["role"]) for r in row["recipients"]))

    def chatted(self, row):
        """Sender and recipients, by Slack account."""
        of = self.identities.of
        return of(row["sender"]).handle, tuple(sorted(of(r["account"]).handle for r in row["recipients"]))

    def kind(self, account):
        return self.identities.of(account).kind


@pytest.fixture(scope="module")
def directory(made):
    return Directory(made, Identities(made))


def _with_roles(event, alias):
    return alias.get(event.sender, event.sender), tuple(sorted((alias.get(h, h), int(role)) for h, role in event.recipients))


def test_every_mail_comes_back_with_its_people_roles_time_and_thread(inbox, directory):
    events, coverage = _read("mbox", path=inbox.mail)
    alias = {f"email:{a}": f"email:{p.email}" for p in directory.identities.known.values() for a in p.aliases}
    found = Counter((e.sent, _with_roles(e, alias), e.audience, e.reply_to is None) for e in events)
    rows = directory.rows(Kind.MAIL)
    assert found == Counter((row["sent"], directory.mailed(row), row["audience"], row["reply_to"] is None) for row in rows)
    assert not coverage.quarantined


def test_threads_and_marks_of_mail_come_back(inbox, directory):
    events, _ = _read("mbox", path=inbox.mail)
    by_id = {event.id: event for event in events}
    rows = directory.rows(Kind.MAIL)
    assert all(event.root in by_id and event.reply_to in by_id for event in events if event.reply_to)
    for flag in (Flag.LIST, Flag.AUTO_SUBMITTED):
        assert sum(bool(e.flags & flag) for e in events) == sum(bool(row["flags"] & flag) for row in rows) > 0
    chains = Counter(Counter(e.root for e in events if e.root).values())
    assert chains == Counter(Counter(row["root"] for row in rows if row["root"]).values())


def test_every_message_and_reaction_comes_back_with_its_people(inbox, directory):
    events, coverage = _read("slack_export", path=inbox.slack, private=True, direct=True)
    people = {p.handle for p in directory.identities.known.values() if p.kind == AccountKind.MEMBER}
    rows = directory.rows(Kind.MESSAGE, Kind.REACTION)
    assert Counter(e.kind for e in events) == Counter(Kind(row["kind"]) for row in rows)
    written = [e for e in events if e.sender in people]
    said = [row for row in rows if directory.kind(row["sender"]) == AccountKind.MEMBER]
    found = Counter((int(e.kind), int(e.space_kind), e.sender, tuple(sorted(h for h, _ in e.recipients))) for e in written)
    assert found == Counter((row["kind"], row["space_kind"], *directory.chatted(row)) for row in said)
    stamps = Counter((row["sent"], directory.chatted(row)[0]) for row in said if row["kind"] == Kind.MESSAGE)
    assert Counter((e.sent, e.sender) for e in written if e.kind == Kind.MESSAGE) == stamps
    assert set(coverage.dropped) == {"join_leave_noise"}
    assert not coverage.quarantined


def test_threads_mentions_and_bots_of_chat_come_back(inbox, directory):
    events, _ = _read("slack_export", path=inbox.slack, private=True, direct=True)
    rows = directory.rows(Kind.MESSAGE)
    ids = {event.id for event in events}
    said = [event for event in events if event.kind == Kind.MESSAGE]
    assert all(event.root in ids for event in said if event.root)
    assert sum(e.root is not None for e in said) == sum(row["root"] is not None for row in rows)
    for flag in (Flag.BOT, Flag.BROADCAST):
        assert sum(bool(e.flags & flag) for e in said) == sum(bool(row["flags"] & flag) for row in rows) > 0
    mentions = sum(r["role"] == Role.MENTIONED for row in rows for r in row["recipients"])
    assert sum(role == Role.MENTIONED for e in said for _, role in e.recipients) == mentions > 0
    assert {int(e.space_kind) for e in said} == {row["space_kind"] for row in rows} >= {SpaceKind.DIRECT, SpaceKind.GROUP}


def test_every_meeting_comes_back_with_its_answers(made, inbox, directory):
    """Rooms are attendees in the file and places to the connector; cancelled meetings are left to its own tests."""
    start = made.plan.start
    events, coverage = _read("ics", path=inbox.calendar, window_start=start, window_end=start + timedelta(days=made.plan.days))
    newest = {e.id: e for e in sorted(events, key=lambda e: e.revision)}  # an exception replaces what its rule gave
    held = [row for row in directory.rows(Kind.MEETING) if not row["flags"] & Flag.CANCELLED]
    for row in held:
        row["recipients"] = [r for r in row["recipients"] if directory.kind(r["account"]) != AccountKind.ROOM]
    found = Counter((e.sent, _with_roles(e, {}), e.minutes) for e in newest.values() if not e.flags & Flag.CANCELLED)
    assert found == Counter((row["sent"], directory.mailed(row), row["minutes"]) for row in held if row["recipients"])
    assert not coverage.quarantined
    assert len({e.series for e in events if e.series}) == len({row["series"] for row in directory.rows(Kind.MEETING) if row["series"]})


def test_everybody_comes_back_from_the_hr_table(made, inbox, directory):
    coverage = Coverage()
    people = list(open_connector("people", {"path": inbox.people}).people(coverage))
    listed = [row for row in made.people.to_pylist() if row["kind"] != AccountKind.TECHNICAL]
    assert len(people) == coverage.read == len(listed)
    by_mail = {next(h for h in p.handles if h.startswith("email:")): p for p in people}
    for row in listed:
        person = by_mail[directory.mail(row["person"])]
        stated = (person.kind, person.work_days, person.level, person.joined, person.left, person.service_role, person.named_lead)
        assert stated == tuple(row[n] for n in ("kind", "work_days", "level", "joined", "left", "service_role", "named_lead"))
        assert (person.manager is None) == (row["manager"] is None)
        assert person.fte == pytest.approx(row["fte"])
    assert 0.6 < sum(p.named_on_map for p in people) / 60 < 0.95  # 80 % of 60, three standard errors


def test_every_badge_comes_back_from_table_and_files(made, inbox):
    places = (("badges_table", inbox.badges), ("badges_open_badges", inbox.open_badges))
    badges = [badge for name, path in places for badge in open_connector(name, {"path": path}).badges(Coverage())]
    parts = ("name", "issuer", "issued_on", "expires_on", "standard")
    wanted = Counter(tuple(badge[part] for part in parts) for badge in made.badges.to_pylist())
    assert Counter(tuple(getattr(badge, part) for part in parts) for badge in badges) == wanted
