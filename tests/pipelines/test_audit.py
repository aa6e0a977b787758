"""The audit log: chained, insert-only in the database itself, and a cut tail shows against the checkpoints."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ona.errors import TryLaterError
from pipelines import audit
from pipelines.audit import Act
from pipelines.schema import AUDIT, CONSENTS
from pipelines.storage.workspace import open_workspace

READ = Act("local", "analyst", "read_person", "1", "scan x")


@pytest.fixture
def workspace(database_url, open_at):
    """A deployment on each kind of database in turn."""
    with open_at(service_url=database_url) as opened:
        yield opened


@pytest.fixture
def kept(workspace):
    """A log of five entries."""
    for number in range(5):
        audit.record(workspace, Act("local", "analyst", "read_person", str(number)))
    return workspace


def tampered(ws, *statements):
    """Change the table as somebody with the database's owner rights would: triggers off first."""
    with ws.service.begin() as connection:
        if connection.dialect.name == "sqlite":
            for name in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER audit_no_{name}")
        else:
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER audit_refuse")
        for statement in statements:
            connection.execute(statement)


def test_a_log_that_nobody_touched_is_whole(kept):
    assert audit.verify(kept) == audit.Verdict(5, None, "")
    assert [entry.seq for entry in audit.entries(kept, 2)] == [5, 4]


def test_an_empty_log_is_whole(workspace):
    assert audit.verify(workspace) == audit.Verdict(0, None, "")


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        (sa.update(AUDIT).where(AUDIT.c.seq == 3).values(actor="nobody"), 3),
        (sa.update(AUDIT).where(AUDIT.c.seq == 3).values(result="refused"), 3),
        (sa.update(AUDIT).where(AUDIT.c.seq == 2).values(hash=bytes(32)), 2),
        (sa.delete(AUDIT).where(AUDIT.c.seq == 4), 4),
        (sa.delete(AUDIT).where(AUDIT.c.seq == 1), 1),
        (sa.update(AUDIT).where(AUDIT.c.seq == 5).values(seq=9), 5),
    ],
)
def test_a_changed_deleted_or_moved_entry_is_named(kept, statement, bad):
    tampered(kept, statement)
    assert audit.verify(kept).bad == bad


def test_an_entry_put_in_later_breaks_the_chain(kept):
    act = {"actor": "x", "role": "", "action": "export", "object": "", "purpose": "", "result": "done"}
    tampered(kept, sa.insert(AUDIT).values(seq=6, at=kept.now(), hash=bytes(32), **act))
    assert audit.verify(kept).bad == 6


def test_an_entry_rewritten_with_a_hash_of_its_own_breaks_the_chain_behind_it(kept):
    """A hash needs no key: whoever rewrites one entry can make the hash that fits it, and would have to make all that follow."""
    (third,) = audit.entries(kept, 1, before=4)
    (before,) = kept.service.rows(sa.select(AUDIT.c.hash).where(AUDIT.c.seq == 2))
    forged = audit._chained(before.hash, replace(third, act=replace(third.act, actor="nobody")))
    tampered(kept, sa.update(AUDIT).where(AUDIT.c.seq == 3).values(actor="nobody", hash=forged))
    assert audit.verify(kept).bad == 4


def test_a_cut_tail_shows_against_the_checkpoint(workspace, monkeypatch):
    monkeypatch.setattr(audit, "CHECKPOINT_ENTRIES", 4)
    for _ in range(5):
        audit.record(workspace, READ)
    tampered(workspace, sa.delete(AUDIT).where(AUDIT.c.seq > 3))
    found = audit.verify(workspace)
    assert found.bad == 4
    assert "cut from the end" in found.why


def test_a_log_rewritten_whole_is_not_the_one_that_the_checkpoints_saw(kept):
    tampered(kept, sa.delete(AUDIT))
    for _ in range(5):
        audit.record(kept, READ)
    assert audit.verify(kept).bad == 1


