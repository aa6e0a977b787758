"""Everything held on one person, for that person to take along: as one JSON document or as tables, and nothing of anybody else."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from ona.tables import AccountKind, Channel, Kind
from pipelines import scans
from pipelines.access import words
from pipelines.access.behind import refuse_acting
from pipelines.access.own import kept, own_accounts, own_person, who_looked
from pipelines.access.policy import Viewer, demand
from pipelines.access.rights import Right
from pipelines.reports import cell
from pipelines.rights import contests, invitations, reveals
from pipelines.schema.holders import LINKS, row_columns
from pipelines.storage.workspace import Workspace

Row = dict[str, object]
Sections = dict[str, list[Row]]

OF_OTHERS = {
    "requester",
    "inviter",
    "decided_by",
    "answered_by",
    "requested_by",
    "viewer",
    "provider_session",
    "hash",
    "identity",
    "set_by",
}
"""Columns that name somebody else, or that open something."""

SEALED = {"reason", "key_version"}
"""Columns of requests for the name: what somebody wrote about it is theirs."""

SEEN = ("scores", "flags", "contributions", "facts")


def export_own(ws: Workspace, viewer: Viewer) -> Sections:
    """Return everything held on the viewer, as named tables; not audited, for it is theirs."""
    demand(ws, viewer, Right.OWN_RECORD)
    refuse_acting(viewer)
    person = own_person(viewer)
    sealed = _sealed(ws, person)
    told: Sections = {
        "about": [{"made": ws.now(), "mode": str(ws.settings.mode), "note": str(words.STANDING_LINE), **asdict(kept(ws))}],
        "name": [{"name": name} for name in ws.vault.names([person]).values()],
        "accounts": [asdict(one) for one in own_accounts(ws, person)],
        "looks": [asdict(one) for one in who_looked(ws, viewer, {str(row["scan"]) for row in sealed["result_scores"]})],
        "name_given_out": [asdict(one) for one in reveals.notices(ws, person)],
        "invitations": [asdict(one) for one in invitations.received(ws, viewer)],
        "contests": [_without(asdict(one), {"view_id"}) for one in contests.own_contests(ws, viewer)],
    }
    accounts = ws.vault.accounts_of(person)
    return told | _stored(ws, person) | sealed | _weekly(ws, accounts) | {"events": _events(ws, accounts)}


def as_json(sections: Mapping[str, Sequence[Row]]) -> str:
    """Return the tables as one JSON document."""
    return json.dumps(sections, default=_plain, ensure_ascii=False, indent=1)


def as_tables(sections: Mapping[str, Sequence[Row]]) -> bytes:
    """Return the tables as CSV files in one archive; no cell opens as a formula."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in sections.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.csv", (1980, 1, 1, 0, 0, 0)), _csv(rows))
    return packed.getvalue()


def _csv(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=names)
    writer.writeheader()
    writer.writerows({name: cell(_flat(value)) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _stored(ws: Workspace, person: int) -> Sections:
    """Rows of the service database that are about the person, whatever room they belong to, without anybody else in them."""
    people_in = {*row_columns(), *LINKS}
    found: Sections = {}
    for column in row_columns():
        table = column.table
        shown = [one for one in table.columns if one not in people_in and one.name not in OF_OTHERS | SEALED]
        rows = ws.service.rows(sa.select(*shown).where(column == person)) if shown else []
        name = f"stored_{table.name}" + ("" if column.name == "person" else f"_as_{column.name}")
        if rows:
            found[name] = [dict(row._mapping) for row in rows]
    for row in found.get("stored_people", ()):
        row["kind"] = AccountKind(int(str(row["kind"]))).name.lower()
    return found


def _sealed(ws: Workspace, person: int) -> Sections:
    """Return the person's rows of every sealed scan, and of each network how many ties they have."""
    mine = [("person", "=", person)]
    found: Sections = {name: [] for name in (*(f"result_{one}" for one in SEEN), "result_networks")}
    for one in scans.list_scans(ws):
        folder = ws.home / "scans" / one.id
        about: Row = {"scan": one.id, "start": one.start, "end": one.end}
        for name in SEEN:
            rows = pq.read_table(folder / f"{name}.parquet", filters=mine).drop_columns(["person"]).to_pylist()
            found[f"result_{name}"] += [about | row for row in rows]
        for graph in scans.GRAPHS:
            ties = pq.read_table(folder / f"graph_{graph}.parquet", filters=[[("source", "=", person)], [("target", "=", person)]])
            found["result_networks"].append(
                about | {"network": graph, "ties": ties.num_rows, "weight": pc.sum(ties["weight"]).as_py() or 0.0}
            )
    return found


def _weekly(ws: Workspace, accounts: Sequence[int]) -> Sections:
    """Return the person's weekly traces: how many ties and asks, with nobody named on the other side, and their presence."""
    ids = pa.array(sorted(accounts), pa.int64())
    counted = (
        ("ties", "from", "ties_to_others"),
        ("ties", "to", "ties_from_others"),
        ("asks", "asker", "asks_of_others"),
        ("asks", "helper", "asks_by_others"),
    )
    found: Sections = {}
    for table, who, name in counted:
        rows = _mine(ws, table, who, ids, ["week", "channel", who]).group_by(["week", "channel"]).aggregate([(who, "count")])
        found[name] = [
            {"week": row["week"], "channel": Channel(row["channel"]).name.lower(), "rows": row[f"{who}_count"]} for row in rows.to_pylist()
        ]
    summed = _mine(ws, "aggregates", "from", ids, ["week", "source", "from"]).group_by(["week", "source"]).aggregate([("from", "count")])
    found["ties_added_up_elsewhere"] = [{**row, "rows": row.pop("from_count")} for row in summed.to_pylist()]
    presence = _mine(ws, "presence", "account", ids, None)
    found["presence"] = presence.drop_columns(["account"]).to_pylist() if presence.num_columns else []
    return found


def _events(ws: Workspace, accounts: Sequence[int]) -> list[Row]:
    """Single events that are still kept: when, of what kind, sent or received, and how many others there were."""
    own = set(accounts)
    found: list[Row] = []
    for file in ws.lake.files("events"):
        table = pq.read_table(ws.lake.root / file.path, columns=["source", "kind", "sent", "sender", "recipients"])
        for row in table.to_pylist():
            there = [one["account"] for one in row["recipients"]]
            if row["sender"] in own or own.intersection(there):
                part = "sent" if row["sender"] in own else "received"
                others = len({row["sender"], *there} - own)
                found.append(
                    {"sent": row["sent"], "source": row["source"], "kind": Kind(row["kind"]).name.lower(), "part": part, "others": others}
                )
    return found


def _mine(ws: Workspace, table: str, who: str, ids: pa.Array, columns: list[str] | None) -> pa.Table:
    kept_rows = [
        pq.read_table(ws.lake.root / file.path, columns=columns, filters=pc.is_in(pc.field(who), value_set=ids))
        for file in ws.lake.files(table)
    ]
    return pa.concat_tables(kept_rows) if kept_rows else ws.lake.read(table, [], columns=columns)


def _without(row: Row, names: Iterable[str]) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _flat(value: object) -> object:
    return json.dumps(value, default=_plain, ensure_ascii=False) if isinstance(value, list | dict) else value


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
