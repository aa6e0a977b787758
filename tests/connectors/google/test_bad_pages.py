"""Pages that Google should not send: errors with a good status, empty ones in between, ends that are none, and circles."""

import pytest

LISTS = {"gmail": "messages", "calendar": "items"}


def twisted(workspace, what, change):
    """Pull in small pages, those of the one list changed on their way."""

    def twist(name, body):
        return change(body) if name == LISTS[what] else body

    with workspace(twist=twist, page=4) as acme:
        return pull(acme, what)


def pull(acme, what):
    return acme.pull(what, only=tuple(one.email for one in acme.pilot[:3]))


@pytest.fixture(scope="module")
def calm_of():
    return {}


@pytest.fixture
def calm(workspace, calm_of):
    """Return what a pull gives of which nothing is changed, read once."""

    def pulled(what):
        if what not in calm_of:
            with workspace(page=4) as acme:
                calm_of[what] = pull(acme, what).best
        return calm_of[what]

    return pulled


@pytest.mark.parametrize("what", LISTS)
def test_a_page_that_names_the_next_one_and_the_end_is_not_the_end(workspace, calm, what):
    def both(body):
        return body | {"nextSyncToken": "end", "historyId": "1"} if "nextPageToken" in body else body

    assert twisted(workspace, what, both).best == calm(what) != {}


@pytest.mark.parametrize("what", LISTS)
def test_an_empty_page_with_a_next_one_is_not_the_end(workspace, calm, what):
    held = []

    def emptied(body):
        """Send the first page of a list without its records; they come with the second."""
        found = body.get(LISTS[what], [])
        if found and "nextPageToken" in body and not held:
            held.extend(found)
            return {name: value for name, value in body.items() if name != LISTS[what]}
        rest, held[:] = list(held), []
        return body | ({LISTS[what]: [*rest, *found]} if rest else {})

    assert twisted(workspace, what, emptied).best == calm(what)


@pytest.mark.parametrize("what", LISTS)
def test_an_error_that_comes_with_a_good_status_is_no_empty_mailbox(workspace, what):
    pulled = twisted(workspace, what, lambda _: {"error": {"code": 500, "message": "CANARY", "status": "INTERNAL"}})
    kind = "mailboxes" if what == "gmail" else "calendars"
    assert pulled.coverage.notes[f"{kind}_asked"] == 3
    assert pulled.coverage.notes[f"{kind}_read"] == 0
    assert "CANARY" not in str(pulled.coverage)


@pytest.mark.parametrize("what", LISTS)
def test_a_circle_of_pages_ends_that_mailbox_and_is_counted(workspace, what):
    pulled = twisted(workspace, what, lambda body: body | {"nextPageToken": "again"})
    kind = "mailboxes" if what == "gmail" else "calendars"
    assert pulled.coverage.notes[f"{kind}_read"] == 0
