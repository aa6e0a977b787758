"""Which accounts belong to one person: by exact alias or directory link only, dated, and never by a name. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise

ALWAYS = date(1, 1, 1)
"""Start of an account that was never handed over."""

ADDRESSES = ("email", "id:x500")
"""Namespaces of addresses: one person may have several, and an address may be handed over to another person."""


@dataclass(frozen=True, repr=False)
class Claim:
    """What a directory says of one person: these handles were theirs while they were here; the first is the anchor."""

    tokens: tuple[bytes, ...]
    namespaces: tuple[str, ...]
    since: date | None = None
    until: date | None = None


@dataclass(repr=False)
class Entry:
    """One account: a handle during the interval in which it meant one person."""

    token: bytes
    namespace: str
    valid_from: date = ALWAYS
    valid_to: date | None = None
    account: int = 0  # 0: not yet stored
    person: int | None = None
    previous: int | None = None  # person before this round
    blocked: bool = False
    changed: bool = False

    def covers(self, day: date | None) -> bool:
        """Return whether the account is valid on that day; None asks for the latest."""
        return self.valid_to is None if day is None else self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass
class Book:
    """Known accounts by token and by person, changed in memory by ``link``."""

    new_person: Callable[[bytes, date], int]
    first: Mapping[int, datetime] = field(default_factory=dict)  # person → when it got an account first
    by_token: dict[bytes, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    by_person: dict[int, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    merged: dict[int, int] = field(default_factory=dict)  # former person → the one it is now
    shared: int = 0  # handles that several people claim at once: nobody gets them

    def add(self, entries: Iterable[Entry]) -> None:
        """Take known accounts in."""
        for entry in entries:
            self.by_token[entry.token].append(entry)
            if entry.person is not None:
                self.by_person[entry.person].append(entry)

    def link(self, claims: Sequence[Claim]) -> list[int]:
        """Return each claim's person, the same whatever the order of the claims."""
        owners = _owners(claims)
        found = dict.fromkeys(range(len(claims)), 0)
        for number in sorted(found, key=lambda i: (claims[i].since or ALWAYS, claims[i].tokens[0])):
            found[number] = self._link(number, claims[number], owners)
        return [self._now(person) for person in found.values()]

    def _link(self, number: int, claim: Claim, owners: dict[bytes, list[int]]) -> int:
        entries = [
            e
            for token, space in zip(claim.tokens, claim.namespaces, strict=True)
            if (e := self._entry(number, token, space, claim, owners))
        ]
        known = [entry.person for entry in entries if entry.person is not None]
        person = known[0] if known else self.new_person(claim.tokens[0], entries[0].valid_from)
        for other in dict.fromkeys(known):
            if other != person and not self._conflict(claim, other, also=person):
                person = self._merge(person, other)
        for entry in entries:
            if entry.person is None:
                self._assign(entry, person)
        return person

    def _entry(self, number: int, token: bytes, namespace: str, claim: Claim, owners: dict[bytes, list[int]]) -> Entry | None:
        """Return the account that this handle meant in the claim's time, split off where it changed hands; None when shared."""
        if number not in owners[token]:
            self.shared += 1
            return None
        entry = self._at(token, namespace, (claim.since or ALWAYS) if claim.until else None)
        foreign = entry.person is not None and self._conflict(claim, entry.person)
        later = claim.since is not None and entry.valid_from < claim.since
        if claim.since and later and (foreign or owners[token][0] != number):
            return self._split(entry, claim.since)
        if foreign and token != claim.tokens[0]:
            self.shared += 1
            return None
        return entry

    def _at(self, token: bytes, namespace: str, day: date | None) -> Entry:
        entries = self.by_token[token]
        if not entries:
            entries.append(Entry(token, namespace, changed=True))
        return next((entry for entry in entries if entry.covers(day)), entries[-1])

    def _conflict(self, claim: Claim, person: int, also: int | None = None) -> bool:
        """Return whether a directory knows the claim and that person under two different ids: then they are two people."""
        ids = dict(zip(claim.namespaces, claim.tokens, strict=True))
        mine = [*self.by_person.get(also, ())] if also is not None else []
        ids |= {entry.namespace: entry.token for entry in mine}
        return any(e.namespace not in ADDRESSES and ids.get(e.namespace, e.token) != e.token for e in self.by_person.get(person, ()))

    def _split(self, entry: Entry, day: date) -> Entry:
        """End an account on the day its handle was given to somebody else, and start another."""
        later = Entry(entry.token, entry.namespace, day, entry.valid_to, changed=True, blocked=False)
        entry.valid_to, entry.changed = day, True
        entries = self.by_token[entry.token]
        entries.insert(entries.index(entry) + 1, later)
        return later

    def _merge(self, person: int, other: int) -> int:
        """Make two persons one and return it: who was known first, so that neither a mistake nor its cure changes an id."""
        known, later = (self.first.get(one, datetime.max) for one in (person, other))
        person, former = (other, person) if later < known else (person, other)
        for entry in self.by_person.pop(former, []):
            self._assign(entry, person)
        self.merged[former] = person
        return person

    def _assign(self, entry: Entry, person: int) -> None:
        entry.previous, entry.person, entry.changed = entry.person, person, True
        self.by_person[person].append(entry)

    def _now(self, person: int) -> int:
        while person in self.merged:
            person = self.merged[person]
        return person


def _owners(claims: Sequence[Claim]) -> dict[bytes, list[int]]:
    """Return for each token the claims that may have it, in the order of their time; empty when it is shared."""
    claimants: dict[bytes, list[int]] = defaultdict(list)
    for number, claim in enumerate(claims):
        for token in dict.fromkeys(claim.tokens):
            claimants[token].append(number)
    return {token: numbers if len(numbers) == 1 else _turns(token, numbers, claims) for token, numbers in claimants.items()}


def _turns(token: bytes, numbers: list[int], claims: Sequence[Claim]) -> list[int]:
    anchored = [number for number in numbers if claims[number].tokens[0] == token]
    if anchored:
        return anchored[:1]
    turns = sorted(numbers, key=lambda i: claims[i].since or ALWAYS)
    one_after_another = all(
        (until := claims[a].until) is not None and (since := claims[b].since) is not None and until <= since for a, b in pairwise(turns)
    )
    return turns if one_after_another else []
