"""Noise that must not matter: mass mail, a talkative bot, one message written as eight. Renamed people are in test_scan."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ona.rules import Rules, TieRules
from ona.scan import Scan, scan
from ona.simulate.company import Company, company
from ona.tables import ACCOUNTS, EVENTS, AccountKind, Flag, Kind, Role, SpaceKind
from pipelines.engine.duckdb import Engine
from pipelines.ties import tables_of

NINETY_FIFTH = 0.02  # percentile points of people not touched directly, section 13.4


def scanned(made: Company, events: pa.Table, accounts: pa.Table) -> Scan:
    with Engine(threads=1) as engine:
        ties, asks, presence = tables_of(engine, events, accounts, TieRules())
    return scan(ties, asks, presence, made.people, Rules(n_resamples=20, n_halves=6))


@pytest.fixture(scope="module")
def made() -> Company:
    return company(people=130, seed=6)


@pytest.fixture(scope="module")
def events(made) -> pa.Table:
    return made.events()


@pytest.fixture(scope="module")
def places(made, events) -> dict:
    return percentiles(scanned(made, events, made.accounts))


def percentiles(found: Scan) -> dict[tuple[int, str], float]:
    """Place among peers in both facets."""
    rows = found.scores.filter(pc.field("name").isin(["helper", "broker"]) & pc.is_valid(pc.field("tier")))
    keys = zip(rows["person"].to_pylist(), rows["name"].to_pylist(), strict=True)
    return dict(zip(keys, rows["percentile"].to_pylist(), strict=True))


def rows_like(row: dict[str, object], many: list[dict[str, object]]) -> pa.Table:
    """Copies of an event with these changes."""
    return pa.Table.from_pylist([row | change for change in many], schema=EVENTS.schema)


def mass_mail(made: Company, events: pa.Table) -> tuple[pa.Table, pa.Table, set[int]]:
    """One mail from a person to 500 addresses, everybody in the company among them."""
    row = events.filter(pc.equal(events["kind"], Kind.MAIL.value)).slice(5, 1).to_pylist()[0]
    everybody = [person for person in made.people["person"].to_pylist() if person != row["sender"]]
    to = [{"account": person, "role": Role.TO.value} for person in everybody]
    return (
        pa.concat_tables([events, rows_like(row, [{"event": 11, "recipients": to, "audience": 500, "reply_to": None}])]),
        made.accounts,
        set(),
    )


def talkative_bot(made: Company, events: pa.Table) -> tuple[pa.Table, pa.Table, set[int]]:
    """A bot writes 10,000 messages into the channels and mentions people in them."""
    bot, rng = 77, np.random.default_rng(0)
    roots = events.filter((pc.field("space_kind") == SpaceKind.CHANNEL.value) & pc.field("root").is_null())
    picked = roots.take(rng.integers(0, len(roots), 10_000)).to_pylist()
    people = made.people["person"].to_numpy()
    messages = [
        row
        | {"event": 1000 + k, "sender": bot, "flags": int(Flag.BOT), "audience": 1, "kind": Kind.MESSAGE.value}
        | {"recipients": [{"account": int(rng.choice(people)), "role": Role.MENTIONED.value}]}
        for k, row in enumerate(picked)
    ]
    account = pa.table([[bot], [bot], [AccountKind.BOT.value], [31], [False]], schema=ACCOUNTS.schema)
    return (
        pa.concat_tables([events, pa.Table.from_pylist(messages, schema=EVENTS.schema)]),
        pa.concat_tables([made.accounts, account]),
        set(),
    )


def eightfold(made: Company, events: pa.Table) -> tuple[pa.Table, pa.Table, set[int]]:
    """A person writes one message of a conversation in eight parts, seconds apart."""
    row = events.filter(pc.equal(events["space_kind"], SpaceKind.DIRECT.value)).slice(100, 1).to_pylist()[0]
    parts = [{"event": 31 + k, "sent": row["sent"] + np.timedelta64(k + 1, "s").item()} for k in range(7)]
    touched = {row["sender"], *(to["account"] for to in row["recipients"])}
    return pa.concat_tables([events, rows_like(row, parts)]), made.accounts, touched


@pytest.mark.parametrize("disturb", [mass_mail, talkative_bot, eightfold])
def test_people_who_are_not_touched_hardly_move(
    made: Company, events: pa.Table, places: dict, disturb: Callable[[Company, pa.Table], tuple[pa.Table, pa.Table, set[int]]]
):
    changed, accounts, touched = disturb(made, events)
    after = percentiles(scanned(made, changed, accounts))
    moved = [abs(after[key] - place) for key, place in places.items() if key in after and key[0] not in touched]
    assert len(moved) >= 0.98 * len(places) - 2 * len(touched)
    assert np.quantile(moved, 0.95) <= NINETY_FIFTH
