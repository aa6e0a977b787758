"""Maildir, pipermail and LISTSERV archives: as many mails, senders, recipients and replies as the standard library finds."""

import email.utils
import mailbox
import re
from contextlib import closing
from pathlib import Path

import pytest

from connectors.base import Coverage, Cursor
from connectors.files.mbox import Config, Connector
from ona.tables import Role

WIRE = Path(__file__).parents[4] / "shared" / "data" / "wire" / "mbox_lists"
ARCHIVES = ["2001-November.txt", "3GPP_TSG_RAN_WG4_NR-MIMO-OTA.mbox", "3GPP_TSG_SA_WG4_EVS.mbox"]
RULE = "=" * 73


def read(path, **options):
    coverage = Coverage()
    events = list(Connector(Config(path=path, **options)).events(coverage, Cursor()))
    coverage.accepted = len(events)
    assert coverage.balanced
    return events, coverage


def shown(header):
    """Return the address of a From header of a public archive, found by another rule than the connector's."""
    text = re.sub(r"([^\s<]+) at ([^\s>]+)", r"\1@\2", header.strip())
    found = re.findall(r"([\w.'-]+)[\w.+=-]*(@[\w.-]+\w)", text)
    return "".join(found[-1 if text.startswith('"') else 0]).lower() if found else None


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_gives_the_mails_senders_and_replies_that_the_standard_library_finds(name):
    path = WIRE / name
    if not path.exists():
        pytest.skip("the mailing-list archives are not beside the repository")
    with closing(mailbox.mbox(path, create=False)) as box:
        mails = list(box)
    events, coverage = read(path, obfuscated=True, list_name="list")
    assert coverage.read == len(mails)
    assert coverage.dropped.total() == 0
    assert coverage.quarantined.total() <= 2  # two senders are written without any address
    addressed = [mail for mail in mails if shown(str(mail["From"]))]
    assert len(events) == len(addressed)
    assert sorted(event.sender.split(":")[1].partition("+")[0] for event in events) == sorted(
        shown(str(mail["From"])) for mail in addressed
    )
    ids = [str(mail["Message-ID"]).strip().strip("<>") for mail in addressed]
    assert sorted(event.id for event in events) == sorted(f"mail:{id}" for id in ids)
    answered = {id: _answered(mail) for id, mail in zip(ids, addressed, strict=True)}
    assert {event.id[5:]: event.reply_to for event in events} == answered
    recipients = [_told(mail) for mail in addressed]
    assert sum(len(event.recipients) for event in events) == sum(map(len, recipients))


def _answered(mail):
    """Return the mail answered: In-Reply-To, else the last reference."""
    told = re.findall(r"<([^<>]+)>", str(mail["In-Reply-To"] or "")) or re.findall(r"<([^<>]+)>", str(mail["References"] or ""))[-1:]
    return f"mail:{told[0].strip()}" if told else None


def _told(mail):
    told = email.utils.getaddresses([str(value) for name in ("To", "Cc", "Bcc") for value in mail.get_all(name, [])])
    return {address.lower() for _, address in told if "@" in address} - {shown(str(mail["From"]))}


def test_every_way_in_which_public_archives_write_a_sender_gives_the_address_or_nobody(tmp_path):
    path = WIRE / "from-header-variations.txt"
    if not path.exists():
        pytest.skip("the mailing-list archives are not beside the repository")
    written = [line for line in path.read_text().splitlines() if line.strip()]
    for number, line in enumerate(written):
        (tmp_path / f"{number:03}.mbox").write_text(
            f"From x Wed Jul  1 10:00:05 2026\nFrom: {line}\nDate: Wed, 1 Jul 2026 10:00:05 +0200\nMessage-ID: <{number}@x>\n\n"
        )
    events, coverage = read(tmp_path, obfuscated=True, list_name="list")
    whole = {number: shown(line) for number, line in enumerate(written) if "...." not in line}  # cut-off addresses name nobody
    assert {int(event.id[5:].partition("@")[0]): event.sender[6:] for event in events} == whole
    assert coverage.quarantined == {"sender_unreadable": len(written) - len(whole)}


