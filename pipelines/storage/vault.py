"""Who is who: accounts, persons, reversible joins, encrypted names and aliases, tombstones; in a database of its own."""

import base64
import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from connectors.identity import alias_token
from pipelines.keys import Keys, open_field, seal_field
from pipelines.storage.joins import ALWAYS, Book, Claim, Entry
from pipelines.storage.service import Service, Tables, open_engine, prepare

SCHEMA_VERSION = 1
BLOCKED = 0
"""Account of somebody who objected, is protected or was erased: nothing of theirs is kept."""

PERSON = "person"
"""Namespace of alias tokens."""

CHUNK = 500
"""Values in one IN list: SQLite and PostgreSQL both take this many."""

METADATA = sa.MetaData()

SCHEMA = sa.Table("vault_schema_version", METADATA, sa.Column("version", sa.Integer, primary_key=True))

ACCOUNTS = sa.Table(
    "vault_accounts",
    METADATA,
    sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("token", sa.LargeBinary, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date),
    sa.Column("namespace", sa.String, nullable=False),
    sa.Column("person", sa.BigInteger, index=True),
    sa.Column("blocked", sa.Boolean, nullable=False),
    sa.Column("alias", sa.LargeBinary, nullable=False),  # encrypted
    sa.Column("key_version", sa.Integer, nullable=False),
    sa.UniqueConstraint("token", "valid_from"),
)

PERSONS = sa.Table(
    "vault_persons",
    METADATA,
    sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.LargeBinary),  # encrypted
    sa.Column("key_version", sa.Integer, nullable=False),
    sa.Column("blocked", sa.Boolean, nullable=False),
)

LINKS = sa.Table(
    "vault_links",  # every join of an account to a person, so that each can be taken back
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account", sa.BigInteger, nullable=False, index=True),
    sa.Column("person", sa.BigInteger, nullable=False, index=True),
    sa.Column("previous", sa.BigInteger),
    sa.Column("how", sa.String, nullable=False),  # directory, human
    sa.Column("at", sa.DateTime, nullable=False),
)

TOMBSTONES = sa.Table("vault_tombstones", METADATA, sa.Column("digest", sa.LargeBinary, primary_key=True))


@dataclass(frozen=True, repr=False)
class Known:
    """One person as a directory knows them: canonical handles, the first one the anchor, and the time they were here."""

    handles: tuple[str, ...]
    name: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Linked:
    """What became of a round of joins."""

    persons: list[int]  # one per person given; BLOCKED for somebody who was erased
    merged: dict[int, int]  # former person → the one it is now
    shared: int  # handles claimed by several people at once, given to nobody


@dataclass(frozen=True)
class Span:
    """The account behind a handle from one day to another."""

    valid_from: date
    valid_to: date | None
    account: int


