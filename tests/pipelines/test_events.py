"""Events reach the buffer once, whatever their order, their batches, or what kills the pull."""

import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from connectors.base import Coverage, Cursor, RawEvent, RawPerson
from connectors.identity import event_id
from ona.errors import TryLaterError
from ona.tables import EVENTS, OUT_OF_HOURS, Flag, Kind, Role, SpaceKind, check
from pipelines.intake.events import last_events, pull_events, retire
from pipelines.intake.merging import merge
from pipelines.intake.people import object_person, places, pull_people
from pipelines.intake.pseudonyms import keyed
from pipelines.keys import create_key
from pipelines.schema import PULL_COUNTS, PULLS, STALE
from pipelines.settings import load_settings
from pipelines.storage.workspace import Workspace, open_workspace
from tests.pipelines.conftest import NOW, Events, People, handle, mail, microseconds

Opened = Callable[..., AbstractContextManager[Workspace]]
START = datetime(2026, 8, 31)


def company(n: int = 400, seed: int = 0) -> list[RawEvent]:
    """Return four weeks of mails, messages, reactions and meetings among 20 people, with copies that differ."""
    rng = random.Random(seed)
    names = [f"p{i}" for i in range(20)]
    events = []
    for number in range(n):
        at = microseconds(START) + rng.randrange(28 * 86400) * 1_000_000
        kind = rng.choice(list(Kind))
        to = tuple((handle(name), rng.choice(list(Role))) for name in rng.sample(names, rng.randrange(4)))
        where = (f"slack:T/C{rng.randrange(3)}", SpaceKind.CHANNEL) if kind is Kind.MESSAGE else (None, None)
        root = f"e{rng.randrange(number + 1)}" if rng.random() < 0.5 else None
        lead = rng.choice([None, 40_000, 3])
        event = RawEvent(
            f"e{number}",
            kind,
            at,
            handle(rng.choice(names)),
            to,
            len(to),
            *where,
            root,
            root,
            lead_hours=lead,
            flags=rng.choice([0, Flag.LIST]),
        )
        events.append(event)
        if rng.random() < 0.2:
            events.append(replace(event, revision=rng.randrange(3), recipients=to[:1], sender=handle(rng.choice(names))))
    return events


def stored(ws: Workspace) -> dict[str, bytes]:
    return {file.part: (ws.lake.root / file.path).read_bytes() for file in ws.lake.files("events")}


def rows(ws: Workspace) -> list[dict[str, object]]:
    return ws.lake.read("events").sort_by("sent").to_pylist()


def leftovers(ws: Workspace) -> list[Path]:
    named = {*ws.lake.paths("events"), *ws.lake.paths("event_digests")}
    return [path for place in (ws.lake.root, ws.lake.temporary()) for path in place.rglob("*") if path.is_file() and path not in named]


def test_an_event_is_stored_with_every_field(ws: Workspace) -> None:
    event = RawEvent(
        "slack:T/C/1/U1", Kind.MESSAGE, microseconds(datetime(2026, 9, 7, 9, 30)), handle("a"), ((handle("b"), Role.MENTIONED),), 9,
        "slack:T/C", SpaceKind.CHANNEL, "slack:T/C/0/U2", "slack:T/C/0/U2", "series:1", 48, 30.0, Flag.BROADCAST | Flag.BOT, 7,
    )  # fmt: skip
    report = pull_events(ws, "slack", Events([event]))
    [row] = check(ws.lake.read("events"), EVENTS).to_pylist()
    a, b = ws.vault.accounts([handle("a"), handle("b")])
    ids = {name: row.pop(name) for name in ("event", "space", "root", "reply_to", "series")}
    assert ids["event"] == event_id(ws.keys.event, "slack:T/C/1/U1")
    assert ids["root"] == ids["reply_to"] == event_id(ws.keys.event, "slack:T/C/0/U2")
    assert len({ids["event"], ids["root"], ids["space"], ids["series"], None}) == 5
    assert row == {
        "source": "slack",
        "kind": Kind.MESSAGE,
        "sent": datetime(2026, 9, 7, 9, 30),
        "week": date(2026, 9, 7),
        "day": date(2026, 9, 7),
        "bin": 9,
        "sender": a,
        "recipients": [{"account": b, "role": Role.MENTIONED}],
        "audience": 9,
        "space_kind": SpaceKind.CHANNEL,
        "lead_hours": 48,
        "minutes": 30.0,
        "flags": Flag.BROADCAST | Flag.BOT,
        "revision": 7,
    }
    assert (report.accepted, report.parts, report.balanced) == (1, ("2026-W37",), True)
    assert (report.first, report.last) == (datetime(2026, 9, 7, 9, 30),) * 2


