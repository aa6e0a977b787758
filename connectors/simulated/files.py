"""Writes a whole simulated company into an inbox of vendor files, streaming week by week, equal bytes for equal companies."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from connectors.simulated.agenda import Agenda
from connectors.simulated.evidence import write_evidence
from connectors.simulated.identities import CANARY, Identities
from connectors.simulated.mailbox import Mailbox
from connectors.simulated.records import records
from connectors.simulated.slack_zip import SlackZip
from connectors.simulated.tables import write_badges, write_people, write_truth
from ona.simulate.company import Company

__all__ = ["CANARY", "Inbox", "write_company"]


@dataclass(frozen=True)
class Inbox:
    """Where the files of a company lie."""

    folder: Path
    slack: Path
    mail: Path
    calendar: Path
    people: Path
    badges: Path
    open_badges: Path
    evidence: Path
    truth: Path  # beside the folder: no connector reads it


def write_company(company: Company, folder: Path, *, opted_in: float = 0.8) -> Inbox:
    """Write every vendor file of the company; the share of members who agree to be named is a parameter."""
    folder.mkdir(parents=True, exist_ok=True)
    inbox = Inbox(
        folder=folder,
        slack=folder / "slack.zip",
        mail=folder / "mail.mbox",
        calendar=folder / "calendar.ics",
        people=folder / "hr.csv",
        badges=folder / "badges.csv",
        open_badges=folder / "open_badges",
        evidence=folder / "evidence",
        truth=folder.parent / "truth.csv",
    )
    identities = Identities(company)
    _write_events(company, identities, inbox)
    write_people(company, identities, inbox.people, opted_in)
    write_badges(company, identities, inbox.badges, inbox.open_badges)
    write_evidence(company, identities, inbox.evidence)
    write_truth(company, identities, inbox.truth)
    return inbox


def _write_events(company: Company, identities: Identities, inbox: Inbox) -> None:
    """Write chat, mail and meetings side by side from one pass over the events."""
    with (
        zipfile.ZipFile(inbox.slack, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        inbox.mail.open("wb") as mail,
        inbox.calendar.open("wb") as calendar,
    ):
        writers = SlackZip(company, identities, archive), Mailbox(identities, mail), Agenda(identities, calendar)
        for batch in company.batches():
            rows = list(records(batch))
            for writer in writers:
                writer.week(rows)
        for closing in (writers[0], writers[2]):
            closing.close()
