"""Many mails read together say what each says when it is read alone, whatever its headers look like."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Coverage, Cursor
from connectors.files import mbox
from connectors.files.mail_blocks import mails
from connectors.files.mail_headers import Sheet, alone, joined, named
from connectors.files.mbox import Config, Connector, _Reader

NOW = 2 * 10**15
ADDRESSES = (
    *(
        "ann@x.example",
        "Bo <bo@x.example>",
        "Bo Li <BO+lists@x.example>",
        '"Cy, D." <cy@x.example>',
        '"Dee" <dee@x.example>',
        "<eve@y.example>",
    ),
    *(
        "no-reply@x.example",
        "=?utf-8?q?F=C3=A9?= <fe@x.example>",
        "Gé <ge@x.example>",
        "hal@x.example (Hal)",
        "team: ann@x.example;",
        "nobody",
        "",
    ),
    *(
        "ann@x.example,",
        "x@",
        "i at x.example",
        "\n ann@x.example",
        "jo@x.example \t",
        '"a \\" b" <kim@x.example>',
        "'lee' <lee@x.example>",
    ),
)
DATES = (
    *(
        "Wed, 1 Jul 2026 10:00:05 +0200",
        "01 Jul 2026 23:59:59 -0000",
        "Wed, 1 Jul 2026 10:00:00 +0200 (CEST)",
        "Wed, 1 Jul 26 10:00:05 +0200",
    ),
    *(
        "Wed, 1 Jul 2026 10:00 +0200",
        "Wed, 1 Jul 2026 24:00:05 +0200",
        "Wed, 1 Jul 2026 10:00:05 GMT",
        "Wed, 31 Jun 2026 10:00:05 +0200",
        "soon",
    ),
    *(
        "Wed, 1 Jul 2026 10:00:60 +0200",
        "Wed, 1 Jul 2036 10:00:05 +0200",
        "Thu, 1 Jan 1970 00:00:00 +0000",
        "",
        "Wed,\n 1 Jul 2026 10:00:05 +0200",
    ),
    *("Wed, 1 Jul 2026 10:00:05 +2500", "Wed, 1 Jul 2026 1a:00:05 +0200", "(x) Wed, 1 Jul 2026 10:00:05 +0200", " 10:00:05 +0200", "+0200"),
)
IDS = (
    "<1@x.example>",
    "<2@x.example>\t",
    "3@x.example",
    "<a b@x.example>",
    "<4@x.example> (x)",
    "<<5@x.example>>",
    "",
    "<é@x.example>",
    f"<{'6' * 998}>",
)
REFERENCES = (
    *IDS,
    "<1@x.example> <2@x.example>",
    "<1@x.example>\n\t<3@x.example>",
    "<1@x.example><2@x.example>",
    f"<{'6' * 999}> <7@x.example>",
)
NAMES = {
    "From": ADDRESSES,
    "To": ADDRESSES,
    "Cc": ADDRESSES,
    "Bcc": ADDRESSES,
    "Sender": ADDRESSES,
    "Date": DATES,
    "Message-ID": IDS,
    "In-Reply-To": REFERENCES,
    "References": REFERENCES,
    "List-Id": ("<l.x.example>",),
    "Precedence": ("bulk", "LIST", "first-class"),
    "Return-Path": ("<>", "<ann@x.example>"),
    "Auto-Submitted": ("no", "auto-replied; x", "NO ;"),
    "X-Auto-Response-Suppress": ("All",),
    "Subject": ("CANARY",),
    "X-From": ("CANARY",),
    "Fromage": ("CANARY",),
}
USUAL = {"From": "Ann <ann@x.example>", "To": "Bo <bo@x.example>, cy@x.example", "Date": DATES[0], "Message-ID": "<9@x.example>"}
COLONS = (": ", ": ", ":", ":  ", " : ", ":\t")
STYLES = (str, str, str, str.lower, str.upper)


@st.composite
def headers(draw):
    """Return a header block: the usual one with some headers changed, left out, added or said twice."""
    lines = dict(USUAL)
    for name in draw(st.lists(st.sampled_from(sorted(NAMES)), max_size=5)):
        lines[name] = ", ".join(draw(st.lists(st.sampled_from(NAMES[name]), min_size=1, max_size=3 if name in ("To", "Cc", "Bcc") else 1)))
    written = [f"{draw(st.sampled_from(STYLES))(name)}{draw(st.sampled_from(COLONS))}{text}" for name, text in lines.items()]
    if draw(st.booleans()):
        written.append(draw(st.sampled_from(written)).replace("ann", "zoe"))
    return "\n".join(draw(st.permutations(written))).encode()


def together(parts):
    """Return what a file gave as one sheet."""
    return joined([part if isinstance(part, Sheet) else alone(part) for part in parts])


def told(reader, tables):
    """Return the events of tables, and the account."""
    return [event for table in tables for event in table.records()], reader.coverage


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(headers(), min_size=1, max_size=12), st.sampled_from([None, "crew"]), st.booleans())
def test_mails_read_together_say_what_they_say_alone(blocks, list_name, obfuscated):
    filler = b"\n\nFrom x Wed Jul  1 10:00:05 2026\n".join([*blocks, *[b"From: z@x.example\n" + b"X-Filler: " + b"y" * 500] * 60])
    parts = list(mails(io.BytesIO(b"From x Wed Jul  1 10:00:05 2026\n" + filler + b"\n\n")))
    assert any(isinstance(part, Sheet) for part in parts)
    sheet = together(parts)
    config = Config(path="a.mbox", list_name=list_name, obfuscated=obfuscated)
    quick, slow = _Reader(Coverage(), config, NOW), _Reader(Coverage(), config, NOW)
    found, account = told(quick, [quick.table(sheet)])
    assert found == [event for block in sheet.blocks if (event := slow.event(block)) is not None]
    assert account == slow.coverage


def test_most_mails_are_read_together():
    block = "\n".join(f"{name}: {value}" for name, value in USUAL.items())
    data = f"From x Wed Jul  1 10:00:05 2026\n{block}\n\n{'text ' * 99}\n\n" * 200
    reader = _Reader(Coverage(), Config(path="a.mbox"), NOW)
    _, kept, careful, _ = reader.columns.read(together(mails(io.BytesIO(data.encode()))))
    assert len(kept) > 160
    assert len(kept) + len(careful) == 200


def test_the_first_header_of_a_name_counts():
    assert named(b"To: a@x\nTO : b@x\nX-To: c@x\nTo : d@x") == {"to": b"a@x"}


@pytest.mark.parametrize("name", ["to", "To", "TO", "tO"])
def test_a_header_is_known_in_letters_of_any_size(name):
    assert named(f"{name}:a@x".encode()) == {"to": b"a@x"}


def test_mails_with_long_headers_are_not_held_for_long(tmp_path, monkeypatch):
    path = tmp_path / "a.mbox"
    block = "\n".join(f"{name}: {value}" for name, value in USUAL.items()) + f"\nX-Filler: {'y' * 900}"
    path.write_text("".join(f"From x Wed Jul  1 10:00:05 2026\n{block.replace('9@', f'{n}@')}\n\ntext\n\n" for n in range(300)))
    whole = list(Connector(Config(path=path)).tables(Coverage(), Cursor()))
    monkeypatch.setattr(mbox, "MANY_BYTES", 10_000)
    pieces = list(Connector(Config(path=path)).tables(Coverage(), Cursor()))
    assert len(whole) == 1 < len(pieces)
    assert [event for table in pieces for event in table.records()] == list(whole[0].records())
