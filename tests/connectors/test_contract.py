"""What every connector keeps to, over the registry: golden pairs, no content, a balanced account, typed errors."""

import json
import logging
import shutil

import pytest
from pydantic import ValidationError

from connectors.base import connector_names, open_connector
from ona.errors import OnaError

CANARY = "CANARY"
LAUGHS = b"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a0 'CANARY'>%s]><l>&a30;</l>" % b"".join(
    b"<!ENTITY a%d '&a%d;&a%d;'>" % (n, n - 1, n - 1) for n in range(1, 31)
)
"""Thirty entities that each stand for the one before twice: 2^30 words for a reader that expands them."""
OUTSIDE = b"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><l>&a;</l>\n"


def test_every_file_connector_has_a_golden_folder(request):
    folders = {path.name for path in (request.path.parent / "golden").iterdir()}
    own = {name for name, module in connector_names().items() if module.split(".")[1] in ("files", "badges")}
    assert (own | {"slack_export"}) - {"badges_credly"} <= folders  # that one has a fake service instead


def test_a_vendor_file_becomes_exactly_the_expected_records(golden_section, golden_folder, golden, pulling):
    expected = json.loads((golden_folder / "expected.json").read_text())
    assert pulling(golden, golden_section).plain == expected


def test_every_row_is_in_the_account(golden_section, golden, pulling):
    accounts = pulling(golden, golden_section).accounts
    assert all(account.balanced and account.read for account in accounts.values())


def test_the_same_file_twice_gives_the_same_records(golden_section, golden, pulling):
    assert pulling(golden, golden_section).plain == pulling(golden, golden_section).plain


def test_no_content_leaves_the_reader(golden_section, golden, golden_folder, pulling, caplog):
    inputs = [path for path in golden_folder.rglob("*") if path.is_file() and path.name not in ("config.json", "expected.json")]
    assert any(CANARY.encode() in path.read_bytes() for path in inputs)
    with caplog.at_level(logging.DEBUG):
        pulled = pulling(golden, golden_section)
    assert CANARY.lower() not in json.dumps(pulled.plain).lower()
    assert CANARY.lower() not in caplog.text.lower()
    assert (
        CANARY.lower()
        not in "".join(
            map(repr, (*pulled.events, *pulled.people, *pulled.badges, *pulled.evidence, *pulled.days_off, *pulled.ties))
        ).lower()
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[::-1],
        lambda data: bytes(b ^ 0xA5 for b in data),
        lambda data: b"\xff\xfe" + data,
        lambda data: data.replace(b"\n", b"\0"),
        lambda data: b"PK\x03\x04" + data,
        lambda data: data * 3,
        lambda data: LAUGHS,
        lambda data: OUTSIDE + data,
        lambda data: b"--- !!python/object/apply:os.system ['echo CANARY > CANARY']\n" + data,
    ],
    ids=["empty", "half", "reversed", "garbled", "utf16_mark", "nul", "zip_mark", "thrice", "entities", "outer_entity", "yaml"],
)
def test_damaged_bytes_give_a_typed_error_or_a_count_and_echo_nothing(golden_section, golden, tmp_path, pulling, damage):
    source, copy = golden_section["path"], tmp_path / golden_section["path"].name
    if source.is_dir():
        shutil.copytree(source, copy)
    else:
        shutil.copy(source, copy)
    for path in [copy, *copy.rglob("*")]:
        if path.is_file():
            path.write_bytes(damage(path.read_bytes()))
    try:
        pulled = pulling(golden, golden_section | {"path": copy})
    except OnaError as error:
        told = error
        while told is not None:
            assert CANARY not in str(told)
            told = told.__cause__
    else:
        assert all(account.balanced for account in pulled.accounts.values())
        assert CANARY.lower() not in json.dumps(pulled.plain).lower()


def test_a_missing_file_is_a_typed_error(golden_section, golden, tmp_path, pulling):
    with pytest.raises(OnaError):
        pulling(golden, golden_section | {"path": tmp_path / "nowhere"})


def test_the_size_is_a_number_or_unknown_and_a_missing_file_a_typed_error(golden_section, golden, tmp_path):
    connector = open_connector(golden, golden_section)
    if not hasattr(connector, "size"):
        pytest.skip("this connector reads no events")
    assert connector.size() is None or connector.size() >= 0
    with pytest.raises(OnaError):
        open_connector(golden, golden_section | {"path": tmp_path / "nowhere"}).size()


def test_settings_that_do_not_fit_are_refused_before_anything_is_read(golden_section, golden):
    with pytest.raises(ValidationError):
        open_connector(golden, golden_section | {"subject": "yes"})
    if "zone" in golden_section:
        with pytest.raises(ValidationError):
            open_connector(golden, golden_section | {"zone": "Mars/Base"})
