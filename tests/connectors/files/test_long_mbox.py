"""A long archive of every form of mail: the headers of each come out, whichever way it is found and wherever a chunk ends."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.archive import CHUNK
from connectors.files import mail_blocks
from connectors.files.mail_headers import Sheet, alone, joined

PROSE = "So it was said, and nobody wrote it down.\n" * 20
BODIES = (
    PROSE,
    "",
    "From here on it is prose: no header follows\n" + PROSE,
    PROSE + "\nFrom the start\nit was prose\n",
    PROSE + "From ann@x.example: no empty line before\nTo: nobody\n",
    ">From quoted\nTo: nobody\n" + PROSE,
    "To: a header in a body\n\nSubject: another\n",
)


def mail(number, body, form):
    """Return the header block of a mail and the bytes that stand for it."""
    header = f"From: p{number}@x.example\nTo: q@x.example\nMessage-ID: <{number}@x.example>\nX-Filler: {'y' * (number % 300)}"
    if form == "length":
        header += f"\nContent-Length: {len(body)}"
    separator = "From p@x.example Wed Jul  1 08:00:00 2026\n" + (">From q@x.example Wed Jul  1 08:00:00 2026\n" if form == "twice" else "")
    text = f"{separator}{header}\n\n{body}\n"
    if form == "windows":
        return header.replace("\n", "\r\n").encode(), text.replace("\n", "\r\n").encode()
    return header.encode(), text.encode()


def together(parts):
    """Return what a file gave as one sheet."""
    return joined([part if isinstance(part, Sheet) else alone(part) for part in parts])


def blocks(data):
    return list(together(mail_blocks.mails(io.BytesIO(data))).blocks)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(BODIES), st.sampled_from(["plain", "plain", "plain", "length", "twice", "windows"])), min_size=1),
    st.integers(1, 40),
)
def test_the_headers_of_every_mail_of_a_long_archive_come_out(mails, times):
    made = [mail(number, body, form) for number, (body, form) in enumerate(mails * times)]
    assert blocks(b"\n".join(text for _, text in made)) == [header for header, _ in made]


def test_mails_are_found_across_the_chunks_in_which_a_file_is_read(monkeypatch):
    made = [mail(number, BODIES[number % len(BODIES)], "plain") for number in range(6_000)]
    data = b"\n".join(text for _, text in made)
    assert len(data) > 3 * CHUNK
    monkeypatch.setattr(mail_blocks, "WINDOW", CHUNK // 2)
    assert blocks(data) == [header for header, _ in made]


def test_a_true_content_length_hides_what_looks_like_a_mail_in_a_body():
    body = PROSE + "\n\nFrom ann@x.example Wed Jul  1 08:00:00 2026\nTo: nobody\n\ninside\n"
    made = [mail(number, body if number % 9 == 4 else PROSE, "length" if number % 9 == 4 else "plain") for number in range(200)]
    assert blocks(b"\n".join(text for _, text in made)) == [header for header, _ in made]
