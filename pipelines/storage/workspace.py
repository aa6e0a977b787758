"""One deployment opened: its settings, keys, vault, lake and service database, and the lock of who may write."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ona.errors import SettingsError, TryLaterError
from pipelines.keys import Keys, load_keys
from pipelines.settings import Settings
from pipelines.storage.gathering import Gathering
from pipelines.storage.lake import Lake
from pipelines.storage.service import Service, open_service
from pipelines.storage.service import now as utc_now
from pipelines.storage.vault import Vault, open_vault

EXPORTS_FOLDER = "exports"
"""Files about single people that wait to be taken, below the deployment's folder."""


@dataclass
class _Held:
    """How often this process holds the write lock, and through which descriptor."""

    depth: int = 0
    descriptor: int = -1


@dataclass(frozen=True)
class Workspace:
    """What every verb works on."""

    settings: Settings
    keys: Keys
    vault: Vault
    lake: Lake
    service: Service
    now: Callable[[], datetime] = utc_now  # naive UTC
    journal: Gathering[tuple[object, ...]] = field(default_factory=Gathering, repr=False, compare=False)  # of the audit log
    memory: dict[str, tuple[str, object]] = field(default_factory=dict, repr=False, compare=False)  # of readings, each under its mark
    _held: _Held = field(default_factory=_Held, repr=False, compare=False)

    @property
    def home(self) -> Path:
        """Folder of the deployment."""
        return self.settings.home

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from writing; leftovers of a killed one are swept first.

        Raises TryLaterError at once when another process writes. May be nested.
        """
        if not self._held.depth:
            self._held.descriptor = _lock(self.home / "lock")
        self._held.depth += 1
        try:
            if self._held.depth == 1:
                self.lake.sweep()
            yield
        finally:
            self._held.depth -= 1
            if not self._held.depth:
                os.close(self._held.descriptor)


@contextmanager
def open_workspace(settings: Settings, now: Callable[[], datetime] = utc_now) -> Iterator[Workspace]:
    """Open the deployment that the settings describe; close its databases at the end."""
    home = settings.home
    if not home.is_dir():
        raise SettingsError(f"{home} does not exist. Make it with: ona init")
    keys = load_keys(settings)
    seed = settings.seed if settings.deterministic_ids else None
    with closing(open_service(settings.service_url)) as service, closing(open_vault(settings.vault_url, keys, seed)) as vault:
        yield Workspace(settings, keys, vault, Lake(home / "lake", service), service, now)


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise TryLaterError("Another pull or scan is writing to this deployment. Wait for it to end, then run the same command.") from None
    return descriptor
