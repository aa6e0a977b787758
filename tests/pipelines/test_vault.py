"""Who is who: joins by exact alias or directory link only, dated, reversible, encrypted, erasable."""

import itertools
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from ona.errors import SettingsError
from pipelines.keys import derive
from pipelines.storage.vault import ACCOUNTS, BLOCKED, PERSONS, Known, Vault, open_vault
from tests.pipelines.conftest import handle

KEYS = derive(bytes(range(1, 33)))
OTHER_KEYS = derive(bytes(range(2, 34)))


@pytest.fixture
def vault(database_url: str) -> Iterator[Vault]:
    found = open_vault(database_url, KEYS, seed=0)
    yield found
    found.close()


def hr(number: int, *names: str, **more: object) -> Known:
    return Known((f"id:hr/{number}", *map(handle, names)), **more)


def persons(vault: Vault) -> dict[str, int]:
    return vault.persons_of([handle(name) for name in "abcd"] + [f"id:hr/{n}" for n in range(5)])


def test_a_handle_means_the_same_account_each_time(vault: Vault) -> None:
    first = vault.accounts([handle("a"), handle("b"), handle("a")])
    assert first[0] == first[2] != first[1]
    assert vault.accounts([handle("b")]) == [first[1]]
    assert all(0 < account < 2**63 for account in first)


def test_ids_of_a_seed_do_not_depend_on_the_order_of_arrival(tmp_path: Path) -> None:
    found = []
    for number, order in enumerate(("abc", "cab")):
        vault = open_vault(f"sqlite:///{tmp_path}/{number}.sqlite", KEYS, seed=0)
        vault.accounts([handle(name) for name in order])
        vault.link([hr(ord(name), name) for name in order])
        found.append((vault.accounts([handle("a")]), vault.person_of(handle("a"))))
        vault.close()
    assert found[0] == found[1]


def test_ids_without_a_seed_are_random(tmp_path: Path) -> None:
    vaults = [open_vault(f"sqlite:///{tmp_path}/{n}.sqlite", KEYS) for n in range(2)]
    assert vaults[0].accounts([handle("a")]) != vaults[1].accounts([handle("a")])
    for vault in vaults:
        vault.close()


def test_two_deployments_with_different_keys_share_no_id_and_no_token(tmp_path: Path) -> None:
    found = []
    for number, keys in enumerate((KEYS, OTHER_KEYS)):
        vault = open_vault(f"sqlite:///{tmp_path}/{number}.sqlite", keys, seed=0)
        vault.link([hr(n, name) for n, name in enumerate("abcd")])
        rows = vault.database.rows(sa.select(ACCOUNTS))
        found.append({value for row in rows for value in (row.account, row.person, row.token, row.alias)})
        vault.close()
    assert len(found[0]) == len(found[1]) == 28  # 8 accounts × 3 and 4 persons
    assert not found[0] & found[1]


def test_all_handles_of_one_person_lead_to_one_person(vault: Vault) -> None:
    vault.accounts([handle("a")])  # seen in an event before the directory was read
    hr_persons = vault.link([hr(1, "a", "b")]).persons
    slack_persons = vault.link([Known(("slack:T1/U1", handle("b")))]).persons
    assert hr_persons == slack_persons == [vault.person_of(handle("a"))]


def test_a_link_that_comes_later_makes_two_persons_one_and_can_be_taken_back(vault: Vault) -> None:
    [one, other] = vault.link([hr(1, "a"), Known(("slack:T1/U1",))]).persons
    linked = vault.link([Known(("slack:T1/U1", handle("a")))])
    assert one != other
    assert linked.persons == [other]
    assert linked.merged == {one: other}
    [account] = vault.accounts([handle("a")])
    assert vault.undo(account) == one
    assert vault.person_of(handle("a")) == one


def test_of_two_persons_who_turn_out_to_be_one_the_one_known_longer_keeps_the_id(vault: Vault) -> None:
    [known] = vault.link([hr(1, "a")]).persons
    [later] = vault.link([Known(("slack:T1/U1",))]).persons
    linked = vault.link([Known(("slack:T1/U1", handle("a")))])
    assert linked.persons == [known]
    assert linked.merged == {later: known}


def test_a_human_may_join_two_persons_and_take_it_back(vault: Vault) -> None:
    [one, other] = vault.link([hr(1, "a"), hr(2, "b")]).persons
    vault.join(one, other)
    assert vault.person_of(handle("b")) == one
    for account in vault.accounts([handle("b"), "id:hr/2"]):
        vault.undo(account)
    assert vault.person_of(handle("b")) == other


def test_two_ids_of_one_directory_are_never_one_person(vault: Vault) -> None:
    """A shared mailbox stands in the rows of two people: it belongs to neither."""
    linked = vault.link([hr(1, "a", "d"), hr(2, "b", "d")])
    assert len(set(linked.persons)) == 2
    assert linked.shared == 2
    assert vault.person_of(handle("d")) is None


def test_an_alias_that_is_another_persons_anchor_stays_with_them(vault: Vault) -> None:
    [boss, assistant] = vault.link([Known((handle("a"),)), Known((handle("b"), handle("a")))]).persons
    assert boss != assistant
    assert vault.person_of(handle("a")) == boss