def test_a_forged_checkpoint_is_seen(kept):
    with kept.settings.audit_checkpoints.open("a") as file:
        file.write(json.dumps({"seq": 5, "hash": "00" * 32, "seal": "00" * 32}) + "\n")
    assert "not written by this service" in audit.verify(kept).why


def test_a_checkpoint_is_written_each_hour(kept):
    path = kept.settings.audit_checkpoints
    assert len(path.read_text().splitlines()) == 1
    with open_workspace(kept.settings, now=lambda: kept.now() + timedelta(hours=1)) as later:
        audit.record(later, READ)
        audit.record(later, READ)
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("statement", [sa.update(AUDIT).values(actor="x"), sa.delete(AUDIT)])
def test_the_database_itself_refuses_to_change_an_entry(kept, statement):
    with pytest.raises(sa.exc.DatabaseError, match="insert-only"), kept.service.begin() as connection:
        connection.execute(statement)


def test_twenty_writers_leave_no_gap_and_no_fork(workspace):
    def write(number):
        with open_workspace(workspace.settings) as own:
            for _ in range(3):
                audit.record(own, Act(f"writer {number}", "analyst", "export"))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(20)))
    assert audit.verify(workspace) == audit.Verdict(60, None, "")


def test_what_looks_like_two_entries_or_two_fields_is_one(workspace):
    audit.record(workspace, Act('a","b', "x\n{}", "export", "1", "\u2028"))
    assert audit.verify(workspace).bad is None
    assert audit.entries(workspace)[0].act.actor == 'a","b'


def test_threads_that_record_at_one_moment_share_transactions(workspace):
    """Group commit: while one batch is written, what arrives waits for the next; 200 entries of 20 threads need far fewer commits."""
    commits = []
    sa.event.listen(workspace.service.engine, "commit", lambda _connection: commits.append(1))
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: audit.record(workspace, Act(f"thread {number}", "analyst", "export")), range(200)))
    assert audit.verify(workspace) == audit.Verdict(200, None, "")
    assert len(commits) < 150


def test_a_bad_entry_fails_alone_and_not_those_of_its_batch(kept):
    too_long = Act("x" * 5_000_000, "\udce4", "export")  # a lone surrogate is no UTF-8

    def write(act):
        try:
            audit.record(kept, act)
        except Exception as error:  # noqa: BLE001 - which one it is differs by database
            return type(error).__name__
        return "stored"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, [READ, too_long, READ, READ, too_long, READ]))
    assert [outcome == "stored" for outcome in outcomes] == [True, False, True, True, False, True]
    assert audit.verify(kept) == audit.Verdict(9, None, "")


def test_a_change_and_its_entry_are_stored_together_or_not_at_all(kept):
    row = {"person": 1, "purpose": "nudge", "granted": True, "source": "person", "at": kept.now()}
    with audit.recorded(kept, READ) as connection:
        connection.execute(sa.insert(CONSENTS).values(**row))
    with pytest.raises(sa.exc.SQLAlchemyError), audit.recorded(kept, READ) as connection:
        connection.execute(sa.insert(CONSENTS), [row, row | {"granted": None}])  # the second one is refused
    assert audit.verify(kept) == audit.Verdict(6, None, "")
    assert len(kept.service.rows(sa.select(CONSENTS))) == 1


def test_a_store_that_is_down_is_said_in_one_sentence(kept):
    with kept.service.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO audit_gone")
    with pytest.raises(TryLaterError, match="audit log cannot be written"):
        audit.record(kept, READ)


def test_the_manifest_of_a_scan_sees_a_log_that_was_cut(kept):
    mark = audit.head(kept)
    assert audit.verify(kept, [mark]).bad is None
    tampered(kept, sa.delete(AUDIT).where(AUDIT.c.seq == 5))
    kept.settings.audit_checkpoints.unlink()  # the second place is lost as well
    assert audit.verify(kept).bad is None
    assert audit.verify(kept, [mark]).bad == 5
    assert "manifest" in audit.verify(kept, [mark | {"seq": 4}]).why