def test_the_quick_digest_equals_the_published_one() -> None:
    for length in (0, 1, 63, 64, 65, 300):
        text = "é" * length
        assert keyed(b"k" * 32)(text) == event_id(b"k" * 32, text)


def test_the_same_file_twice_shuffled_in_any_batch_gives_the_same_bytes(ws: Workspace, open_at: Opened, tmp_path: Path) -> None:
    events = company()
    first = pull_events(ws, "files", Events(events))
    expected = stored(ws)
    again = pull_events(ws, "files", Events(events))
    assert (again.accepted, again.duplicate, again.parts) == (0, first.read, ())
    assert stored(ws) == expected
    for seed, batch in enumerate((1, 7, 1000)):
        other = tmp_path / f"other{seed}"
        other.mkdir()
        (other / "key").write_bytes((ws.home / "key").read_bytes())
        (other / "key").chmod(0o600)
        with open_at(home=other, service_url=f"sqlite:///{other}/s.sqlite", vault_url=f"sqlite:///{other}/v.sqlite") as shuffled:
            mixed = random.Random(seed).sample(events, len(events))
            half = len(mixed) // 2
            for part in (mixed[:half], mixed[half // 2 :]):
                report = pull_events(shuffled, "files", Events(part), batch=batch)
                assert report.balanced
            assert stored(shuffled) == expected


def test_small_spools_change_nothing(ws: Workspace, open_at: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pull_events(ws, "files", Events(company()))
    monkeypatch.setattr("pipelines.intake.spool.SPOOLED_ROWS", 10)
    assert pull_events(ws, "files", Events(company()), batch=3).parts == ()


def test_every_row_is_accounted_for_and_the_account_is_stored(ws: Workspace) -> None:
    future, old = mail("f", "a", "b", at=NOW + timedelta(hours=25)), mail("o", "a", "b", at=datetime(1970, 1, 1))
    given = [replace(mail("1", "a", "b"), rows=3), replace(mail("1", "a", "b"), rows=2), future, old]
    report = pull_events(ws, "mbox", Events(given))
    assert (report.read, report.accepted, report.duplicate) == (7, 3, 2)
    assert report.quarantined == {"future": 1, "implausible_time": 1}
    assert report.balanced
    assert report.to_json()["quarantined"] == {"future": 1, "implausible_time": 1}
    [pull] = ws.service.rows(sa.select(PULLS))
    counts = {(row.fate, row.code): row.rows for row in ws.service.rows(sa.select(PULL_COUNTS))}
    assert (pull.read, pull.accepted, pull.duplicate) == (7, 3, 2)
    assert counts == {("quarantined", "future"): 1, ("quarantined", "implausible_time"): 1}


def test_times_beyond_any_calendar_are_quarantined(ws: Workspace) -> None:
    given = [replace(mail(str(n), "a", "b"), sent=sent) for n, sent in enumerate((-1, 0, 10**19, -(10**19)))]
    assert pull_events(ws, "mbox", Events(given)).quarantined == {"future": 1, "implausible_time": 3}


def test_a_clock_that_runs_ahead_does_not_move_the_watermark_past_now(ws: Workspace) -> None:
    report = pull_events(ws, "mbox", Events([mail("1", "a", "b", at=NOW + timedelta(hours=23))]))
    assert report.accepted == 1
    assert last_events(ws) == {"mbox": NOW + timedelta(minutes=5)}


def test_of_several_copies_the_highest_revision_wins_then_the_widest_audience(ws: Workspace) -> None:
    low, wide, high = mail("1", "a", "b"), mail("1", "b", "c", "d"), replace(mail("1", "c", "d"), revision=1)
    for given, sender in (([low, wide], "b"), ([high], "c"), ([low], "c")):
        pull_events(ws, "mbox", Events(given))
        [row] = rows(ws)
        assert row["sender"] == ws.vault.accounts([handle(sender)])[0]


def test_between_copies_that_differ_in_a_role_alone_the_same_one_wins_in_any_order(ws: Workspace) -> None:
    to = mail("1", "a", "b")
    cc = replace(to, recipients=((handle("b"), Role.CC),))
    won = set()
    for number in range(8):
        for given in ([to, cc], [cc, to]):
            home = [replace(event, id=f"{event.id}{number}") for event in given]
            pull_events(ws, "mbox", Events(home[:1]))
            pull_events(ws, "mbox", Events(home[1:]))
            won.add((number, str(rows(ws)[-1]["recipients"])))
            ws.lake.write("events", "2026-W37", EVENTS.empty())
    assert len(won) == 8


def test_one_mail_from_two_systems_is_one_event(ws: Workspace) -> None:
    pull_events(ws, "mbox", Events([mail("1", "a", "b")]))
    report = pull_events(ws, "gmail", Events([mail("1", "a", "b")]))
    assert (report.duplicate, len(rows(ws))) == (1, 1)


@pytest.mark.parametrize("together", [True, False])
def test_a_meeting_put_off_to_another_week_counts_once(ws: Workspace, together: bool) -> None:
    before = RawEvent("meeting:1/", Kind.MEETING, microseconds(datetime(2026, 9, 3)), handle("a"), ((handle("b"), Role.ACCEPTED),))
    after = replace(before, sent=microseconds(datetime(2026, 9, 17)), revision=1)
    for given in [[after, before]] if together else [[before], [after], [before]]:
        assert pull_events(ws, "ics", Events(given)).balanced
    assert [row["sent"] for row in rows(ws)] == [datetime(2026, 9, 17)]


def test_recipients_are_sorted_told_once_and_counted_before_anybody_is_dropped(ws: Workspace) -> None:
    [objector] = ws.vault.link([_known("x")]).persons
    object_person(ws, objector)
    event = mail("1", "a", "b", "x", "c", "b", "a")
    event = replace(event, recipients=(*event.recipients, (handle("c"), Role.CC)))
    report = pull_events(ws, "mbox", Events([event]))
    [row] = rows(ws)
    a, b, c = ws.vault.accounts([handle(name) for name in "abc"])
    assert row["recipients"] == sorted(({"account": account, "role": Role.TO} for account in (a, b, c)), key=lambda r: r["account"])
    assert row["audience"] == 3  # b, c and the one who objected; the sender is not counted
    assert report.notes == {"recipients_objected_or_protected": 1}


def _known(name: str) -> object:
    from pipelines.storage.vault import Known

    return Known((handle(name),))


def test_events_of_people_who_objected_or_are_protected_are_dropped(ws: Workspace) -> None:
    people = [RawPerson((handle("x"),), objected=True), RawPerson((handle("y"),), protected=True), RawPerson((handle("a"),))]
    pull_people(ws, "people", People(people))
    channel = RawEvent("m", Kind.MESSAGE, microseconds(START), handle("a"), ((handle("x"), Role.MENTIONED),), 0, "C", SpaceKind.CHANNEL)
    given = [mail("1", "x", "a"), mail("2", "y", "a"), mail("3", "a", "x"), mail("4", "a", "x", "b"), channel]
    report = pull_events(ws, "mbox", Events(given))
    assert report.dropped == {"objected_or_protected": 3}
    assert report.balanced
    assert sorted(len(row["recipients"]) for row in rows(ws)) == [0, 1]


def test_the_day_is_the_senders_own(ws: Workspace) -> None:
    """22:30 UTC on Sunday is Monday 07:30 in Tokyo, in working hours only from 8 on; New York is still at 18:30 on Sunday."""
    zones = {"t": "Asia/Tokyo", "n": "America/New_York", "u": None}
    pull_people(ws, "people", People([RawPerson((handle(name),), zone=zone) for name, zone in zones.items()]))
    at = datetime(2026, 9, 6, 22, 30)
    given = [mail(name, name, "b", at=at) for name in zones] + [mail("later", "t", "b", at=at + timedelta(minutes=30))]
    pull_events(ws, "mbox", Events(given))
    found = {(row["sender"], row["sent"]): (row["day"], row["week"], row["bin"]) for row in rows(ws)}
    t, n, u = ws.vault.accounts([handle(name) for name in "tnu"])
    assert found[t, at] == (date(2026, 9, 7), date(2026, 9, 7), 7 + OUT_OF_HOURS)
    assert found[t, at + timedelta(minutes=30)] == (date(2026, 9, 7), date(2026, 9, 7), 8)
    assert found[n, at] == (date(2026, 9, 6), date(2026, 8, 31), 18 + OUT_OF_HOURS)
    assert found[u, at] == (date(2026, 9, 6), date(2026, 8, 31), 22 + OUT_OF_HOURS)
    assert ws.lake.parts("events") == ["2026-W36"]  # storage goes by UTC


def test_an_hour_that_the_clock_strikes_twice_keeps_its_day(ws: Workspace) -> None:
    """On 2025-10-26 Berlin's clock goes back: 00:30 and 01:30 UTC are both 02:30."""
    pull_people(ws, "people", People([RawPerson((handle("a"),), zone="Europe/Berlin")]))
    pull_events(ws, "mbox", Events([mail(str(h), "a", "b", at=datetime(2025, 10, 26, h, 30)) for h in (0, 1)]))
    assert [(row["day"], row["bin"]) for row in rows(ws)] == [(date(2025, 10, 26), 2 + OUT_OF_HOURS)] * 2


def test_a_person_off_on_friday_is_out_of_hours_on_friday(ws: Workspace) -> None:
    pull_people(ws, "people", People([RawPerson((handle("a"),), work_days=0b01111)]))
    pull_events(ws, "mbox", Events([mail(str(day), "a", "b", at=datetime(2026, 9, day, 9)) for day in (10, 11)]))
    assert [row["bin"] for row in rows(ws)] == [9, 9 + OUT_OF_HOURS]  # 2026-09-11 is a Friday


def test_a_reused_address_is_two_accounts(ws: Workspace) -> None:
    old = RawPerson(("id:hr/1", handle("a")), left=date(2026, 9, 1), joined=date(2020, 1, 1))
    pull_people(ws, "people", People([old, RawPerson(("id:hr/2", handle("a")), joined=date(2026, 9, 10))]))
    days = (datetime(2026, 8, 31, 9), datetime(2026, 9, 9, 23, 59), datetime(2026, 9, 10))
    pull_events(ws, "mbox", Events([mail(str(n), "a", "b", at=at) for n, at in enumerate(days)]))
    owner = {row["account"]: row["person"] for row in ws.vault.accounts_table().to_pylist()}
    one, other = (ws.vault.person_of(f"id:hr/{n}") for n in (1, 2))
    assert [owner[row["sender"]] for row in rows(ws)] == [one, one, other]


def test_a_retired_week_keeps_its_ids_and_knows_late_copies(ws: Workspace) -> None:
    old, new = mail("1", "a", "b", at=START), mail("2", "a", "b", at=NOW - timedelta(days=1))
    pull_events(ws, "mbox", Events([old, new]))
    assert retire(ws, 21) == ["2026-W36"]
    assert ws.lake.parts("events") == ["2026-W39"]
    report = pull_events(ws, "mbox", Events([old, new, mail("3", "a", "b", at=START)]))
    assert (report.duplicate, report.dropped, report.balanced) == (2, {"late": 1}, True)
    [stale] = ws.service.rows(sa.select(STALE))
    assert (stale.part, stale.late) == ("2026-W36", 1)
    assert ws.lake.parts("events") == ["2026-W39"]
    assert leftovers(ws) == []


def test_a_week_is_kept_as_long_as_the_settings_say(ws: Workspace) -> None:
    """The week ends on 2026-09-07; 21 days later is the day of the test, 22 days later is not."""
    pull_events(ws, "mbox", Events([mail("1", "a", "b", at=START)]))
    assert retire(ws, 22) == []
    assert retire(ws, 21) == ["2026-W36"]


def test_a_dry_run_counts_the_same_and_stores_nothing(ws: Workspace) -> None:
    dry = pull_events(ws, "files", Events(company()), dry_run=True)
    assert dry.dry_run
    assert (ws.lake.parts("events"), ws.vault.accounts_table().num_rows, ws.service.rows(sa.select(PULLS))) == ([], 0, [])
    wet = pull_events(ws, "files", Events(company()))
    assert (dry.read, dry.accepted, dry.duplicate) == (wet.read, wet.accepted, wet.duplicate)


def test_the_cursor_is_stored_with_the_rows_and_given_back(ws: Workspace) -> None:
    class Resuming(Events):
        seen: list[dict[str, str]] = []  # noqa: RUF012
        cursor = Cursor({"C1": "17"})

        def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
            self.seen.append(dict(cursor.streams))
            return super().events(coverage, cursor)

    for _ in range(2):
        pull_events(ws, "slack", Resuming([mail("1", "a", "b")]))
    assert Resuming.seen == [{}, {"C1": "17"}]


def test_progress_tells_rows_and_total(ws: Workspace) -> None:
    told: list[tuple[str, int, int | None]] = []
    events = company(20)
    pull_events(ws, "files", Events(events), batch=10, progress=lambda *step: told.append(step))
    assert told[0] == ("files", 10, len(events))
    assert told[-1] == ("files", len(events), len(events))


def test_a_connector_that_breaks_leaves_the_buffer_as_it_was(ws: Workspace) -> None:
    pull_events(ws, "mbox", Events([mail("1", "a", "b")]))
    before = stored(ws)

    class Breaking(Events):
        def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
            yield from super().events(coverage, cursor)
            raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        pull_events(ws, "mbox", Breaking(company()), batch=10)
    assert stored(ws) == before
    assert leftovers(ws) == []
    assert len(ws.service.rows(sa.select(PULLS))) == 1


def test_a_second_writer_is_told_to_wait(ws: Workspace, open_at: Opened) -> None:
    with ws.exclusive(), open_at() as other, pytest.raises(TryLaterError, match="Another pull"):
        pull_events(other, "mbox", Events([]))


def test_merging_is_the_same_in_any_grouping(ws: Workspace) -> None:
    """(A with B) with C equals A with (C with B), column by column."""
    pull_events(ws, "files", Events(company(60)))
    week = ws.lake.read("events", ["2026-W37"])
    changed = week.set_column(
        week.schema.get_field_index("flags"), EVENTS.schema.field("flags"), pa.array(np.arange(week.num_rows) % 5, pa.uint16())
    )
    new = [
        table.drop_columns(["week", "day", "bin"]).append_column("rows", pa.array(np.ones(table.num_rows, np.uint32)))
        for table in (week, changed, week.slice(2))
    ]
    where = places(ws)
    results = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        held = EVENTS.empty()
        for number in order:
            held = merge(held, new[number], where).week
        results.append(held.sort_by("event"))
    assert results[0] == results[1] == results[2]


def test_a_week_merged_piece_by_piece_has_the_bytes_of_one_merged_at_once(
    ws: Workspace, open_at: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.storage.lake.ROW_GROUP", 64)  # several row groups, cut at other places than the pieces
    given = [*company(), *(replace(event, revision=1) for event in company()[::3])]
    report = pull_events(ws, "files", Events(given))
    whole = stored(ws)
    shutil.rmtree(ws.lake.root)
    with ws.service.begin() as connection:
        ws.lake.drop(connection, "events", ws.lake.parts("events"))
    monkeypatch.setattr("pipelines.intake.events.MERGED_ROWS", 30)
    first = pull_events(ws, "files", Events(given[:250]))
    second = pull_events(ws, "files", Events(given))
    assert stored(ws) == whole
    assert first.accepted + second.accepted == report.accepted
    assert first.balanced
    assert second.balanced
    assert pull_events(ws, "files", Events(given)).parts == ()


def test_no_handle_and_no_id_stands_in_any_file(home: Path, open_at: Opened) -> None:
    with open_at() as ws:
        canaries = [
            replace(mail(f"canary-id-{n}", f"canary-{n}", "canary-to"), space="canary-space", series="canary-series") for n in range(50)
        ]
        pull_events(ws, "mbox", Events(canaries))
        found = [path for path in home.rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
        assert found == []
        assert any(b"mbox" in path.read_bytes() for path in home.rglob("*") if path.is_file())  # the search finds what is there


def test_rows_on_their_way_to_disk_are_pseudonymous(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.intake.spool.SPOOLED_ROWS", 1)
    seen: list[bytes] = []

    class Watching(Events):
        def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
            for event in super().events(coverage, cursor):
                yield event
                seen.extend(path.read_bytes() for path in ws.lake.temporary().rglob("*") if path.is_file())

    pull_events(ws, "mbox", Watching([mail(f"canary{n}", f"canary{n}", "canaryto") for n in range(5)]), batch=1)
    assert seen
    assert not any(b"canary" in content for content in seen)


def test_two_deployments_with_different_keys_share_no_id(ws: Workspace, tmp_path: Path) -> None:
    create_key(tmp_path / "two" / "key")
    with open_workspace(load_settings(tmp_path / "two"), lambda: NOW) as other:
        found = []
        for place in (ws, other):
            pull_events(place, "files", Events(company()))
            table = place.lake.read("events")
            ids = [table[name].to_pylist() for name in ("event", "sender", "space", "root", "reply_to")]
            found.append({value for column in ids for value in column if value is not None})
    assert len(found[0]) == len(found[1]) > 100
    assert not found[0] & found[1]


PULLING = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
import pipelines.intake.events
import pipelines.intake.spool
from pipelines.settings import load_settings
from pipelines.storage.workspace import open_workspace
from tests.pipelines.conftest import NOW, Events
from tests.pipelines.test_events import company
pipelines.intake.spool.SPOOLED_ROWS = 50
left = int(sys.argv[2])
def counting(function):
    def call(*given, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return call
os.fsync = counting(os.fsync)
Path.rename = counting(Path.rename)
Path.mkdir = counting(Path.mkdir)
Path.unlink = counting(Path.unlink)
from sqlalchemy.engine import default
default.DefaultDialect.do_commit = counting(default.DefaultDialect.do_commit)
default.DefaultDialect.do_execute = counting(default.DefaultDialect.do_execute)
with open_workspace(load_settings(Path(sys.argv[1])), lambda: NOW) as ws:
    pipelines.intake.events.pull_events(ws, "files", Events(company()), batch=20)
print("done", left)
"""


def _pull_and_kill(home: Path, step: int) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run([sys.executable, "-c", PULLING, str(home), str(step)], cwd=root, capture_output=True, text=True, check=False)


def _survives(open_at: Opened, home: Path, steps: Sequence[int]) -> None:
    """Kill a pull at each step over a buffer that holds half of it; the old bytes stay readable, then a new run ends in the same bytes."""
    with open_at() as ws:
        pull_events(ws, "files", Events(company()[:150]))
        before = stored(ws)
    for step in steps:
        killed = _pull_and_kill(home, step)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        with open_at() as ws:
            assert ws.lake.read("events", verify=True).num_rows > 0
            if stored(ws) != before:
                break  # the kill came after the commit: there is nothing left to lose
    with open_at() as ws:
        pull_events(ws, "files", Events(company()))
        after = stored(ws)
        assert leftovers(ws) == []
        pulls = ws.service.rows(sa.select(PULLS))
        assert all(row.read == row.accepted + row.duplicate for row in pulls)
    with open_at() as ws:
        assert pull_events(ws, "files", Events(random.Random(1).sample(company(), len(company())))).parts == ()
        assert stored(ws) == after
        assert ws.lake.read("events").num_rows == 400


def test_a_pull_killed_on_its_way_leaves_the_former_state_and_resumes(open_at: Opened, home: Path) -> None:
    _survives(open_at, home, [30, 75])


@pytest.mark.soak
def test_a_pull_killed_at_any_step_leaves_the_former_state_and_resumes(open_at: Opened, home: Path) -> None:
    _survives(open_at, home, range(1, 200))


def test_a_full_disk_in_mid_pull_leaves_the_former_state_and_resumes(ws: Workspace) -> None:
    """Files may not grow beyond 20 kB for a while, which is what a full disk looks like to a writer."""
    pull_events(ws, "files", Events(company(50)))
    before = stored(ws)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        with pytest.raises(TryLaterError, match=r"[Mm]ake room"):
            pull_events(ws, "files", Events(company(5000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert stored(ws) == before
    assert leftovers(ws) == []
    assert pull_events(ws, "files", Events(company(5000))).balanced


def test_forty_thousand_events_take_seconds_not_minutes(ws: Workspace) -> None:
    """Measured 40,000 events a second of processor time on one core of the build machine; a tenth of it must hold anywhere."""
    events = [mail(str(n), f"p{n % 500}", f"p{n % 499}", f"p{n % 497}", at=START + timedelta(seconds=n * 30)) for n in range(20_000)]
    started = time.process_time()
    report = pull_events(ws, "mbox", Events(events))
    assert report.accepted == 20_000
    assert 20_000 / (time.process_time() - started) > 4_000
