"""One database, SQLite or PostgreSQL, with the same statements."""

from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ona.errors import SettingsError, TryLaterError
from pipelines.schema import CURSORS, SCHEMA
from pipelines.storage.service import BUSY_SECONDS, Service, open_service, put

ROW = {"connector": "mbox", "stream": "a", "value": "1"}


@pytest.fixture
def service(database_url: str) -> Service:
    found = open_service(database_url)
    yield found
    found.close()


def values(service: Service) -> list[tuple[str, ...]]:
    return [tuple(row) for row in service.rows(sa.select(CURSORS).order_by(CURSORS.c.stream))]


def test_putting_a_row_twice_keeps_the_second(service: Service) -> None:
    with service.begin() as connection:
        put(connection, CURSORS, [ROW, ROW | {"stream": "b"}])
    with service.begin() as connection:
        put(connection, CURSORS, [ROW | {"value": "2"}])
    assert values(service) == [("mbox", "a", "2"), ("mbox", "b", "1")]


def test_a_failed_transaction_leaves_nothing(service: Service) -> None:
    with pytest.raises(ZeroDivisionError), service.begin() as connection:  # noqa: PT012
        put(connection, CURSORS, [ROW])
        1 / 0  # noqa: B018
    assert values(service) == []


def test_a_reader_sees_one_state_while_another_writes(service: Service) -> None:
    with service.read() as reader:
        assert reader.execute(sa.select(sa.func.count()).select_from(CURSORS)).scalar() == 0
        with service.begin() as connection:
            put(connection, CURSORS, [ROW])
    assert len(values(service)) == 1


def test_a_database_is_opened_again_with_all_it_holds(service: Service, database_url: str) -> None:
    with service.begin() as connection:
        put(connection, CURSORS, [ROW])
    again = open_service(database_url)
    assert len(values(again)) == 1
    again.close()


def test_a_newer_schema_is_refused(service: Service, database_url: str) -> None:
    with service.begin() as connection:
        connection.execute(sa.update(SCHEMA).values(version=99))
    with pytest.raises(SettingsError, match="schema 99"):
        open_service(database_url)


def test_the_latest_scan_moves_with_each_seal_and_back_when_one_is_dropped(service: Service) -> None:
    assert service.latest_scan() is None
    for number in (1, 2):
        times = {"start": date(2026, 6, 29), "end": date(2026, 9, 28), "created": datetime(2026, 10, number)}
        service.add_scan(f"s{number}", people=600, verdict="good", **times)
    assert [row.id for row in service.list_scans()] == ["s2", "s1"]
    assert service.latest_scan() == "s2"
    service.publish_scan("s1")
    assert service.latest_scan() == "s1"
    service.drop_scan("s1", successor="s2")
    assert (service.latest_scan(), service.has_scan("s1"), service.successor("s1")) == ("s2", False, "s2")
    service.drop_scan("s2")
    assert service.latest_scan() is None


def test_deleted_rows_leave_no_byte_in_any_file_of_sqlite(tmp_path: Path) -> None:
    service = open_service(f"sqlite:///{tmp_path}/s.sqlite")
    with service.begin() as connection:
        put(connection, CURSORS, [ROW | {"stream": str(n), "value": f"canary{n}" * 50} for n in range(100)])
    with service.begin() as connection:
        connection.execute(sa.delete(CURSORS))
    service.compact()
    assert not any(b"canary" in path.read_bytes() for path in tmp_path.iterdir())
    service.close()


def test_sqlite_is_durable_patient_and_private(tmp_path: Path) -> None:
    service = open_service(f"sqlite:///{tmp_path}/s.sqlite")
    with service.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "busy_timeout": BUSY_SECONDS * 1000}  # 2 = FULL
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    service.close()


def test_a_locked_database_asks_to_try_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.storage.service.BUSY_SECONDS", 0)
    one, two = (open_service(f"sqlite:///{tmp_path}/s.sqlite") for _ in range(2))
    with one.begin(), pytest.raises(TryLaterError, match="locked"), two.begin():
        pass
    one.close()
    two.close()


def test_a_server_that_is_not_there_asks_to_try_later_without_its_address(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(TryLaterError) as error:
        open_service(f"postgresql+psycopg://canary:canary@/d?host={tmp_path}")
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("url", ["nonsense", "mysterydb://x"])
def test_a_url_that_is_not_understood_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="database URL"):
        open_service(url)