@pytest.mark.parametrize("together", [True, False])
def test_a_reused_address_is_a_new_person_from_the_hand_over_on(vault: Vault, together: bool) -> None:
    old = hr(1, "a", since=date(2020, 1, 1), until=date(2026, 3, 1))
    new = hr(2, "a", since=date(2026, 6, 1))
    for people in [[old, new]] if together else [[old], [new]]:
        linked = vault.link(people)
    assert linked.shared == 0
    [before], [on_the_day], [now] = (vault.accounts([handle("a")], seen=day) for day in (date(2026, 5, 31), date(2026, 6, 1), None))
    assert before != on_the_day == now
    owner = {row["account"]: row["person"] for row in vault.accounts_table().to_pylist()}
    assert owner[before] == vault.person_of("id:hr/1")
    assert owner[now] == vault.person_of("id:hr/2")
    again = vault.link([old, new])
    assert (again.persons, again.shared) == ([owner[before], owner[now]], 0)


def test_the_order_of_people_in_a_file_changes_nothing(tmp_path: Path) -> None:
    people = [
        hr(1, "a", until=date(2026, 3, 1)),
        hr(2, "a", since=date(2026, 6, 1)),
        hr(3, "b", "c"),
        Known(("id:hr/4", handle("d"), "slack:T/U")),
        hr(5, "d", "b"),
    ]
    found = set()
    for number, order in enumerate(itertools.islice(itertools.permutations(people), 0, 120, 11)):
        vault = open_vault(f"sqlite:///{tmp_path}/{number}.sqlite", KEYS, seed=0)
        vault.link(order)
        found.add(str(vault.accounts_table().to_pylist()))
        vault.close()
    assert len(found) == 1


def test_linking_the_same_people_again_changes_nothing(vault: Vault) -> None:
    people = [hr(n, name) for n, name in enumerate("abc")]
    first = (vault.link(people), vault.accounts_table())
    assert (vault.link(people), vault.accounts_table()) == first


def test_equal_names_join_nobody(vault: Vault) -> None:
    assert len(set(vault.link([hr(1, "a", name="Kim Lee"), hr(2, "b", name="Kim Lee")]).persons)) == 2


def test_names_come_back_and_lie_encrypted(vault: Vault) -> None:
    [person] = vault.link([hr(1, "a", name="Zoë Canary")]).persons
    assert vault.names([person, 1]) == {person: "Zoë Canary"}
    [row] = vault.database.rows(sa.select(PERSONS))
    assert b"Canary" not in row.name
    vault.link([hr(1, "a", name="Zoë Renamed")])
    assert vault.names([person]) == {person: "Zoë Renamed"}


def test_aliases_come_back_for_those_who_may_ask(vault: Vault) -> None:
    [account] = vault.accounts([handle("a")])
    assert vault.handles([account]) == {account: handle("a")}
    vault.link([hr(1, "a")])
    assert {alias for _, alias in vault.aliases()} == {handle("a"), "id:hr/1"}


def test_a_ciphertext_opens_at_its_own_place_only(vault: Vault) -> None:
    """Swap two names, flip each region of a sealed name, use another key: always refused, never a wrong name."""
    [one, other] = vault.link([hr(1, "a", name="One"), hr(2, "b", name="Other")]).persons
    sealed = {row.person: row.name for row in vault.database.rows(sa.select(PERSONS))}
    damaged = [bytes(byte ^ (i == at) for i, byte in enumerate(sealed[one])) for at in (0, 12, len(sealed[one]) - 1)]
    for wrong in (sealed[other], *damaged):
        with vault.database.begin() as connection:
            connection.execute(sa.update(PERSONS).where(PERSONS.c.person == one).values(name=wrong))
        with pytest.raises(SettingsError, match="does not open"):
            vault.names([one])
    with pytest.raises(SettingsError, match="does not open"):
        Vault(vault.database, OTHER_KEYS).names([other])


def test_the_same_name_is_never_sealed_to_the_same_bytes(vault: Vault) -> None:
    vault.link([hr(n, name, name="Kim Lee") for n, name in enumerate("abcd")])
    assert len({row.name for row in vault.database.rows(sa.select(PERSONS))}) == 4


def test_all_accounts_of_a_blocked_person_are_blocked(vault: Vault) -> None:
    [person, _] = vault.link([hr(1, "a", "b"), hr(2, "c")]).persons
    assert len(vault.block({person: True})) == 3
    assert vault.accounts([handle("a"), handle("b")]) == [BLOCKED, BLOCKED]
    assert vault.accounts([handle("c")]) != [BLOCKED]
    assert vault.blocked() == {person}
    vault.block({person: False})
    assert BLOCKED not in vault.accounts([handle("a"), handle("b")])


def test_an_erased_person_does_not_come_back(vault: Vault) -> None:
    [person, _] = vault.link([hr(1, "a", name="Ann"), hr(2, "b")]).persons
    assert len(vault.erase(person)) == 2
    assert vault.accounts([handle("a"), handle("b")])[0] == BLOCKED
    linked = vault.link([hr(1, "a", name="Ann"), hr(2, "b")])
    assert linked.persons == [BLOCKED, vault.person_of(handle("b"))]
    assert vault.names([person]) == {}
    assert vault.accounts_table().num_rows == 2


def test_a_directory_less_company_gives_each_account_a_person(vault: Vault) -> None:
    accounts = vault.accounts([handle("a"), handle("b")])
    found = vault.adopt(accounts)
    assert sorted(found) == sorted(accounts)
    assert len(set(found.values())) == 2
    assert vault.adopt(accounts) == {}
    [person] = vault.link([hr(1, "a")]).persons  # a directory comes later: the person stays
    assert person == found[accounts[0]]


def test_no_address_or_name_stands_in_any_byte_of_the_vault(tmp_path: Path) -> None:
    vault = open_vault(f"sqlite:///{tmp_path}/v.sqlite", KEYS)
    vault.link([hr(1, "canaryalias", name="Canary Name")])
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"vault_accounts" in found  # the search does find what is there
    assert not any(word in found for word in (b"canaryalias", b"Canary", b"acme.example"))
    vault.close()
