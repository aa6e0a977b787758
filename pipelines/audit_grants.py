"""Takes the audit log's table out of the hands of the role that the service connects with: PostgreSQL then refuses every change itself."""

import re

import sqlalchemy as sa

from ona.errors import SettingsError
from pipelines.storage.workspace import Workspace

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

HELD = sa.text(
    "SELECT has_table_privilege(current_user, t.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')"
    " OR pg_has_role(current_user, t.relowner, 'MEMBER')"
    " OR pg_has_role(current_user, f.proowner, 'MEMBER') OR pg_has_role(current_user, n.nspowner, 'MEMBER')"
    " FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_proc f ON f.pronamespace = n.oid AND f.proname = 'audit_refuse'"
    " WHERE t.oid = 'audit'::regclass"
)
"""Whether the role could change an entry, or take the trigger away, or the function behind it, or the table itself."""


def statements(ws: Workspace, owner: str) -> list[str]:
    """Return what the database's administrator runs so that the service may read and add entries, and nobody changes any.

    Raises SettingsError where the database has no roles, or the owner's name is the service's own or no plain name.
    """
    url = ws.service.engine.url
    if ws.service.engine.dialect.name != "postgresql":
        raise SettingsError(
            "Only PostgreSQL has roles to part. In SQLite triggers refuse changes, and the checkpoints lie in another place."
        )
    if not NAME.fullmatch(owner) or owner == url.username:
        raise SettingsError("The owner is another role than the service's own: small letters, digits and underscores, as ona_audit.")
    with ws.service.read() as connection:
        role, database, schema = connection.execute(sa.text("SELECT current_user, current_database(), current_schema()")).one()
    quote = ws.service.engine.dialect.identifier_preparer.quote_identifier
    owner, role, database, schema = (quote(name) for name in (owner, role, database, schema))
    return [
        f"DO $$ BEGIN CREATE ROLE {owner} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
        f"ALTER DATABASE {database} OWNER TO {owner};",
        f"ALTER SCHEMA {schema} OWNER TO {owner};",
        f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};",
        f"ALTER TABLE {schema}.audit OWNER TO {owner};",
        f"ALTER FUNCTION {schema}.audit_refuse() OWNER TO {owner};",
        f"REVOKE ALL ON {schema}.audit FROM PUBLIC, {role};",
        f"GRANT SELECT, INSERT ON {schema}.audit TO {role};",
    ]


def guarded_by(ws: Workspace) -> str:
    """Say who keeps the log from being changed: a trigger alone, or the server's grants as well."""
    if ws.service.engine.dialect.name != "postgresql":
        return "insert-only by trigger"
    with ws.service.read() as connection:
        held = connection.execute(HELD).scalar()
    return "insert-only by trigger; part the roles with: ona audit grants" if held else "insert-only by trigger and by grant"