@dataclass(frozen=True, repr=False)
class Vault:
    """The one place where a handle and a person meet."""

    database: Service
    keys: Keys
    seed: int | None = None  # ids from this seed instead of chance, so that they do not depend on the order of arrival

    def accounts(self, handles: Sequence[str], *, seen: date | None = None) -> list[int]:
        """Return the account behind each handle on that day (None: now), making those that are new; BLOCKED for none."""
        spans = self.spans(handles)
        return [next(span.account for span in spans[handle] if _covers(span, seen)) for handle in handles]

    def spans(self, handles: Iterable[str], *, create: bool = True) -> dict[str, tuple[Span, ...]]:
        """Return for each handle its accounts in the order of time; with ``create`` unknown handles get one, else none."""
        tokens = {handle: self._token(handle) for handle in handles}
        found = self._load(tokens.values())
        if create:
            found |= self._create({token: handle for handle, token in tokens.items() if token not in found})
        return {handle: tuple(_span(entry) for entry in found.get(token, ())) for handle, token in tokens.items()}

    def link(self, people: Sequence[Known], how: str = "directory") -> Linked:
        """Join the handles of each person, make unknown accounts and persons, and keep names encrypted."""
        tokens = [tuple(self._token(handle) for handle in person.handles) for person in people]
        given = zip(tokens, people, strict=True)
        erased = self._buried({token: handle for group, person in given for token, handle in zip(group, person.handles, strict=True)})
        live = [number for number, group in enumerate(tokens) if not erased.intersection(group)]
        known = [entry for entries in self._load_people(token for i in live for token in tokens[i]).values() for entry in entries]
        persons = {entry.person for entry in known if entry.person is not None}
        first = sa.select(LINKS.c.person, sa.func.min(LINKS.c.at).label("at")).group_by(LINKS.c.person)
        book = Book(self._new_person, {row.person: row.at for row in self._rows(first, LINKS.c.person, persons)})
        book.add(known)
        linked = book.link([_claim(people[i], tokens[i]) for i in live])
        handles = {token: handle for i in live for token, handle in zip(tokens[i], people[i].handles, strict=True)}
        with self.database.begin() as connection:
            self._save(connection, book, handles, how)
            self._save_names(connection, {person: people[i].name for i, person in zip(live, linked, strict=True)})
        by_number = dict(zip(live, linked, strict=True))
        return Linked([by_number.get(i, BLOCKED) for i in range(len(people))], book.merged, book.shared)

    def join(self, keep: int, other: int) -> None:
        """Make two persons one, by the decision of a human; ``undo`` of an account takes it back."""
        with self.database.begin() as connection:
            accounts = list(connection.execute(sa.select(ACCOUNTS.c.account).where(ACCOUNTS.c.person == other)).scalars())
            self._move(connection, dict.fromkeys(accounts, (keep, other)), "human")

    def undo(self, account: int) -> int | None:
        """Give an account back to the person it had before its last join; return that person."""
        with self.database.begin() as connection:
            last = connection.execute(sa.select(LINKS).where(LINKS.c.account == account).order_by(LINKS.c.id.desc()).limit(1)).first()
            if last is None:
                return None
            connection.execute(sa.delete(LINKS).where(LINKS.c.id == last.id))
            connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.account == account).values(person=last.previous))
            return int(last.previous) if last.previous is not None else None

    def persons_of(self, handles: Iterable[str]) -> dict[str, int]:
        """Return the person behind each handle that has one now."""
        tokens = {handle: self._token(handle) for handle in handles}
        found = self._load(tokens.values())
        people = {handle: entries[-1].person for handle, token in tokens.items() if (entries := found.get(token))}
        return {handle: person for handle, person in people.items() if person is not None}

    def person_of(self, handle: str) -> int | None:
        """Return the person behind one handle, None when there is none."""
        return self.persons_of([handle]).get(handle)

    def adopt(self, accounts: Iterable[int]) -> dict[int, int]:
        """Give each of these accounts that has none a person of its own; return account → person of the new ones."""
        rows = list(self._rows(sa.select(ACCOUNTS).where(ACCOUNTS.c.person.is_(None)), ACCOUNTS.c.account, accounts))
        found = {row.account: (self._new_person(row.token, row.valid_from), None) for row in rows}
        with self.database.begin() as connection:
            self._save_names(connection, {person: None for person, _ in found.values()})
            self._move(connection, found, "alone")
        return {account: person for account, (person, _) in found.items()}

    def names(self, persons: Iterable[int]) -> dict[int, str]:
        """Return the decrypted names of those persons that have one."""
        rows = self._rows(sa.select(PERSONS).where(PERSONS.c.name.is_not(None)), PERSONS.c.person, persons)
        return {row.person: self._open(row.name, "persons", row.person, "name", row.key_version) for row in rows}

    def handles(self, accounts: Iterable[int]) -> dict[int, str]:
        """Return the decrypted handles of accounts."""
        rows = self._rows(sa.select(ACCOUNTS), ACCOUNTS.c.account, accounts)
        return {row.account: self._open(row.alias, "accounts", row.account, "alias", row.key_version) for row in rows}

    def aliases(self) -> Iterator[tuple[int, str]]:
        """Yield person and decrypted handle of every account that has a person."""
        for row in self.database.rows(sa.select(ACCOUNTS).where(ACCOUNTS.c.person.is_not(None)).order_by(ACCOUNTS.c.account)):
            yield row.person, self._open(row.alias, "accounts", row.account, "alias", row.key_version)

    def accounts_table(self) -> pa.Table:
        """Return every account with its person (null when unknown), validity, namespace and whether it is blocked."""
        columns = ("account", "person", "valid_from", "valid_to", "namespace", "blocked")
        types = (pa.int64(), pa.int64(), pa.date32(), pa.date32(), pa.string(), pa.bool_())
        rows = self.database.rows(sa.select(*(ACCOUNTS.c[name] for name in columns)).order_by(ACCOUNTS.c.account))
        schema = pa.schema(list(zip(columns, types, strict=True)))
        return pa.Table.from_arrays([pa.array([row[i] for row in rows], kind) for i, kind in enumerate(types)], schema=schema)

    def block(self, persons: Mapping[int, bool]) -> list[int]:
        """Block or release all accounts of these persons (objection, protection); return the accounts newly blocked."""
        wanted = [person for person, blocked in persons.items() if blocked]
        free = [person for person, blocked in persons.items() if not blocked]
        newly = self._rows(sa.select(ACCOUNTS.c.account).where(ACCOUNTS.c.blocked.is_(False)), ACCOUNTS.c.person, wanted)
        accounts = [row.account for row in newly]
        with self.database.begin() as connection:
            for group, state in ((wanted, True), (free, False)):
                for some in _chunks(group):
                    connection.execute(sa.update(PERSONS).where(PERSONS.c.person.in_(some)).values(blocked=state))
                    connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.person.in_(some)).values(blocked=state))
        return accounts

    def blocked(self) -> set[int]:
        """Return the persons of whom nothing is kept."""
        return {int(row.person) for row in self.database.rows(sa.select(PERSONS.c.person).where(PERSONS.c.blocked))}

    def accounts_of(self, person: int) -> list[int]:
        """Return the accounts of a person."""
        return [int(row.account) for row in self.database.rows(sa.select(ACCOUNTS.c.account).where(ACCOUNTS.c.person == person))]

    def erase(self, person: int) -> list[int]:
        """Delete a person with all names, aliases and tokens, and bury the tokens so that no later pull revives them."""
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.person == person)).all()
            accounts = [int(row.account) for row in rows]
            aliases = [self._open(row.alias, "accounts", row.account, "alias", row.key_version) for row in rows]
            digests = [{"digest": digest} for digest in dict.fromkeys(map(self._tombstone, aliases))]
            known = set(connection.execute(sa.select(TOMBSTONES.c.digest)).scalars())
            if new := [row for row in digests if row["digest"] not in known]:
                connection.execute(sa.insert(TOMBSTONES), new)
            connection.execute(sa.delete(ACCOUNTS).where(ACCOUNTS.c.person == person))
            connection.execute(sa.delete(LINKS).where(sa.or_(LINKS.c.person == person, LINKS.c.previous == person)))
            connection.execute(sa.delete(PERSONS).where(PERSONS.c.person == person))
        self.database.compact()
        return accounts

    def seal_text(self, text: str, about: str) -> tuple[str, int]:
        """Return a text of another database, encrypted and bound to what it is about, and the key version beside it."""
        return base64.b64encode(seal_field(self.keys, text, about)).decode(), self.keys.version

    def open_text(self, sealed: str, about: str, version: int) -> str:
        """Return a text that ``seal_text`` encrypted."""
        return open_field(self.keys, base64.b64decode(sealed), about, version)

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()

    def _token(self, handle: str) -> bytes:
        return alias_token(self.keys.alias, PERSON, handle)

    def _tombstone(self, handle: str) -> bytes:
        """Return what is left of an erased handle; made with the first keys for good, for nobody can make it anew."""
        alias, vault_wrap = self.keys.first
        return hmac.digest(vault_wrap, b"ona:v1\0tombstone\0" + alias_token(alias, PERSON, handle), "sha256")

    def _buried(self, handles: Mapping[bytes, str]) -> set[bytes]:
        """Return the tokens of those handles that were erased."""
        digests = {self._tombstone(handle): token for token, handle in handles.items()}
        return {digests[row.digest] for row in self._rows(sa.select(TOMBSTONES), TOMBSTONES.c.digest, digests)}

    def _rows(
        self, statement: sa.Select[*tuple[Any, ...]], column: sa.Column[object], values: Iterable[object]
    ) -> Iterator[sa.Row[*tuple[Any, ...]]]:
        for some in _chunks(list(dict.fromkeys(values))):
            yield from self.database.rows(statement.where(column.in_(some)))

    def _load(self, tokens: Iterable[bytes]) -> dict[bytes, list[Entry]]:
        found: dict[bytes, list[Entry]] = {}
        for row in self._rows(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.valid_from), ACCOUNTS.c.token, tokens):
            found.setdefault(row.token, []).append(_entry(row))
        return found

    def _load_people(self, tokens: Iterable[bytes]) -> dict[bytes, list[Entry]]:
        """Load the accounts behind the tokens and all further accounts of their persons."""
        found = self._load(tokens)
        persons = {entry.person for entries in found.values() for entry in entries if entry.person is not None}
        others = {row.token for row in self._rows(sa.select(ACCOUNTS.c.token), ACCOUNTS.c.person, persons)} - set(found)
        return found | self._load(others)

    def _create(self, handles: Mapping[bytes, str]) -> dict[bytes, list[Entry]]:
        """Store an account for each new token; a buried one gets an entry that is blocked and not stored."""
        buried = self._buried(handles)
        entries = {token: [Entry(token, _namespace(handle), blocked=token in buried)] for token, handle in handles.items()}
        new = [entry for token, (entry,) in entries.items() if token not in buried]
        if new:
            with self.database.begin() as connection:
                self._insert(connection, new, handles)
        return entries

    def _insert(self, connection: sa.Connection, entries: Iterable[Entry], handles: Mapping[bytes, str]) -> None:
        rows = []
        for entry in entries:
            entry.account = self._new_id(b"account", entry.token, entry.valid_from)
            alias = self._seal(handles[entry.token], "accounts", entry.account, "alias")
            interval = {"valid_from": entry.valid_from, "valid_to": entry.valid_to}
            rows.append(
                {"account": entry.account, "token": entry.token, **interval, "namespace": entry.namespace, "person": entry.person}
                | {"blocked": entry.blocked, "alias": alias, "key_version": self.keys.version}
            )
        connection.execute(sa.insert(ACCOUNTS), rows)

    def _save(self, connection: sa.Connection, book: Book, handles: Mapping[bytes, str], how: str) -> None:
        changed = [entry for entries in book.by_token.values() for entry in entries if entry.changed]
        if new := [entry for entry in changed if not entry.account]:
            self._insert(connection, new, handles)
        for entry in changed:
            if entry.valid_to is not None:
                connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.account == entry.account).values(valid_to=entry.valid_to))
        self._move(connection, {e.account: (e.person, e.previous) for e in changed if e.person is not None and e.person != e.previous}, how)

    def _move(self, connection: sa.Connection, accounts: Mapping[int, tuple[int, int | None]], how: str) -> None:
        if accounts:
            move = sa.update(ACCOUNTS).where(ACCOUNTS.c.account == sa.bindparam("moved")).values(person=sa.bindparam("to"))
            connection.execute(move, [{"moved": account, "to": person} for account, (person, _) in accounts.items()])
            at = datetime.now(UTC).replace(tzinfo=None)
            rows = [{"account": a, "person": p, "previous": before, "how": how, "at": at} for a, (p, before) in accounts.items()]
            connection.execute(sa.insert(LINKS), rows)

    def _save_names(self, connection: sa.Connection, names: Mapping[int, str | None]) -> None:
        known: dict[int, sa.Row[*tuple[Any, ...]]] = {}
        for some in _chunks(list(names)):
            known |= {row.person: row for row in connection.execute(sa.select(PERSONS).where(PERSONS.c.person.in_(some)))}
        new = []
        for person, name in names.items():
            row = known.get(person)
            sealed = self._seal(name, "persons", person, "name") if name is not None else None
            if row is None:
                new.append({"person": person, "name": sealed, "key_version": self.keys.version, "blocked": False})
            elif name is not None and (row.name is None or self._open(row.name, "persons", person, "name", row.key_version) != name):
                values = {"name": sealed, "key_version": self.keys.version}
                connection.execute(sa.update(PERSONS).where(PERSONS.c.person == person).values(**values))
        if new:
            connection.execute(sa.insert(PERSONS), new)

    def _new_person(self, token: bytes, valid_from: date) -> int:
        return self._new_id(b"person", token, valid_from)

    def _new_id(self, what: bytes, token: bytes, valid_from: date) -> int:
        """Return a random 63-bit id; with a seed, one that depends on the token and nothing else."""
        if self.seed is None:
            return secrets.randbelow(2**63 - 1) + 1
        message = what + b"\0" + token + (b"" if valid_from == ALWAYS else valid_from.isoformat().encode())
        return (int.from_bytes(hmac.digest(self.seed.to_bytes(8, "big"), message, "sha256")[:8], "big") >> 1) or 1

    def _seal(self, text: str, table: str, row: int, column: str) -> bytes:
        return seal_field(self.keys, text, place(table, row, column))

    def _open(self, sealed: bytes, table: str, row: int, column: str, version: int) -> str:
        return open_field(self.keys, sealed, place(table, row, column), version)


