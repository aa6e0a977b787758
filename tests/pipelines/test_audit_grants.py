"""On PostgreSQL the server itself keeps the role of the service from changing the audit log, or what guards it."""

import os

import pytest
import sqlalchemy as sa

from ona.errors import SettingsError
from pipelines import audit, audit_grants
from pipelines.audit import Act

READ = Act("local", "analyst", "read_person", "1", "scan x")


@pytest.fixture
def parted(postgres, open_at, tmp_path):
    """A deployment whose role owns its database, and the administrator's connection to it."""
    psycopg = pytest.importorskip("psycopg")
    host, name = postgres.partition("host=")[2], f"grants_{os.getpid()}"
    with psycopg.connect(f"host={host} user=ona dbname=postgres", autocommit=True) as connection:
        for statement in (f"DROP DATABASE IF EXISTS {name}", "DROP ROLE IF EXISTS svc", "DROP ROLE IF EXISTS ona_audit"):
            connection.execute(statement)
        connection.execute("CREATE ROLE svc LOGIN")
        connection.execute(f"CREATE DATABASE {name} OWNER svc")
    with open_at(service_url=f"postgresql+psycopg://svc@/{name}?host={host}") as ws:
        audit.record(ws, READ)
        yield ws, f"host={host} user=ona dbname={name}"
    with psycopg.connect(f"host={host} user=ona dbname=postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")
        connection.execute("DROP ROLE svc")
        connection.execute("DROP ROLE IF EXISTS ona_audit")


ATTACKS = [
    "UPDATE audit SET actor = 'nobody'",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "DROP TABLE audit",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "ALTER TABLE audit RENAME TO other",
    "DROP TRIGGER audit_refuse ON audit",
    "CREATE TRIGGER mine BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "DROP FUNCTION audit_refuse() CASCADE",
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "SET ROLE ona_audit",
    "DROP SCHEMA public CASCADE",
    "SET session_replication_role = replica",
]
"""What somebody who holds the service's database password would try."""


def test_the_service_adds_entries_and_the_server_refuses_every_change(parted):
    import psycopg

    ws, administrator = parted
    assert audit_grants.guarded_by(ws) == "insert-only by trigger; part the roles with: ona audit grants"
    with psycopg.connect(administrator, autocommit=True) as connection:
        for statement in audit_grants.statements(ws, "ona_audit") * 2:  # a second run changes nothing
            connection.execute(statement)
    audit.record(ws, READ, READ)
    assert audit.verify(ws) == audit.Verdict(3, None, "")
    assert audit_grants.guarded_by(ws) == "insert-only by trigger and by grant"
    with ws.service.begin() as connection:
        connection.exec_driver_sql("GRANT UPDATE ON audit TO svc")  # the server warns and grants nothing
    for attack in ATTACKS:
        with pytest.raises(sa.exc.DBAPIError) as refused, ws.service.begin() as connection:
            connection.exec_driver_sql(attack)
        said = str(refused.value)
        assert any(word in said for word in ("permission denied", "must be owner", "InsufficientPrivilege")), (attack, said)
    assert audit.verify(ws) == audit.Verdict(3, None, "")
    ws.service.compact()  # the other tables are the service's own still
    audit.record(ws, READ)
    assert audit.count(ws) == 4


def test_before_the_roles_are_parted_the_trigger_refuses_and_only_the_owner_could_take_it_away(parted):
    ws, _ = parted
    for attack in ATTACKS[:3]:
        with pytest.raises(sa.exc.DatabaseError, match="insert-only"), ws.service.begin() as connection:
            connection.exec_driver_sql(attack)
    with ws.service.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER ALL")


def test_in_sqlite_there_are_no_roles_to_part(ws):
    audit.record(ws, READ)
    assert audit_grants.guarded_by(ws) == "insert-only by trigger"
    with pytest.raises(SettingsError, match="Only PostgreSQL"):
        audit_grants.statements(ws, "ona_audit")


def test_an_owner_that_is_no_other_role_is_refused(parted):
    for owner in ("svc", "", 'x"; DROP', "Ona", "a" * 64):
        with pytest.raises(SettingsError, match="another role"):
            audit_grants.statements(parted[0], owner)
