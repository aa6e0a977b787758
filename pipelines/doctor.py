"""What an operator looks at: the machine, the key, the databases, the connectors, and the accounts that are no people."""

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ona.errors import OnaError
from ona.tables import AccountKind
from pipelines import audit_grants, jobs
from pipelines.growth import issuer
from pipelines.intake import people, pulls
from pipelines.scans import SealedScan, list_scans
from pipelines.settings import Settings, load_settings
from pipelines.storage.service import SCHEMA_VERSION
from pipelines.storage.workspace import Workspace, open_workspace

LEAST_FREE = 1 << 30
"""Bytes that a small company's first pull and scan need with room to spare."""

MOST_ACCOUNTS = 10
"""Accounts of one kind that the report names; a company has thousands of former ones."""

NOT_PEOPLE = [AccountKind.BOT, AccountKind.SHARED, AccountKind.ROOM, AccountKind.TECHNICAL, AccountKind.FORMER]


@dataclass(frozen=True)
class Check:
    """One line of the examination."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def examine(home: Path | None) -> list[Check]:
    """Check everything that a pull and a scan need; later checks are left out when an earlier one makes them impossible."""
    checks = [_check("Python", lambda: f"{platform.python_version()} on {platform.system()}")]
    try:
        settings = load_settings(home)
    except OnaError as error:
        return [*checks, Check("Settings", ok=False, found="", fix=str(error))]
    checks += [Check("Settings", ok=True, found=str(settings.home)), _check("Disk", lambda: _free(settings))]
    try:
        with open_workspace(settings) as ws:
            checks += [Check("Key and databases", ok=True, found=_databases(ws)), *_service_checks(ws)]
            checks += [*_connector_checks(ws), _check("Scans", lambda: _scans(ws))]
    except OnaError as error:
        checks.append(Check("Key and databases", ok=False, found="", fix=str(error)))
    return checks


def technical_accounts(ws: Workspace, sealed: SealedScan) -> list[dict[str, str]]:
    """Return handle and kind of accounts that are no people, then of those that look like none; for the local operator only."""
    table = people.accounts(ws)
    kept = table.filter(pc.is_in(table["kind"], pc.cast([int(kind) for kind in NOT_PEOPLE], table["kind"].type)))
    known = dict(zip(*_columns(kept), strict=True))
    suspects = {row["account"]: "looks automated: " + ", ".join(row["reasons"]) for row in sealed.automation if row["account"] not in known}
    handles = ws.vault.handles([*known, *suspects])
    rows = sorted((AccountKind(kind).name.lower(), handles.get(account, "")) for account, kind in known.items())
    rows += sorted((why, handles.get(account, "")) for account, why in suspects.items())
    return [{"kind": kind, "handle": handle} for kind, handle in rows]


def quality_in_words(found: Mapping[str, Any], technical: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the data-quality report as lines for a terminal."""
    lines = [
        f"Data from {found['start']} to {found['end']} (exclusive): {found['verdict']}",
        *(f"  ! {reason}" for reason in found["reasons"]),
    ]
    for one in found["connectors"]:
        lines += ["", f"{one['connector']}: {one['verdict']}", f"  read {one['read']:,} = {_sum_in_words(one)}"]
        lines += [f"  {fate} {count:>9,}  {code}" for fate in ("dropped", "quarantined") for code, count in one[fate].items()]
        lines += [f"  ! {reason}" for reason in one["reasons"]]
    lines += ["", "Scored"]
    lines += [
        f"  {facet:<8} " + ", ".join(f"{count} {reason}" for reason, count in counts.items()) for facet, counts in found["scored"].items()
    ]
    lines += ["", f"Coverage {found['coverage']['share']:.0%} of members left a trace; accounts: {_counts(found['accounts'])}"]
    apart = dict(found["events_kept_out_of_ties"])
    lines += [f"Events that count in ties: {apart.pop('kept', 0):,}; kept out: {_counts(apart) or 'none'}"]
    lines += [f"Reporting tree: {_counts(found['tree_faults']) or 'no faults'}"]
    if "checks" in found:
        lines += ["", "How far it holds", *(f"  {one}" for one in found["checks"]["says"])]
    if technical:
        lines += [
            "",
            "Not people, never scored; those that only look automated are scored (this list stays on this machine)",
            *_accounts_in_words(technical),
        ]
    return lines


