"""A SCIM service, page by page: lists that change, lead in circles or answer with errors, and careless values."""

import json

import pytest

from connectors import scim
from connectors.base import Coverage
from connectors.identity import canonical
from connectors.pages import PageError
from connectors.records import read
from ona.tables import AccountKind


def listing(users, total=None, **more):
    return json.dumps({"totalResults": len(users) if total is None else total, "Resources": users} | more).encode()


def user(number, **more):
    return {"id": f"u{number}", "userName": f"u{number}@acme.example", "name": {"formatted": "CANARY"}, "title": "CANARY"} | more


def pages(*bodies):
    left = list(bodies)
    return lambda query: left.pop(0)


def people(*users):
    return list(scim.people([read(json.dumps(one).encode(), scim.User) for one in users], Coverage(), canonical, "scim", "hr"))


def test_a_page_with_fewer_users_than_asked_for_is_not_the_end():
    found = scim.users(pages(listing([user(1)], 3), listing([user(2)], 3), listing([user(3)], 3)), Coverage())
    assert [one.id for one in found] == ["u1", "u2", "u3"]


def test_a_list_that_changed_while_it_was_read_is_read_again():
    coverage = Coverage()
    gone = (listing([user(1), user(2)], 4), listing([user(4)], 4), listing([], 4))  # u3 moved up to the first page
    again = (listing([user(1), user(3)], 4), listing([user(4)], 4), listing([user(2)], 4))
    found = scim.users(pages(*gone, *again), coverage)
    assert [one.id for one in found] == ["u1", "u2", "u3", "u4"]
    coverage.accepted = len(found)
    assert coverage.balanced


def test_pages_by_cursor_are_followed_and_a_circle_is_an_error():
    found = scim.users(pages(listing([user(1)], 2, nextCursor="a"), listing([user(2)], 2)), Coverage())
    assert len(found) == 2
    with pytest.raises(PageError, match="cursor_loop"):
        scim.users(lambda query: listing([user(1)], 99, nextCursor="a"), Coverage())


def test_a_list_by_number_that_never_ends_is_an_error():
    with pytest.raises(PageError, match="cursor_loop"):
        scim.users(lambda query: listing([user(1)], 10**9), Coverage())


@pytest.mark.parametrize("body", [b'{"status":"429","detail":"CANARY"}', b"<html>CANARY</html>", b"{}", b'{"Resources":"CANARY"}'])
def test_an_error_that_comes_with_a_good_status_is_no_empty_list(body):
    with pytest.raises(PageError) as caught:
        scim.users(lambda query: body, Coverage())
    assert "CANARY" not in str(caught.value)


def test_careless_values_are_read_and_a_broken_user_is_counted_alone():
    (one, two) = people(
        user(1, active="False", meta={"lastModified": "2026-05-04T03:02:01.1234567Z"}, userType="Guest"),
        user(2, active=True, **{scim.ENTERPRISE: {"manager": "u1", "employeeNumber": "007", "department": "Sales"}}),
    )
    assert (str(one.left), one.kind, one.name) == ("2026-05-04", AccountKind.GUEST, None)
    assert (two.left, two.manager, two.handles) == (None, "id:scim/u1", ("id:scim/u2", "email:u2@acme.example", "id:hr/007"))
    coverage = Coverage()
    found = scim.users(pages(listing([user(1), {"id": ["CANARY"]}, {"userName": "x@acme.example"}])), coverage)
    assert [one.id for one in found] == ["u1"]
    assert coverage.quarantined == {"record_malformed": 1, "id_missing": 1}


def test_private_addresses_and_the_main_address_of_another_are_nobodys_alias():
    mails = [{"value": "u1@acme.example", "type": "work"}, {"value": "u2@acme.example", "type": "work", "primary": True}]
    one, _ = people(user(1), user(2, emails=[*mails, {"value": "two@private.example", "type": "home"}]))
    assert one.handles == ("id:scim/u1", "email:u1@acme.example")
    assert people(user(1), user(2, emails=mails))[1].handles == ("id:scim/u2", "email:u2@acme.example")
