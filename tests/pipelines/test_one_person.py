"""The same person by Slack id, mail, alias and directory id is one person, nobody else is, and a wrong join can be undone."""

import dataclasses
import itertools
import json
from collections import defaultdict
from datetime import date, timedelta

import pytest

from connectors.base import Coverage, RawPerson
from connectors.google import people as google
from connectors.identity import COMMON_RULES, canonical, id_handle, slack_handle
from connectors.microsoft import people as microsoft
from connectors.microsoft.sent import addresses
from connectors.records import read
from connectors.simulated.identities import SLACK_TEAM
from connectors.simulated.vendors import graph_records
from connectors.simulated.vendors.google import user as google_user
from connectors.simulated.vendors.graph import TENANT
from connectors.simulated.vendors.stock import Stock
from connectors.simulated.world import World
from ona.simulate.company import company
from ona.tables import AccountKind
from pipelines.intake import people as directory

ALIASES, REUSED = 40, 5
HANDED_OVER = date(2026, 3, 2)


class Given:
    """Gives people as a directory connector would."""

    def __init__(self, rows):
        self.rows = rows

    def people(self, coverage):
        for row in self.rows:
            coverage.read += 1
            yield row


@pytest.fixture(scope="module")
def staff():
    """75 people, 40 of them with an alias; five newcomers have the address that a leaver had before them."""
    stock = Stock(World(company(people=75, weeks=1, seed=11)))
    members = [one for one in stock.everybody if one.kind == AccountKind.MEMBER]
    plain = [dataclasses.replace(one, aliases=(), left=False) for one in members]
    named = [dataclasses.replace(one, aliases=(f"alias{n}@acme.example",)) for n, one in enumerate(plain[:ALIASES])] + plain[ALIASES:]
    heirs = dict(zip(range(50, 50 + REUSED), range(60, 60 + REUSED), strict=True))
    for leaver, newcomer in heirs.items():
        named[newcomer] = dataclasses.replace(named[newcomer], email=named[leaver].email)
        named[leaver] = dataclasses.replace(named[leaver], left=True)
    joined = {named[place].account: HANDED_OVER for place in heirs.values()}
    left = {named[place].account: HANDED_OVER for place in heirs}
    return stock, named, joined, left


def tenant(staff):
    """The same people as Microsoft's directory tells of them."""
    stock, named, joined, left = staff
    records = []
    for one in named:
        row = graph_records.user(stock, one) | {"createdDateTime": None, "deletedDateTime": None, "manager": None}
        row["createdDateTime"] = f"{joined.get(one.account, date(2020, 1, 1))}T08:00:00Z"
        row["deletedDateTime"] = f"{left[one.account]}T08:00:00Z" if one.account in left else None
        records.append(read(json.dumps(row).encode(), microsoft.User))
    return list(microsoft.people(records, TENANT, Coverage(), addresses(COMMON_RULES), {}, "hr"))


def workspace(staff):
    """The same people as Google's directory tells of them."""
    stock, named, joined, left = staff
    records = []
    for one in named:
        row = google_user(stock, one) | {"creationTime": f"{joined.get(one.account, date(2020, 1, 1))}T08:00:00Z", "relations": []}
        row["deletionTime"] = f"{left[one.account]}T08:00:00Z" if one.account in left else None
        records.append(read(json.dumps(row).encode(), google.User))
    return list(google.people(records, Coverage(), canonical, "hr"))


def chat(staff):
    """The same people as Slack's user list tells of them."""
    _, named, joined, left = staff
    return [
        RawPerson((slack_handle(SLACK_TEAM, one.slack), canonical(one.email)), joined=joined.get(one.account), left=left.get(one.account))
        for one in named
    ]


def table(staff):
    """The same people as an HR table tells of them."""
    stock, named, joined, left = staff
    return [
        RawPerson(
            (id_handle("hr", stock.identities.employees[one.account]), canonical(one.email)),
            joined=joined.get(one.account, date(2020, 1, 1)),
            left=left.get(one.account),
        )
        for one in named
    ]