def open_vault(url: str, keys: Keys, seed: int | None = None) -> Vault:
    """Open the vault at ``url``, made when needed, under the key version that its rows were written with.

    With a seed its ids follow from it (demo and tests only).
    """
    engine = open_engine(url)
    prepare(engine, Tables("vault", METADATA, SCHEMA, SCHEMA_VERSION))
    database = Service(engine)
    try:
        return Vault(database, keys.at(newest_version(database) or keys.version), seed)
    except BaseException:
        database.close()
        raise


def newest_version(database: Service) -> int | None:
    """Return the newest key version of any row; all rows have one and the same, for they are moved in one transaction."""
    found = [database.rows(sa.select(sa.func.max(table.c.key_version)))[0][0] for table in (ACCOUNTS, PERSONS)]
    return max((int(version) for version in found if version is not None), default=None)


def place(table: str, row: int, column: str) -> str:
    """Return what a ciphertext is bound to."""
    return f"{table}\0{row}\0{column}"


def _namespace(handle: str) -> str:
    """Return what kind of handle it is and whose: ``email``, ``slack:T1``, ``entra:GUID``, ``id:hr``."""
    scheme, _, rest = handle.partition(":")
    return scheme if "/" not in rest or scheme == "email" else f"{scheme}:{rest.split('/')[0]}"


def _claim(person: Known, tokens: tuple[bytes, ...]) -> Claim:
    return Claim(tokens, tuple(map(_namespace, person.handles)), person.since, person.until)


def _entry(row: sa.Row[*tuple[Any, ...]]) -> Entry:
    return Entry(row.token, row.namespace, row.valid_from, row.valid_to, row.account, row.person, row.person, row.blocked)


def _span(entry: Entry) -> Span:
    return Span(entry.valid_from, entry.valid_to, BLOCKED if entry.blocked else entry.account)


def _covers(span: Span, day: date | None) -> bool:
    return span.valid_to is None if day is None else span.valid_from <= day and (span.valid_to is None or day < span.valid_to)


def _chunks(values: Sequence[object]) -> Iterator[Sequence[object]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
