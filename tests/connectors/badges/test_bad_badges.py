"""Badges that want to mislead: several in one image, circles, wrong types, addresses that lead inside; the network watched."""

import base64
import json
import struct
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.badges import open_badges
from connectors.base import Coverage

openbadgeslib = pytest.importorskip("openbadgeslib", reason="the extra `badges` is not installed")
from openbadgeslib import Achievement, Issuer, KeyEd25519, KeyRSA, OB2Signer, OB3Signer, OpenBadgeCredential  # noqa: E402
from openbadgeslib.ob2.models import Assertion, IdentityObject, Verification  # noqa: E402

NOW = datetime.now(UTC)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>'
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")

CREDENTIAL = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "id": "https://academy.example/c/1",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": "https://academy.example/i", "type": ["Profile"], "name": "Academy"},
    "validFrom": "2026-01-05T00:00:00Z",
    "credentialSubject": {"id": "mailto:ada@x.example", "achievement": {"id": "https://academy.example/a", "name": "Mentor"}},
}
ASSERTION = {
    "@context": "https://w3id.org/openbadges/v2",
    "type": "Assertion",
    "id": "https://academy.example/a/1",
    "recipient": {"type": "email", "hashed": False, "identity": "ada@x.example"},
    "badge": {"type": "BadgeClass", "name": "Mentor", "issuer": {"name": "Academy"}},
    "issuedOn": "2026-01-05T00:00:00Z",
    "verification": {"type": "HostedBadge"},
}

_CALLS: list[str] = []
_WATCHED = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


def _watch(event: str, arguments: object) -> None:
    if event in _WATCHED:
        _CALLS.append(event)


sys.addaudithook(_watch)  # below every library: whatever opens a socket passes here


@pytest.fixture
def read(tmp_path):
    """Read files with fetching switched on; nothing is listed unless a test says so."""
    place = tmp_path / "badges"
    place.mkdir()

    def badges(files, hosts=()):
        for name, data in files.items():
            (place / name).write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        coverage = Coverage()
        _CALLS.clear()
        found = list(open_badges.Connector(open_badges.Config(path=place, fetch=True, hosts=frozenset(hosts))).badges(coverage))
        coverage.accepted = len(found)
        assert coverage.balanced
        return found, dict(coverage.quarantined), tuple(_CALLS)

    return badges


@pytest.fixture(scope="module")
def images():
    """One badge of each version, baked into each kind of image."""
    credential = OpenBadgeCredential(
        issuer=Issuer(id="did:web:academy.example", name="Academy"),
        recipient_id="mailto:ada@x.example",
        issuance_date=NOW - timedelta(days=9),
        achievement=Achievement(id="https://academy.example/m", name="Mentor", description="x", criteria_narrative="x"),
    )
    whose = IdentityObject(type="email", hashed=False, identity="ada@x.example")
    how = Verification(type="SignedBadge", creator="https://academy.example/k")
    assertion = Assertion(recipient=whose, badge="https://academy.example/b", verification=how)
    new, old = OB3Signer(KeyEd25519().generate_keypair()[0], "EdDSA"), OB2Signer(KeyRSA().generate_keypair()[0])
    return {
        "png": (new.sign_into_png(credential, PNG), old.sign_into_png(assertion, PNG)),
        "svg": (new.sign_into_svg(credential, SVG), old.sign_into_svg(assertion, SVG)),
    }


def texts(png):
    """Chunks of a PNG image that hold text."""
    found, at = [], 8
    while at < len(png):
        size = struct.unpack(">I", png[at : at + 4])[0]
        chunk, at = png[at : at + 12 + size], at + 12 + size
        found += [chunk] if chunk[4:8] == b"iTXt" else []
    return b"".join(found)


def element(svg):
    """The baked element of an SVG image."""
    text = svg.partition(b'height="1">')[2]
    return text.rpartition(b"</svg>")[0]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_an_image_with_several_badges_is_refused_and_with_one_is_read(read, images, first, second):
    """Readers of the two versions would each take their own: what is shown and what is checked must be one."""
    png, svg = images["png"], images["svg"]
    several = png[first].replace(PNG[-12:], b"")[: len(png[first]) - 12] + texts(png[second]) + PNG[-12:]
    twice = svg[first].replace(b"</svg>", element(svg[second]) + b"</svg>")
    assert twice.count(b"verify=") == 2
    found, faults, calls = read({"a.png": several, "b.svg": twice})
    assert (found, faults, calls) == ([], {"nothing_baked": 2}, ())
    found, _, _ = read({"a.png": png[0], "b.svg": svg[0]})
    assert {badge.name for badge in found} == {"Mentor"}