def _accounts_in_words(technical: Sequence[Mapping[str, str]]) -> list[str]:
    """Name the first accounts of each kind, and say how many more there are."""
    kinds = dict.fromkeys(one["kind"] for one in technical)
    lines = []
    for kind in kinds:
        handles = [one["handle"] for one in technical if one["kind"] == kind]
        lines += [f"  {kind:<10} {handle}" for handle in handles[:MOST_ACCOUNTS]]
        lines += [f"  {kind:<10} and {len(handles) - MOST_ACCOUNTS:,} more: ona quality --json"] if len(handles) > MOST_ACCOUNTS else []
    return lines


def _sum_in_words(one: Mapping[str, Any]) -> str:
    dropped, quarantined = sum(one["dropped"].values()), sum(one["quarantined"].values())
    return f"{one['accepted']:,} accepted + {one['duplicate']:,} duplicate + {dropped:,} dropped by rule + {quarantined:,} quarantined"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, found=look())
    except OnaError as error:
        return Check(name, ok=False, found="", fix=str(error))


def _connector_checks(ws: Workspace) -> list[Check]:
    if not ws.settings.connectors:
        return [Check("Connectors", ok=False, found="", fix="None is configured. Add a section [connectors.NAME] to ona.toml.")]
    return [_check(f"Connector {name}", lambda n=name: _connector(ws, n)) for name in ws.settings.connectors]  # type: ignore[misc]


def _connector(ws: Workspace, name: str) -> str:
    (one,) = pulls.forecast(ws, [name])
    return f"gives {', '.join(one.gives)}" + (f", about {one.size:,} rows" if one.size else "")


def _service_checks(ws: Workspace) -> list[Check]:
    """Look at what a service needs beside its data."""
    looks = {
        "Clock": _clock,
        "Worker": _worker,
        "Sign-in": _sign_in,
        "Audit log": audit_grants.guarded_by,
        "Figures": _figures,
        "Credentials": _credentials,
    }
    return [_check(name, lambda look=look: look(ws)) for name, look in looks.items()]  # type: ignore[misc]


def _databases(ws: Workspace) -> str:
    return f"open, schema {SCHEMA_VERSION}, {ws.service.engine.dialect.name}"


def _clock(ws: Workspace) -> str:
    """Hold the clock against the last thing that was written here."""
    latest = max((row.created for row in ws.service.list_scans()), default=None)
    if latest is not None and latest > ws.now():
        raise OnaError(f"The clock says {ws.now():%Y-%m-%d %H:%M}, but a scan was sealed at {latest:%Y-%m-%d %H:%M}. Set the clock (UTC).")
    return f"{ws.now():%Y-%m-%d %H:%M} UTC"


def _worker(ws: Workspace) -> str:
    """Ask when a worker was last heard of; a single-user service starts one when there is something to do."""
    if jobs.is_attended(ws):
        return "alive"
    if ws.settings.sign_in is None:
        return "none; one starts with the first job"
    heard = jobs.last_beat(ws)
    raise OnaError(f"No worker was heard of {f'since {heard:%Y-%m-%d %H:%M} UTC' if heard else 'yet'}. Start one: ona worker.")


def _sign_in(ws: Workspace) -> str:
    """Say how people sign in; the secret is only looked for, never shown."""
    found = ws.settings.sign_in
    if found is None:
        return "none; one person by a link that works once"
    if found.client_secret is None and found.client_secret_file is None and found.client_certificate is None:
        raise OnaError("No client secret is set. Set ONA_SIGN_IN__CLIENT_SECRET, or client_secret_file in [sign_in].")
    return f"{found.issuer}, {len(found.roles)} roles, at {ws.settings.public_url}"


def _figures(ws: Workspace) -> str:
    return "by token" if ws.settings.metrics_token() else "for this machine"


def _credentials(ws: Workspace) -> str:
    """Look at the key that signs credentials: there, whole, read by nobody else, and not too old."""
    return "off" if ws.settings.credentials == "off" else issuer.examine(ws.settings, ws.now().date())


def _free(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home if settings.home.exists() else settings.home.parent).free
    if free < LEAST_FREE:
        raise OnaError(f"{free >> 20:,} MiB are free, {LEAST_FREE >> 20:,} MiB are needed. Make room.")
    return f"{free >> 30:,} GiB free"


def _scans(ws: Workspace) -> str:
    return f"{len(list_scans(ws))} sealed"


def _columns(table: Any) -> tuple[list[int], list[int]]:
    return table["account"].to_pylist(), table["kind"].to_pylist()
