"""The golden folders of the connectors and how what they yield is written down."""

import dataclasses
import json
from dataclasses import dataclass
from datetime import date
from enum import Enum, Flag
from pathlib import Path

import msgspec
import pytest

from connectors.base import Coverage, Cursor, connector_names, open_connector

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Pulled:
    """Everything one connector gave, with its account."""

    events: list
    people: list
    badges: list
    evidence: list
    days_off: list
    ties: list
    accounts: dict[str, Coverage]

    @property
    def plain(self):
        return json.loads(
            json.dumps(
                {
                    "events": [_plain(r) for r in self.events],
                    "people": [_plain(r) for r in self.people],
                    "badges": [_plain(r) for r in self.badges],
                    **({"evidence": [_plain(r) for r in self.evidence]} if self.evidence else {}),
                    **({"days_off": [_plain(r) for r in self.days_off]} if self.days_off else {}),
                    **({"ties": [_plain(r) for r in self.ties]} if self.ties else {}),
                    "accounts": {what: _account(c) for what, c in self.accounts.items()},
                },
                default=str,
            )
        )


def pull(name: str, section: dict) -> Pulled:
    """Read everything as the pipeline does: the reader of the records counts what it accepts."""
    connector = open_connector(name, section)
    found, accounts = {"events": [], "people": [], "badges": [], "evidence": [], "days_off": [], "ties": []}, {}
    for what, records in found.items():
        if hasattr(connector, what):
            accounts[what] = Coverage()
            records.extend(
                getattr(connector, what)(accounts[what], Cursor()) if what == "events" else getattr(connector, what)(accounts[what])
            )
            accounts[what].accepted = sum(getattr(record, "rows", 1) for record in records)
    return Pulled(**found, accounts=accounts)


def section(name: str) -> dict:
    config = json.loads((GOLDEN / name / "config.json").read_text())
    return config | {"path": GOLDEN / name / config["path"]}


@pytest.fixture
def pulling():
    return pull


@pytest.fixture
def golden_section(golden):
    return section(golden)


@pytest.fixture
def golden_folder(golden):
    return GOLDEN / golden


@pytest.fixture(params=sorted(name for name in connector_names() if (GOLDEN / name).is_dir()))
def golden(request) -> str:
    """Name each connector that has a golden folder."""
    return request.param


def _plain(record):
    """Write only what differs from the defaults: enums by name, dates in ISO form."""
    fields = msgspec.structs.fields(record) if isinstance(record, msgspec.Struct) else dataclasses.fields(record)
    return {f.name: _value(getattr(record, f.name)) for f in fields if getattr(record, f.name) != f.default}


def _value(value):
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    if isinstance(value, Flag):
        return int(value)
    if isinstance(value, Enum):
        return value.name
    return value.isoformat() if isinstance(value, date) else value


def _account(coverage):
    return {
        "read": coverage.read,
        "dropped": dict(coverage.dropped),
        "quarantined": dict(coverage.quarantined),
        "notes": dict(coverage.notes),
    }
