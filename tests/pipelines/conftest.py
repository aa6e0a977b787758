"""A temporary deployment with deterministic ids, and connectors that yield what a test gives them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from connectors.base import Coverage, Cursor, RawBadge, RawEvent, RawPerson
from ona.tables import Kind, Role
from pipelines.keys import create_key
from pipelines.settings import Settings, load_settings
from pipelines.storage.workspace import Workspace, open_workspace

NOW = datetime(2026, 9, 28, 12)
POSTGRES = Path("/usr/lib/postgresql/15/bin")


@dataclass
class Events:
    """Yields the events given, one vendor row each unless they say otherwise."""

    given: Sequence[RawEvent]
    gives = "events"

    def size(self) -> int:
        return len(self.given)

    def events(self, coverage: Coverage, cursor: Cursor) -> Iterator[RawEvent]:
        for event in self.given:
            coverage.read += event.rows
            yield event


@dataclass
class People:
    """Yields the people given."""

    given: Sequence[RawPerson]

    def people(self, coverage: Coverage) -> Iterator[RawPerson]:
        for person in self.given:
            coverage.read += 1
            yield person


@dataclass
class Badges:
    """Yields the badges given."""

    given: Sequence[RawBadge]

    def badges(self, coverage: Coverage) -> Iterator[RawBadge]:
        for badge in self.given:
            coverage.read += 1
            yield badge


def microseconds(at: datetime) -> int:
    return int((at - datetime(1970, 1, 1)).total_seconds()) * 1_000_000


def mail(id: str, sender: str, *to: str, at: datetime = datetime(2026, 9, 7, 9), **more: object) -> RawEvent:
    recipients = tuple((handle(name), Role.TO) for name in to)
    return RawEvent(f"mail:{id}", Kind.MAIL, microseconds(at), handle(sender), recipients, **more)


def handle(name: str) -> str:
    return f"email:{name}@acme.example"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a folder with a key and settings for reproducible ids."""
    create_key(tmp_path / "home" / "key")
    (tmp_path / "home" / "ona.toml").write_text("deterministic_ids = true\n")
    return tmp_path / "home"


@pytest.fixture
def open_at(home: Path) -> Callable[..., AbstractContextManager[Workspace]]:
    """Give a function that opens the workspace at a moment, with any setting changed."""

    def opened(now: datetime = NOW, **changes: object) -> AbstractContextManager[Workspace]:
        settings = load_settings(home)
        return open_workspace(Settings(**settings.model_dump() | changes), lambda: now)

    return opened


@pytest.fixture
def ws(open_at: Callable[..., AbstractContextManager[Workspace]]) -> Iterator[Workspace]:
    """Give an open workspace whose clock stands still."""
    with open_at() as workspace:
        yield workspace


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the URL of a PostgreSQL server that lives as long as the tests and listens on a socket file only."""
    if not (POSTGRES / "initdb").exists():
        pytest.skip(f"PostgreSQL 15 is not installed in {POSTGRES}")
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path must be short
    owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if owner:
        shutil.chown(folder, "postgres", "postgres")
    run = [*owner, str(POSTGRES / "pg_ctl"), "-D", str(folder / "data"), "-s", "-w"]
    try:
        _quietly([*owner, str(POSTGRES / "initdb"), "-D", str(folder / "data"), "-U", "ona", "--auth=trust", "-N"])
        _quietly([*run, "-o", f"-k {folder} -c listen_addresses=", "-l", str(folder / "log"), "start"])
        try:
            yield f"postgresql+psycopg://ona@/postgres?host={folder}"
        finally:
            _quietly([*run, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _quietly(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/some.sqlite"
    import psycopg

    server = request.getfixturevalue("postgres")
    name = f"t{tmp_path.name}{os.getpid()}".replace("-", "_").lower()[:60]
    host = server.partition("host=")[2]
    with psycopg.connect(f"host={host} user=ona dbname=postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://ona@/{name}?host={host}"
