"""What an operator is told about a network connector: how to connect it, what its token may do, what a pull will take."""

import importlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from connectors import network
from connectors.base import connector_names
from connectors.network import Plan, Scopes
from ona.errors import SettingsError
from pipelines.intake import pulls
from pipelines.intake.coverage import counted
from pipelines.storage.workspace import Workspace


def how_to(source: str) -> list[str]:
    """Return the steps of connecting a source, as its module states them."""
    modules = connector_names()
    if source not in modules:
        raise SettingsError(f"There is no connector {source!r}. There are: {', '.join(modules)}.")
    steps = getattr(importlib.import_module(modules[source]), "HOW_TO", None)
    return list(steps) if steps else [f"Put its settings under [connectors.{source}] in ona.toml, then: ona pull {source} --dry-run"]


def checked(ws: Workspace, source: str) -> Scopes:
    """Ask the service what the token of a source may do."""
    scopes = pulls.check(ws, [source])[source]
    if scopes is not None:
        return scopes
    if issubclass(importlib.import_module(connector_names()[source]).Config, network.Config):
        raise SettingsError(
            f"The tokens of {source} name no scopes to compare. Give it one that may only read, then: ona pull {source} --dry-run"
        )
    raise SettingsError(f"{source} reads files and needs no token. Look at it with: ona pull {source} --dry-run")


def in_words(scopes: Scopes) -> list[str]:
    """Say what is granted, what is missing and what is too much."""
    spare = set(scopes.granted) - {*scopes.needed, *scopes.too_wide}
    lines = [f"granted   {scope}{'  (this connector does without)' if scope in spare else ''}" for scope in scopes.granted]
    lines += [f"MISSING   {scope}: grant it to the app" for scope in scopes.missing]
    lines += [f"TOO WIDE  {scope}: take it away, it could read or change more than any connector here needs" for scope in scopes.too_wide]
    if scopes.missing or scopes.too_wide:
        return lines
    return [*lines, f"The token may do what is needed and nothing {'that is too wide' if spare else 'else'}."]


def plan_in_words(connector: str, plan: Plan) -> list[str]:
    """Say what a pull would do."""
    takes = timedelta(seconds=round(plan.seconds))
    spans = "channels or mailboxes" if plan.people else "spans of time, of everybody"
    counts = [f"{count:,} {what}" for count, what in ((plan.people, "people"), (plan.streams, spans)) if count]
    said = ", ".join([*counts, f"about {plan.calls:,} calls"])
    ends = f"{datetime.now() + takes:%H:%M}" if takes < timedelta(hours=12) else f"{datetime.now() + takes:%Y-%m-%d %H:%M}"
    return [
        f"{connector}: {said}; takes about {takes}, until {ends} if it begins now.",
        f"{connector} leaves unread: {', '.join(plan.not_read)}.",
    ]


def asked_in_words(outcomes: Sequence[pulls.Outcome]) -> list[str]:
    """Say who was asked, read, refused and skipped in the pulls just made."""
    reports = [outcome.report for outcome in outcomes if outcome.report]
    return [one.in_words() for report in reports for one in counted(report.connector, report.notes)]
