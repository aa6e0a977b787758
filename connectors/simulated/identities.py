"""Names, addresses and vendor ids of a simulated company's accounts, and the canaries put into every content field."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from connectors.simulated import names
from ona.simulate.company import Company
from ona.tables import AccountKind

GIVEN, FAMILY = names.GIVEN.split(), names.FAMILY.split()

CANARY = "CANARY"
"""Begins every piece of content: a byte string that must never be seen outside the inbox."""

DOMAIN = "acme.example"
SLACK_TEAM = "T0ACME"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def canary(kind: str, number: int) -> str:
    """Return a piece of content that a search finds again."""
    return f"{CANARY}-{kind}-{number & 0xFFFFFFFFFFFF:012x}"


def code(number: int, length: int = 10) -> str:
    """Return a number as capitals and digits, as vendor ids look."""
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in range(length))


@dataclass(frozen=True)
class Identity:
    """What the vendors know of one account."""

    account: int
    name: str
    email: str
    aliases: tuple[str, ...]
    zone: str
    kind: AccountKind
    left: bool

    @cached_property
    def slack(self) -> str:
        """Return the id in Slack."""
        return "U0" + code(self.account)

    @property
    def handle(self) -> str:
        """Return the Slack handle as HR lists it."""
        return f"slack:{SLACK_TEAM}/{self.slack}"

    @property
    def on_slack(self) -> bool:
        """Whether the account can write in Slack."""
        return self.kind in (AccountKind.MEMBER, AccountKind.BOT)


@dataclass(frozen=True)
class Identities:
    """The identities of a company by account id."""

    company: Company

    @cached_property
    def known(self) -> Mapping[int, Identity]:
        """Everybody in the people table."""
        people = self.company.people.to_pydict()
        rng = np.random.default_rng(np.random.SeedSequence([self.company.plan.seed, 3]))
        given = rng.integers(0, len(GIVEN), len(people["person"]))
        family = rng.integers(0, len(FAMILY), len(people["person"]))
        taken: dict[str, int] = {}
        rows = zip(people["person"], people["kind"], people["zone"], people["left"], given, family, strict=True)
        return {
            account: _identity(account, AccountKind(kind), zone, left is not None, (int(g), int(f)), taken)
            for account, kind, zone, left, g, f in rows
        }

    @cached_property
    def employees(self) -> Mapping[int, str]:
        """Employee numbers by account id, in the order of the people table."""
        return {account: f"E{place:06d}" for place, account in enumerate(self.known, start=1000)}

    def of(self, account: int) -> Identity:
        """Return an account's identity; somebody unknown is a customer."""
        found = self.known.get(account)
        if found is not None:
            return found
        name = f"Contact {code(account, 4)}"
        return Identity(account, name, f"{code(account, 8).lower()}@customer.example", (), "UTC", AccountKind.EXTERNAL, left=False)


def _identity(account: int, kind: AccountKind, zone: str, left: bool, drawn: tuple[int, int], taken: dict[str, int]) -> Identity:
    given, family = GIVEN[drawn[0]], FAMILY[drawn[1]]
    if kind != AccountKind.MEMBER:
        stem = {AccountKind.BOT: "no-reply", AccountKind.SHARED: "mailbox", AccountKind.ROOM: "room"}.get(kind, "list")
        taken[stem] = taken.get(stem, 0) + 1
        name = f"{stem.capitalize()} {taken[stem]}"
        return Identity(account, name, f"{stem}-{taken[stem]}@{DOMAIN}", (), zone, kind, left)
    stem = f"{_ascii(given)}.{_ascii(family)}"
    taken[stem] = taken.get(stem, 0) + 1
    local = stem if taken[stem] == 1 else f"{stem}{taken[stem]}"
    alias = f"{_ascii(given)[0]}{_ascii(family)}.{code(account, 3).lower()}@{DOMAIN}"
    aliases = (alias,) if account % 4 == 0 else ()
    return Identity(account, f"{given} {family}", f"{local}@{DOMAIN}", aliases, zone, kind, left)


def spelled(identity: Identity, number: int) -> str:
    """Return the address as somebody typed it: mostly plain, now and then an alias, in capitals or with a tag."""
    local, _, domain = identity.email.partition("@")
    if number % 29 == 0:
        return f"{local}+{'news' if number % 2 else 'work'}@{domain}"
    if number % 31 == 0:
        return f"{local.upper()}@{domain.upper()}"
    return identity.aliases[0] if identity.aliases and number % 7 == 0 else identity.email


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("ø", "o")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain.lower())
