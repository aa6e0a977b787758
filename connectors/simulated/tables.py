"""The HR table, the badge table, Open Badges files and the truth of a simulated company."""

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from connectors.simulated.identities import Identities, Identity, canary
from ona.simulate.company import Company
from ona.tables import AccountKind

HR = (
    *("employee_id", "name", "email", "aliases", "manager_id", "team", "department", "function", "site", "level", "fte", "work_days"),
    *(
        "time_zone",
        "language",
        "start_date",
        "end_date",
        "named_lead",
        "service_role",
        "on_call",
        "protected",
        "kind",
        "named_on_map",
        "slack_id",
    ),
)
BADGE = ("holder_email", "badge", "issuer", "level", "skills", "issued_on", "expires_on", "status", "narrative")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LISTED = (AccountKind.MEMBER, AccountKind.GUEST, AccountKind.BOT, AccountKind.SHARED, AccountKind.ROOM)

Row = dict[str, object]


def write_people(company: Company, identities: Identities, path: Path, opted_in: float) -> None:
    """Write the HR table, by employee number; the given share of members agrees to be named."""
    rng = np.random.default_rng(np.random.SeedSequence([company.plan.seed, 5]))
    agreed = rng.random(company.people.num_rows) < opted_in
    rows = (_employee(row, company, identities, named=bool(named)) for row, named in zip(company.people.to_pylist(), agreed, strict=True))
    _write(path, HR, ([row[name] for name in HR] for row in rows if row))


def _employee(row: Row, company: Company, identities: Identities, *, named: bool) -> Row:
    account, kind = row["person"], AccountKind(_number(row["kind"]))
    if kind not in LISTED:
        return {}
    identity = identities.of(_number(account))
    labels = {name: company.labels[name].get(_number(row[name]), "") for name in ("team", "function", "site")}
    return {
        **{name: _text(row[name]) for name in ("level", "fte", "language", "named_lead", "service_role", "on_call", "protected")},
        **labels,
        "employee_id": identities.employees[identity.account],
        "name": identity.name,
        "email": identity.email,
        "aliases": ";".join(identity.aliases),
        "manager_id": identities.employees.get(_number(row["manager"]), ""),
        "department": company.labels["group"].get(_number(row["group"]), ""),
        "work_days": ";".join(day for place, day in enumerate(WEEKDAYS) if _number(row["work_days"]) >> place & 1),
        "time_zone": row["zone"],
        "start_date": _text(row["joined"]),
        "end_date": _text(row["left"]),
        "kind": kind.name.lower(),
        "named_on_map": _text(named and kind == AccountKind.MEMBER),
        "slack_id": identity.handle if identity.on_slack else "",
    }


def write_badges(company: Company, identities: Identities, table: Path, folder: Path) -> None:
    """Write the badge table and one Open Badges file per badge of those standards."""
    rows = company.badges.to_pylist()
    stated = [row for row in rows if row["standard"] == "table"]
    _write(table, BADGE, (_badge(row, identities.of(row["person"])) for row in stated))
    folder.mkdir(exist_ok=True)
    for row in rows:
        if row["standard"] != "table":
            document = (_assertion if row["standard"] == "ob2" else _credential)(row, identities.of(row["person"]))
            text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
            (folder / f"{row['standard']}-{row['badge']:016x}.json").write_text(text + "\n", encoding="utf-8")


def _badge(row: Row, holder: Identity) -> list[object]:
    number = _number(row["badge"])
    written = [_text(row[name]) for name in ("name", "issuer", "level")]
    skills = row["skills"]
    joined = ";".join(skills) if isinstance(skills, list) else ""
    dates = [_text(row[name]) for name in ("issued_on", "expires_on")]
    return [holder.email, *written, joined, *dates, row["status"], canary("narrative", number)]


def _assertion(row: Row, holder: Identity) -> Row:
    """Return an Open Badges 2.0 assertion whose holder is a salted digest."""
    number = _number(row["badge"])
    salt = f"salt{number % 9973}"
    digest = hashlib.sha256((holder.email + salt).encode()).hexdigest()
    address = f"https://badges.example/{number:016x}"
    skills = row["skills"]
    issuer = {"type": "Profile", "id": "https://badges.example/issuer", "name": row["issuer"], "url": "https://badges.example"}
    meaning = {
        "type": "BadgeClass",
        "id": f"{address}/class",
        "name": row["name"],
        "description": canary("description", number),
        "image": f"{address}/image",
        "criteria": {"narrative": canary("criteria", number)},
        "issuer": issuer,
        "tags": skills,
    }
    return {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "Assertion",
        "id": address,
        "recipient": {"type": "email", "hashed": True, "salt": salt, "identity": f"sha256${digest}"},
        "badge": meaning,
        "verification": {"type": "hosted"},
        "issuedOn": f"{row['issued_on']}T00:00:00Z",
        **({"expires": f"{row['expires_on']}T00:00:00Z"} if row["expires_on"] else {}),
        "narrative": canary("narrative", number),
    }


def _credential(row: Row, holder: Identity) -> Row:
    """Return an Open Badges 3.0 credential without proof, as platforms export it."""
    number = _number(row["badge"])
    address = f"https://badges.example/{number:016x}"
    achievement = {
        "type": ["Achievement"],
        "id": f"{address}/achievement",
        "name": row["name"],
        "description": canary("description", number),
        "criteria": {"narrative": canary("criteria", number)},
        "tag": row["skills"],
    }
    identifier = {"type": "IdentityObject", "hashed": False, "identityHash": holder.email, "identityType": "emailAddress"}
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "id": address,
        "issuer": {"id": "https://badges.example/issuer", "type": ["Profile"], "name": row["issuer"]},
        "validFrom": f"{row['issued_on']}T00:00:00Z",
        **({"validUntil": f"{row['expires_on']}T00:00:00Z"} if row["expires_on"] else {}),
        "credentialSubject": {"type": ["AchievementSubject"], "identifier": [identifier], "achievement": achievement},
        "name": canary("name", number),
    }


def write_truth(company: Company, identities: Identities, path: Path) -> None:
    """Write who is planted, by employee number and address; no connector reads it."""
    names = ("employee_id", "email", "role", "hidden", "part_time", "rate")
    rows = (
        [identities.employees[row["person"]], identities.of(row["person"]).email, *(_text(row[name]) for name in names[2:])]
        for row in company.truth.to_pylist()
    )
    _write(path, names, rows)


def _write(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\r\n")
        table.writerow(names)
        table.writerows(rows)


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