def note(number, extra=""):
    return (
        f"{RULE}\nDate:         Wed, 1 Jul 2026 10:00:0{number} +0200\nReply-To:     LIST <list@lists.example>\n"
        f"Sender:       LIST <list@lists.example>\nFrom:         Person {number} <p{number}@x.example>\n{extra}"
        f"Subject:      CANARY {number}\nMessage-ID:   <{number}@x.example>\n\nCANARY body\n{'=' * 50}\nnot a header\n\n"
    )


def test_a_listserv_notebook_is_cut_at_its_rules_and_tells_cc_in_comments(tmp_path):
    path = tmp_path / "list.log2607"
    replies = "In-Reply-To:  <1@x.example>\nComments:     cc: p3@x.example, Pat <p4@x.example>\n"
    path.write_text(note(1) + note(2, replies) + note(3, "Comments: To: p1@x.example\nComments: cc: p2@x.example\n"))
    events, coverage = read(path, list_name="list")
    assert [event.sender for event in events] == ["email:p1@x.example", "email:p2@x.example", "email:p3@x.example"]
    assert [event.reply_to for event in events] == [None, "mail:1@x.example", None]
    assert [len(event.recipients) for event in events] == [0, 2, 2]
    assert events[2].recipients == (("email:p1@x.example", Role.TO), ("email:p2@x.example", Role.CC))
    assert coverage.read == 3
    assert "CANARY" not in str([(e.id, e.sender, e.recipients, e.space, e.root) for e in events])


def test_a_comment_about_recipients_in_ordinary_mail_stays_unread(tmp_path):
    path = tmp_path / "a.mbox"
    path.write_text(
        "From x Wed Jul  1 10:00:05 2026\nMessage-ID: <1@x>\nDate: Wed, 1 Jul 2026 10:00:05 +0200\n"
        "From: a@x.example\nTo: b@x.example\nComments: cc: c@x.example\n\nbody\n"
    )
    assert [handle for handle, _ in read(path)[0][0].recipients] == ["email:b@x.example"]


def test_a_maildir_gives_what_the_same_mails_give_as_an_mbox(tmp_path):
    box, single = mailbox.Maildir(tmp_path / "dir"), mailbox.mbox(tmp_path / "one.mbox")
    with closing(box), closing(single):
        sent = box.add_folder("Sent")
        for number in range(30):
            mail = mailbox.mboxMessage()
            mail.set_unixfrom("From x Wed Jul  1 10:00:05 2026")
            for name, value in {
                "From": f"p{number}@x.example",
                "To": "bo@x.example",
                "Date": "Wed, 01 Jul 2026 10:00:05 +0200",
                "Message-ID": f"<{number}@x.example>",
                "Subject": "CANARY",
            }.items():
                mail[name] = value
            mail.set_payload("CANARY body\n\nFrom the start\n")
            (sent if number % 3 else box).add(mail)
            single.add(mail)
    (tmp_path / "dir" / "tmp" / "half").write_bytes(b"From: nobody")
    (tmp_path / "dir" / "new" / "empty").write_bytes(b"")
    (tmp_path / "dir" / "cur" / "long:2,S").write_bytes(b"Subject: " + b"x" * 2**21 + b"\n\n")
    events, coverage = read(tmp_path / "dir")
    assert sorted(events, key=lambda event: event.id) == sorted(read(tmp_path / "one.mbox")[0], key=lambda event: event.id)
    assert coverage.quarantined == {"sender_unreadable": 1, "header_too_long": 1}


def test_a_list_is_never_the_sender_of_mail_that_names_none(tmp_path):
    path = tmp_path / "a.mbox"
    path.write_text(
        "From x Wed Jul  1 10:00:05 2026\nMessage-ID: <1@x>\nDate: Wed, 1 Jul 2026 10:00:05 +0200\n"
        "From: somebody\nSender: list@lists.example\nTo: b@x.example\n\nbody\n"
    )
    assert read(path, list_name="list")[1].quarantined == {"sender_unreadable": 1}