def test_a_circle_ends(read):
    badge = {"type": "BadgeClass", "id": "https://a.example/b", "name": "Coach", "issuer": "https://a.example/i"}
    issuer = {"type": "Issuer", "id": "https://a.example/i", "issuer": "https://a.example/i", "badge": "https://a.example/b"}
    around = {"type": "BadgeClass", "id": "https://a.example/x", "name": "Around", "issuer": "https://a.example/x"}
    files = {
        "a.json": ASSERTION | {"badge": "https://a.example/b", "verification": None},
        "b.json": [badge, issuer, around],
        "c.json": ASSERTION | {"id": "https://academy.example/a/2", "badge": "https://a.example/x", "verification": None},
        "d.json": {"@graph": [{"@graph": [CREDENTIAL | {"evidence": CREDENTIAL}]}]},
        "e.json": CREDENTIAL
        | {"id": "https://academy.example/c/2", "credentialSubject": CREDENTIAL["credentialSubject"] | {"achievement": CREDENTIAL}},
    }
    found, faults, calls = read(files)
    assert {(one.name, one.issuer) for one in found} == {("Coach", "https://a.example/i"), ("Around", "Around"), ("Mentor", "Academy")}
    assert faults == {"badge_elsewhere": 1}, "a credential is no achievement"
    assert calls == ()


INSIDE = ("http://127.0.0.1/x", "https://10.0.0.8/x", "https://[::1]/x", "https://169.254.169.254/latest", "https://localhost/x")
ODD = (
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://academy.example/x",
    "https://2130706433/x",
    "//academy.example/x",
)


@pytest.mark.parametrize("address", [*INSIDE, *ODD])
def test_an_address_that_leads_inside_or_nowhere_opens_no_socket(read, address):
    entry = {"id": address, "type": "BitstringStatusListEntry", "statusListCredential": address, "statusListIndex": "0"}
    files = {
        "a.json": ASSERTION | {"id": address, "badge": {"name": "Mentor", "id": address, "issuer": {"id": address, "name": "Academy"}}},
        "b.json": CREDENTIAL
        | {"id": address, "issuer": address, "credentialStatus": entry, "proof": {"type": "x", "verificationMethod": address}},
    }
    found, _, calls = read(files, hosts=("academy.example",))
    assert calls == ()
    assert {badge.status for badge in found} <= {"unknown", "holder-claimed"}


def test_a_hosted_badge_asks_the_network_only_when_its_host_is_listed(read):
    _, _, calls = read({"a.json": ASSERTION})
    assert calls == ()
    hosted = ASSERTION | {"badge": "https://academy.example/b"}
    badge_class = {"type": "BadgeClass", "id": "https://academy.example/b", "name": "Mentor", "issuer": {"name": "Academy"}}
    (badge,), _, calls = read({"a.json": [hosted, badge_class]}, hosts=("academy.example",))
    assert calls, "the watch sees calls: without this the other tests would prove nothing"
    assert set(calls) == {"socket.getaddrinfo"}
    assert badge.status == "unknown", "a name that does not exist is nothing that failed"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from([*INSIDE, *ODD, "sha256$" + "0" * 64]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ASSERTION, *CREDENTIAL, "name", "alignment"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(node, before=()):
    yield before
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from paths(inner, (*before, key))


@pytest.mark.parametrize("whole", [CREDENTIAL, ASSERTION])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_wrong_types_anywhere_are_counted_never_verified_and_never_raised(read, whole, data):
    document = json.loads(json.dumps(whole))
    path = data.draw(st.sampled_from([one for one in paths(document) if one]))
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = data.draw(JSON)
    found, faults, calls = read({"a.json": document})
    assert len(found) + sum(faults.values()) <= 1
    assert all(badge.status in ("unknown", "holder-claimed", "revoked", "expired") for badge in found)
    assert calls == ()
