"""Every configured connector in the order that the data needs: people, then their days off, events, badges and evidence."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pydantic

from connectors.base import (
    BadgeConnector,
    DaysOffConnector,
    EventConnector,
    EvidenceConnector,
    PeopleConnector,
    TieConnector,
    connector_names,
    open_connector,
)
from connectors.network import CheckedConnector, ForecastConnector, Plan, Scopes, SteppedConnector
from ona.errors import ConnectorError, OnaError, SettingsError, TableError
from pipelines.intake import aggregates, badges, days_off, events, evidence, people, steps
from pipelines.storage.accounting import Progress, PullReport
from pipelines.storage.cursors import read_cursor
from pipelines.storage.workspace import Workspace


@dataclass(frozen=True)
class Outcome:
    """What became of one stream of one connector."""

    connector: str
    gives: str  # people, days off, events, ties, badges or evidence
    report: PullReport | None
    error: str | None = None


@dataclass(frozen=True)
class Forecast:
    """What a pull would read; nothing was read."""

    connector: str
    gives: tuple[str, ...]
    size: int | None  # rows, None when only reading would tell
    not_read: str
    plan: Plan | None = None  # of a network connector: people, channels or mailboxes, calls and seconds


NEVER = "message text, subjects, titles, file names, locations and links are never read into a record"

PATHS = ("path", "authority", "certificate")
"""Settings that name a file, beside those whose names end in ``_file``."""

STREAMS: tuple[tuple[str, type, Callable[..., PullReport]], ...] = (
    ("people", PeopleConnector, people.pull_people),
    ("days off", DaysOffConnector, days_off.pull_days_off),
    ("events", EventConnector, events.pull_events),
    ("events", SteppedConnector, steps.pull_steps),
    ("ties", TieConnector, aggregates.pull_ties),
    ("badges", BadgeConnector, badges.pull_badges),
    ("evidence", EvidenceConnector, evidence.pull_evidence),
)


def sections(ws: Workspace, names: Sequence[str], overrides: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the settings of the connectors asked for, or of all that are configured."""
    configured = ws.settings.connectors
    chosen = list(names) or list(configured)
    if not chosen:
        known = ", ".join(connector_names())
        raise SettingsError(f"No connector is configured. Add a section [connectors.NAME] to ona.toml; NAME is one of {known}.")
    return {name: {**_absolute(ws, configured.get(name, {})), **overrides} for name in chosen}


def forecast(
    ws: Workspace, names: Sequence[str] = (), overrides: Mapping[str, object] | None = None, *, progress: Progress | None = None
) -> list[Forecast]:
    """Return what a pull would read and how long it takes, without keeping a row."""
    opened = {name: _open(name, section) for name, section in sections(ws, names, overrides or {}).items()}
    _watched(opened, progress)
    return [_forecast(ws, name, one) for name, one in opened.items()]


def check(ws: Workspace, names: Sequence[str] = (), overrides: Mapping[str, object] | None = None) -> dict[str, Scopes | None]:
    """Ask each service what the connector's token may do; None for connectors that need no token. Reads no record."""
    opened = {name: _open(name, section) for name, section in sections(ws, names, overrides or {}).items()}
    return {name: one.check() if isinstance(one, CheckedConnector) else None for name, one in opened.items()}


def pull(
    ws: Workspace,
    names: Sequence[str] = (),
    overrides: Mapping[str, object] | None = None,
    *,
    only: str | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Pull every stream, or only those that give one thing; a connector that fails never stops the others."""
    opened = {name: _open(name, section) for name, section in sections(ws, names, overrides or {}).items()}
    _watched(opened, progress)
    outcomes = []
    for gives, kind, stage in STREAMS:
        for name, connector in opened.items():
            if isinstance(connector, kind) and only in (None, gives):
                outcomes.append(_attempt(ws, name, gives, lambda n=name, c=connector, s=stage: s(ws, n, c, progress=progress)))  # type: ignore[misc]
    return outcomes


@dataclass(frozen=True)
class Checked:
    """What a new check of all badges found."""

    checked: int
    by_status: Mapping[str, int]
    changed: tuple[Mapping[str, object], ...]  # before, now, badges
    errors: tuple[str, ...]  # by connector: what it says stays as it was


def check_badges(ws: Workspace, progress: Progress | None = None) -> Checked:
    """Read all badge connectors again: signatures, expiry, and hosted copies and status lists of listed issuers."""
    before = {badge: found.status for badge, found in badges.checks(ws).items()}
    outcomes = pull(ws, only="badges", progress=progress)
    after = {badge: found.status for badge, found in badges.checks(ws).items()}
    changed = Counter((before[badge], status) for badge, status in after.items() if before.get(badge, status) != status)
    told = tuple({"before": old, "now": new, "badges": count} for (old, new), count in sorted(changed.items()))
    return Checked(len(after), Counter(after.values()), told, tuple(f"{one.connector}: {one.error}" for one in outcomes if one.error))


def _watched(opened: Mapping[str, object], progress: Progress | None) -> None:
    """Let network connectors tell of their calls."""
    for name, connector in opened.items():
        if progress and isinstance(connector, SteppedConnector):
            connector.around = replace(connector.around, watch=_watcher(name, progress))


def _attempt(ws: Workspace, name: str, gives: str, run: Callable[[], PullReport]) -> Outcome:
    try:
        return Outcome(name, gives, run())
    except (ConnectorError, TableError, OSError) as error:
        ws.service.log_failure(name, gives, type(error).__name__)
        return Outcome(name, gives, None, str(error) if isinstance(error, OnaError) else f"{name} could not be read: {error.strerror}.")


def _forecast(ws: Workspace, name: str, connector: object) -> Forecast:
    plan = connector.forecast(read_cursor(ws, name)) if isinstance(connector, ForecastConnector) else None
    return Forecast(name, _gives(connector), connector.size() if isinstance(connector, EventConnector) else None, NEVER, plan)


def _watcher(name: str, progress: Progress) -> Callable[[str, int, int, float], None]:
    """Show what the calls of a connector do: answered, refused for being too many, and the seconds until the next try."""
    streams: dict[str, tuple[int, int]] = {}

    def watch(stream: str, fetched: int, limited: int, seconds: float) -> None:
        streams[stream] = (fetched, limited)
        calls, refused = (sum(one[place] for one in streams.values()) for place in (0, 1))
        told = [f"{len(streams)} streams", *([f"{refused} limited"] if refused else [])]
        told += [f"one waits, next try in {seconds:.0f} s"] if seconds >= 1 else []
        progress(f"{name} calls ({', '.join(told)})", calls, None)

    return watch


def _absolute(ws: Workspace, section: Mapping[str, object]) -> dict[str, object]:
    """Read paths of the settings file from the deployment's folder, wherever the command is called."""
    return {key: ws.home / str(value) if key in PATHS or key.endswith("_file") else value for key, value in section.items()}


def _gives(connector: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(gives for gives, kind, _ in STREAMS if isinstance(connector, kind)))


def _open(name: str, section: Mapping[str, object]) -> object:
    try:
        return open_connector(name, section)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"Connector {name} needs {error.name}. Install the vendors' libraries: python -m pip install -r locks/service.txt"
        ) from None
    except pydantic.ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        wrong = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'section'}: {fault['msg']}" for fault in faults)
        raise SettingsError(
            f"Settings of connector {name} do not fit: {wrong}. Mend [connectors.{name}] in ona.toml; see: ona connect {name}"
        ) from None
