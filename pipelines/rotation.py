"""A new root key: added to the key file, everything sealed moved under it in one step, and the old one retired."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.identity import alias_token
from ona.errors import SettingsError
from pipelines import audit, keys
from pipelines.audit import Act
from pipelines.keys import Keys, open_field, seal_field
from pipelines.schema import REVEALS
from pipelines.settings import Settings
from pipelines.storage.service import Service
from pipelines.storage.vault import ACCOUNTS, PERSON, PERSONS, Vault, place
from pipelines.storage.workspace import Workspace


@dataclass(frozen=True)
class Rewrapped:
    """What was moved under the newest key."""

    version: int
    aliases: int
    names: int
    reasons: int


@dataclass(frozen=True)
class KeyState:
    """Which keys there are, and how much is sealed under each."""

    newest: int
    retired: tuple[int, ...]
    rows: dict[int, int]


def add_version(settings: Settings) -> int:
    """Append a new root key to the key file; return its version. Nothing uses it before ``rewrap``."""
    lines = _lines(settings)
    keys.replace_key_file(settings.key_file, [*lines, keys.new_root()])
    return len(lines) + 1


def rewrap(ws: Workspace) -> Rewrapped:
    """Move every sealed field and every alias token under the newest key, in one transaction per database.

    Person ids stay as they are, so scores do too. Whoever is interrupted runs it again.
    """
    newest = ws.keys
    with ws.exclusive():
        audit.record(ws, Act("local", "operator", "rotate_keys", purpose=f"version {newest.version}"))
        reasons = _move_reasons(ws, newest)
        with ws.vault.database.begin() as connection:
            aliases = _move_aliases(connection, newest)
            names = _move_names(connection, newest)
        if aliases or names:
            ws.vault.database.compact()
        if reasons:
            ws.service.compact()
    return Rewrapped(newest.version, aliases, names, reasons)


def retire(ws: Workspace) -> tuple[int, ...]:
    """Take every root key but the newest out of the key file; return the versions that can open nothing from now on.

    Raises SettingsError while something is still sealed under one of them.
    """
    lines = _lines(ws.settings)
    with ws.exclusive():
        left = {version: rows for version, rows in state(ws).rows.items() if version != len(lines)}
        if left:
            raise SettingsError(f"{sum(left.values()):,} fields are sealed under an older key. Run first: ona keys rewrap")
        gone = tuple(at for at, line in enumerate(lines[:-1], 1) if keys.root_of(line))
        first = keys.retired(keys.root_of(lines[0])) if gone and gone[0] == 1 else lines[0]
        kept = [first if at == 1 else keys.RETIRED for at in range(1, len(lines))]
        if gone:
            audit.record(ws, Act("local", "operator", "rotate_keys", purpose="retired"))
            keys.replace_key_file(ws.settings.key_file, [*kept, lines[-1]])
    return gone


def state(ws: Workspace) -> KeyState:
    """Return the versions and how many fields are sealed under each."""
    rows: dict[int, int] = {}
    for database, table in ((ws.vault.database, ACCOUNTS), (ws.vault.database, PERSONS), (ws.service, REVEALS)):
        for version, count in _counted(database, table):
            rows[version] = rows.get(version, 0) + count
    held = {ws.keys.version, *ws.keys.others}
    return KeyState(
        ws.keys.version, tuple(version for version in range(1, ws.keys.version) if version not in held), dict(sorted(rows.items()))
    )


def _lines(settings: Settings) -> list[str]:
    if settings.key is not None:
        raise SettingsError(
            "The root key comes from ONA_KEY, which this program cannot change. Append a comma and the line of a new key to it "
            "(openssl rand -base64 32), start again, and run: ona keys rewrap"
        )
    content = keys.read_key_file(settings.key_file)
    keys.keys_from(content, f"The key file {settings.key_file}")  # raises when it is not whole
    return list(keys.versions(content))


def _counted(database: Service, table: sa.Table) -> Iterable[tuple[int, int]]:
    found = sa.select(table.c.key_version, sa.func.count()).group_by(table.c.key_version)
    return [(int(row[0]), int(row[1])) for row in database.rows(found)]


def _move_aliases(connection: sa.Connection, newest: Keys) -> int:
    changed = []
    for row in connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.key_version != newest.version)):
        where = place("accounts", row.account, "alias")
        alias = open_field(newest, row.alias, where, row.key_version)
        changed.append(
            {"at": row.account, "new_token": alias_token(newest.alias, PERSON, alias), "sealed": seal_field(newest, alias, where)}
        )
    if changed:
        values = {"token": sa.bindparam("new_token"), "alias": sa.bindparam("sealed"), "key_version": newest.version}
        connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.account == sa.bindparam("at")).values(values), changed)
    return len(changed)


def _move_names(connection: sa.Connection, newest: Keys) -> int:
    changed = []
    for row in connection.execute(sa.select(PERSONS).where(PERSONS.c.key_version != newest.version)):
        where = place("persons", row.person, "name")
        name = None if row.name is None else seal_field(newest, open_field(newest, row.name, where, row.key_version), where)
        changed.append({"at": row.person, "sealed": name})
    if changed:
        values = {"name": sa.bindparam("sealed"), "key_version": newest.version}
        connection.execute(sa.update(PERSONS).where(PERSONS.c.person == sa.bindparam("at")).values(values), changed)
    return len(changed)


def _move_reasons(ws: Workspace, newest: Keys) -> int:
    """Move the reasons of requests for a name, the only sealed text outside the vault."""
    vault = Vault(ws.vault.database, newest)
    changed = []
    for row in ws.service.rows(sa.select(REVEALS).where(REVEALS.c.key_version != newest.version)):
        about = f"reveals\0{row.id}\0reason"
        changed.append({"at": row.id, "sealed": vault.seal_text(vault.open_text(row.reason, about, row.key_version), about)[0]})
    if changed:
        values = {"reason": sa.bindparam("sealed"), "key_version": newest.version}
        with ws.service.begin() as connection:
            connection.execute(sa.update(REVEALS).where(REVEALS.c.id == sa.bindparam("at")).values(values), changed)
    return len(changed)