def who(ws, staff):
    """Return for every name that somebody has in some system at some time the person that the vault finds, by true account."""
    stock, named, _, left = staff
    found = defaultdict(list)
    for one in named:
        day = left[one.account] - timedelta(days=30) if one.account in left else HANDED_OVER + timedelta(days=30)
        handles = [slack_handle(SLACK_TEAM, one.slack), id_handle("hr", stock.identities.employees[one.account])]
        handles += [f"entra:{TENANT}/{graph_records.guid(one.account)}", *map(canonical, (one.email, *one.aliases))]
        handles += [id_handle("x500", graph_records.distinguished(one).lower())]
        accounts = ws.vault.accounts(handles, seen=day)
        persons = dict(zip(ws.vault.accounts_table()["account"].to_pylist(), ws.vault.accounts_table()["person"].to_pylist(), strict=True))
        found[one.account] = [persons.get(account) for account in accounts]
    return found


def scores(found):
    """Return precision and recall over all pairs of names."""
    names = [(account, person) for account, persons in found.items() for person in persons]
    said = truly = both = 0
    for (a, p), (b, q) in itertools.combinations(names, 2):
        same, joined = a == b, p is not None and p == q
        said, truly, both = said + joined, truly + same, both + (same and joined)
    return both / said, both / truly


SYSTEMS = {"microsoft_directory": tenant, "google_directory": workspace, "slack_web_api": chat, "people": table}


@pytest.mark.parametrize(
    "order",
    [
        ("people", "microsoft_directory", "google_directory", "slack_web_api"),
        ("microsoft_directory", "slack_web_api", "people", "google_directory"),
    ],
)
def test_a_person_of_four_systems_is_one_person_and_nobody_else_is(ws, staff, order):
    for _ in range(2):  # a second pull changes nothing
        for name in order:
            directory.pull_people(ws, name, Given(SYSTEMS[name](staff)))
    precision, recall = scores(who(ws, staff))
    assert precision == 1.0
    assert recall >= 0.99


def test_several_legacy_addresses_of_one_mailbox_are_no_sign_of_two_people(ws):
    first = RawPerson((f"entra:{TENANT}/{TENANT}", "email:ann@acme.example", "id:x500//o=a/cn=1", "id:x500//o=a/cn=2"))
    later = dataclasses.replace(first, handles=(*first.handles, "email:ann.new@acme.example"))
    for row in (first, first, later):
        report = directory.pull_people(ws, "microsoft_directory", Given([row]))
        assert "shared_handles" not in report.notes
    assert len({ws.vault.person_of(handle) for handle in later.handles}) == 1


def test_a_wrong_join_can_be_undone_and_leaves_what_a_fresh_deployment_has(open_at, staff, tmp_path):
    _, named, *_ = staff
    ann, bob = named[0], named[1]
    slack = chat(staff)
    wrong = [RawPerson((slack[0].handles[0], canonical(bob.email)), zone="Asia/Kolkata"), *slack[2:]]  # bob's address on ann's account

    def deployment(name):
        return open_at(vault_url=f"sqlite:///{tmp_path}/{name}-vault.sqlite", service_url=f"sqlite:///{tmp_path}/{name}.sqlite")

    def state(ws):
        accounts = ws.vault.accounts_table().sort_by("account").to_pydict()
        return accounts, directory.current_people(ws, HANDED_OVER).to_pydict()

    with deployment("mended") as ws:
        for rows in (table(staff), wrong):
            directory.pull_people(ws, "people" if rows is not wrong else "slack_web_api", Given(rows))
        ann_on_slack = slack[0].handles[0]
        assert ws.vault.person_of(ann_on_slack) == ws.vault.person_of(canonical(bob.email)) != ws.vault.person_of(canonical(ann.email))
        assert directory.undo_join(ws, ann_on_slack, "slack_web_api") is None
        directory.pull_people(ws, "slack_web_api", Given(slack))
        mended = state(ws)
    with deployment("fresh") as ws:
        for name in ("people", "slack_web_api"):
            directory.pull_people(ws, name, Given(SYSTEMS[name](staff)))
        assert state(ws) == mended
