"""The fake vendors started by hand: a simulated company behind them, and a deployment that is ready to pull from it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.simulated.faults import Faults
from connectors.simulated.server import Running, serve
from connectors.simulated.vendors import VENDORS
from connectors.simulated.world import World
from ona.errors import TryLaterError
from ona.simulate.company import company
from pipelines import keys

PACE = 100.0
"""Times faster than the vendors' own limits, so that nobody waits an hour to try something."""

SETTINGS = """\
# A deployment that pulls from the fake vendors: everything here is simulated.
company_domains = ["acme.example"]
"""


@dataclass(frozen=True)
class Wanted:
    """What company, and how bad its network."""

    people: int = 60
    weeks: int = 8
    seed: int = 7
    faults: float = 0.0  # share of calls that fail, and of the time in outages
    port: int = 8443


def run(home: Path, wanted: Wanted, tell: Callable[[str], None], wait: Callable[[], None] | None = None) -> None:
    """Serve until interrupted; the folder gets settings, a key, a token and the certificate to trust."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    today = datetime.now(UTC).date()
    start = today - timedelta(days=today.weekday(), weeks=wanted.weeks)
    faults = Faults(share=wanted.faults, bursts=wanted.faults, mangled=wanted.faults, seed=wanted.seed)
    world = World(company(people=wanted.people, weeks=wanted.weeks, seed=wanted.seed, start=start), faults=faults, pace=PACE)
    try:
        with serve(world, port=wanted.port, folder=home) as running:
            _prepare(home, running)
            tell(running.address)
            (wait or _forever)()
    except OSError:
        raise TryLaterError(f"Port {wanted.port} is taken. Choose another: ona fake-vendors --port {wanted.port + 1}") from None


def _prepare(home: Path, running: Running) -> None:
    """Write settings and key once; addresses and tokens anew each time, since the certificate and perhaps the port are new."""
    sections = [vendor.section(running.address, home, PACE) for vendor in VENDORS if hasattr(vendor, "section")]
    (home / "ona.toml").write_text("\n".join([SETTINGS, *sections]), encoding="utf-8")
    if not (home / "key").exists():
        keys.create_key(home / "key")


def _forever() -> None:
    while True:
        time.sleep(3_600)
