"""Badges find their holder over all aliases, plain or hashed; nobody else is kept."""

import hashlib
from dataclasses import replace
from datetime import date

from connectors.base import RawBadge, RawPerson
from pipelines.intake.badges import Check, badges, checks, pull_badges
from pipelines.intake.people import pull_people
from pipelines.storage.workspace import Workspace
from tests.pipelines.conftest import NOW, Badges, People, handle

BADGE = RawBadge("b1", handle("a"), "Coaching", "Academy", "table", ("listening",), "2", date(2026, 1, 1), None, "issuer-asserted")


def person(ws: Workspace) -> int:
    pull_people(ws, "people", People([RawPerson(("id:hr/1", handle("a"), "email:old@acme.example"))]))
    found = ws.vault.person_of("id:hr/1")
    assert found is not None
    return found


def test_a_badge_is_kept_whole(ws: Workspace) -> None:
    ann = person(ws)
    report = pull_badges(ws, "table", Badges([BADGE]))
    [row] = badges(ws).to_pylist()
    assert report.balanced
    assert row | {"badge": 0} == {
        "badge": 0,
        "person": ann,
        "name": "Coaching",
        "issuer": "Academy",
        "standard": "table",
        "skills": ["listening"],
        "level": "2",
        "issued_on": date(2026, 1, 1),
        "expires_on": None,
        "status": "issuer-asserted",
    }


def test_a_hashed_holder_is_found_among_all_aliases(ws: Workspace) -> None:
    """Open Badges 2.0: the identity is the SHA-256 of the address followed by the salt."""
    ann = person(ws)
    digest = hashlib.sha256(b"old@acme.example" + b"deadsea").hexdigest().upper()
    report = pull_badges(ws, "ob", Badges([replace(BADGE, holder=f"sha256$deadsea${digest}")]))
    assert badges(ws)["person"].to_pylist() == [ann]
    assert report.accepted == 1


def test_unmatched_holders_are_counted_and_not_kept(ws: Workspace) -> None:
    person(ws)
    wrong = hashlib.sha256(b"x").hexdigest()
    given = [replace(BADGE, id=str(n), holder=holder) for n, holder in enumerate((handle("z"), f"sha256$s${wrong}", "sha256$broken"))]
    report = pull_badges(ws, "table", Badges([*given, BADGE, BADGE]))
    assert (report.accepted, report.duplicate, report.dropped) == (1, 1, {"unmatched_holder": 3})
    assert report.balanced


def test_a_second_pull_replaces_the_first_and_a_dry_run_changes_nothing(ws: Workspace) -> None:
    person(ws)
    pull_badges(ws, "table", Badges([BADGE, replace(BADGE, id="b2")]))
    assert pull_badges(ws, "table", Badges([]), dry_run=True).dry_run
    assert badges(ws).num_rows == 2
    pull_badges(ws, "table", Badges([replace(BADGE, status="revoked")]))
    assert badges(ws)["status"].to_pylist() == ["revoked"]


def test_a_badge_told_by_two_systems_is_told_once(ws: Workspace) -> None:
    ann = person(ws)
    pull_badges(ws, "b", Badges([BADGE]))
    pull_badges(ws, "a", Badges([replace(BADGE, status="verified")]))
    assert badges(ws)["status"].to_pylist() == ["verified"]
    assert badges(ws, {ann + 1}).num_rows == 0


def test_a_badge_that_was_verified_for_somebody_else_is_nobodys(ws: Workspace) -> None:
    person(ws)
    report = pull_badges(ws, "ob", Badges([replace(BADGE, holder=handle("stranger"), status="verified", method="signature")]))
    assert (badges(ws).num_rows, report.dropped) == (0, {"unmatched_holder": 1})


def test_how_and_when_a_status_was_found_is_kept(ws: Workspace) -> None:
    ann = person(ws)
    pull_badges(ws, "ob", Badges([replace(BADGE, status="verified", method="signature")]))
    [badge] = badges(ws)["badge"].to_pylist()
    assert checks(ws) == checks(ws, {ann}) == {badge: Check("verified", "signature", NOW)}
    assert checks(ws, set()) == {}
