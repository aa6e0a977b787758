"""What an operator is told about a network connector: how to connect it, what its token may do, what a pull will take."""

import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic.fields import FieldInfo

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
    module = importlib.import_module(modules[source])
    steps = getattr(module, "HOW_TO", None)
    return list(steps) if steps else _by_its_settings(source, module.Config.model_fields)


def _by_its_settings(source: str, fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return the steps of a connector that reads files: its settings say all there is."""
    needed = [name for name, field in fields.items() if field.is_required()]
    return [
        f"1. In ona.toml: [connectors.{source}] with {' and '.join(needed)}; it also takes {', '.join(sorted({*fields} - {*needed}))}.",
        f"2. ona pull {source} --dry-run, then: ona pull {source}",
    ]


def takes_token(source: str) -> bool:
    """Whether a source is a service that asks for a token; files need none."""
    modules = connector_names()
    return source in modules and issubclass(importlib.import_module(modules[source]).Config, network.Config)


def checked(ws: Workspace, source: str) -> Scopes:
    """Ask the service what the token of a source may do."""
    scopes = pulls.check(ws, [source])[source]
    if scopes is not None:
        return scopes
    if takes_token(source):
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


def refused_in_words(outcomes: Sequence[pulls.Outcome]) -> list[str]:
    """Say by code why rows of the pulls just made were quarantined."""
    reports = [(one.connector, one.report.quarantined) for one in outcomes if one.report and one.report.quarantined]
    return [
        f"{name} quarantined {', '.join(f'{count:,} {code}' for code, count in sorted(codes.items()))}: not used."
        for name, codes in reports
    ]
