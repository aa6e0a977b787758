"""Files into the buffer: records per second of processor time and peak memory, each source in a process of its own.

A pull is everything between the file and the committed week: reading, pseudonyms, temporary files, merge, durable Parquet.
Bars: 30,000 records a second on one core, 512 MiB resident. A shared machine counts time that it does not give, so each
line also tells how long one keyed digest (hmac, SHA-256, 64 bytes) took meanwhile: 3.9 µs on the machine of the notes when it is quiet.
"""

import argparse
import hmac
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

BAR_RATE, BAR_MIB = 30_000, 512
WEEKS = 13
START = date(2026, 6, 29)
PEOPLE = 1_000
HALF_HOUR = timedelta(minutes=30)
MAP = {"sender": "Sender", "recipient": "Recipient", "time": "EventDate", "zone": "UTC", "namespace": "hr"}
WORDS = ("see", "the", "meeting", "result", "build", "customer", "release", "could", "thanks", "question", "deploy", "tomorrow")
Options = dict[str, object]


def rows_of_table(rows: int) -> Iterator[pa.Table]:
    """Yield a table of sender, recipient and time, in the order of time and of bounded size each."""
    numbers = np.random.default_rng(0)
    step = WEEKS * 7 * 86_400_000_000 // rows
    begin = int(datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp()) * 1_000_000
    for first in range(0, rows, 500_000):
        count = min(500_000, rows - first)
        at = pa.array(begin + (first + np.arange(count)) * step).cast(pa.timestamp("us"))
        people = [pa.array(numbers.integers(0, PEOPLE, count)).cast(pa.string()) for _ in range(2)]
        yield pa.table(
            {
                "Sender": people[0],
                "Recipient": people[1],
                "EventDate": pc.strftime(at.cast(pa.timestamp("s"), safe=False), "%Y-%m-%d %H:%M:%S"),
            }
        )


def write_csv(path: Path, rows: int) -> Options:
    """Write the table as CSV."""
    with path.open("wb") as file:
        for number, table in enumerate(rows_of_table(rows)):
            pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=number == 0, delimiter=";", quoting_style="none"))
    return MAP


def write_parquet(path: Path, rows: int) -> Options:
    """Write the table as Parquet."""
    with pq.ParquetWriter(path, pa.schema([(name, pa.string()) for name in ("Sender", "Recipient", "EventDate")])) as writer:
        for table in rows_of_table(rows):
            writer.write_table(table, row_group_size=1_000_000)
    return MAP


def write_slack(path: Path, messages: int) -> Options:
    """Write an export of public channels: texts, rich-text blocks, profiles, threads, reactions, mentions."""
    chance, channels = random.Random(0), 40
    users = [f"U{n:08}" for n in range(PEOPLE)]
    rooms = [{"id": f"C{n:08}", "name": f"room-{n}"} for n in range(channels)]
    people = [{"id": user, "team_id": "T1", "profile": {"email": f"{user}@x.example"}} for user in users]
    days = WEEKS * 7
    each = max(1, messages // (channels * days))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("users.json", json.dumps(people))
        archive.writestr("channels.json", json.dumps(rooms))
        for room in rooms:
            for day in range(days):
                day_file = f"{room['name']}/{START + timedelta(days=day)}.json"
                archive.writestr(day_file, "[" + ",\n".join(_chat(chance, users, day, each)) + "]")
    return {}


def _chat(chance: random.Random, users: list[str], day: int, count: int) -> Iterator[str]:
    """Yield messages as JSON of about 2.5 kB each, a third of which no compression can shrink."""
    begin = int(datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp()) + day * 86_400
    thread = ""
    for number in range(count):
        user, other = chance.choice(users), chance.choice(users)
        ts = f"{begin + number * 86_399 // count}.{number % 1_000_000:06}"
        text = f"see the meeting result {chance.randbytes(420).hex()}" + (f" <@{other}>" if number % 4 == 0 else "")
        more = ""
        if number % 5 == 0:
            thread = ts
            more = f',\n"thread_ts": "{ts}", "reply_count": 1, "replies": [{{"user": "{other}", "ts": "{ts}"}}]'
        elif number % 5 < 3 and thread:
            more = f',\n"thread_ts": "{thread}", "parent_user_id": "{user}"'
        if number % 4 == 1:
            more += f',\n"reactions": [{{"name": "thumbsup", "users": ["{other}", "{users[number % PEOPLE]}"], "count": 2}}]'
        block = f'{{"type": "rich_text_section", "elements": [{{"type": "text", "text": "{text}"}}]}}'
        yield (
            f'{{"client_msg_id": "{chance.randbytes(16).hex()}", "type": "message", "user": "{user}", "ts": "{ts}",\n"text": "{text}",\n'
            f'"team": "T1", "user_team": "T1", "user_profile": {{"real_name": "{user}", "image_72": "https://a.example/{ts}"}},\n'
            f'"blocks": [{{"type": "rich_text", "block_id": "{number:x}", "elements": [{block}]}}]{more}}}'
        )


def write_mbox(path: Path, mails: int) -> Options:
    """Write mails with the headers that programs add and a body of about two kilobytes."""
    chance = random.Random(0)
    step = timedelta(weeks=WEEKS) / mails
    at = datetime(START.year, START.month, START.day, tzinfo=UTC)
    body = "".join(" ".join(chance.choices(WORDS, k=12)) + "\n" for _ in range(30))
    with path.open("w", encoding="utf-8") as file:
        for number in range(mails):
            at += step
            to = ", ".join(f"Person {n} <person.{n}@acme.example>" for n in chance.sample(range(PEOPLE), 1 + number % 3))
            trace = "".join(
                f"Received: from mx{n}.acme.example (10.0.0.{n}) by mx.acme.example with ESMTPS id {number:x};\n\t{at:%c}\n"
                for n in range(3)
            )
            reply = (
                f"In-Reply-To: <{number - 7:x}@acme.example>\nReferences: <{number - 9:x}@acme.example>\n <{number - 7:x}@acme.example>\n"
            )
            reply = reply if number % 2 and number > 9 else ""
            file.write(
                f"From person.{number % PEOPLE}@acme.example {at:%a %b %d %H:%M:%S %Y}\n{trace}"
                f"From: Person {number % PEOPLE} <person.{number % PEOPLE}@acme.example>\nTo: {to}\nSubject: about {number}\n"
                f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\nMessage-ID: <{number:x}@acme.example>\n{reply}"
                f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}\n"
            )
    return {}


def write_ics(path: Path, meetings: int) -> Options:
    """Write one-off meetings of three to eight people with the properties that programs add and a text of half a kilobyte."""
    chance = random.Random(0)
    step = timedelta(weeks=WEEKS) / meetings
    at = datetime(START.year, START.month, START.day, tzinfo=UTC)
    text = "\\n".join(" ".join(chance.choices(WORDS, k=12)) for _ in range(6))
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//bench//EN\n")
        for number in range(meetings):
            at += step
            people = chance.sample(range(PEOPLE), 3 + number % 6)
            guests = "".join(
                f"ATTENDEE;CN=Person {n};PARTSTAT={'ACCEPTED' if n % 5 else 'DECLINED'}:mailto:person.{n}@acme.example\n"
                for n in people[1:]
            )
            moments = (
                f"DTSTAMP:{at - timedelta(days=2):%Y%m%dT%H%M%SZ}\nDTSTART:{at:%Y%m%dT%H%M%SZ}\nDTEND:{at + HALF_HOUR:%Y%m%dT%H%M%SZ}\n"
            )
            words = f"SUMMARY:about {number}\nDESCRIPTION:{text}\nSEQUENCE:0\nSTATUS:CONFIRMED\n"
            host = f"ORGANIZER;CN=Person {people[0]}:mailto:person.{people[0]}@acme.example\n"
            file.write(f"BEGIN:VEVENT\nUID:{number:x}@acme.example\n{moments}{words}{host}{guests}END:VEVENT\n")
        file.write("END:VCALENDAR\n")
    return {}


def write_trace(path: Path, rows: int) -> Options:
    """Write a message trace: a row per recipient, one to three rows a mail."""
    chance = random.Random(0)
    step = timedelta(weeks=WEEKS) / rows
    at = datetime(START.year, START.month, START.day, tzinfo=UTC)
    with path.open("w", encoding="utf-8") as file:
        file.write("Received,SenderAddress,RecipientAddress,Subject,Status,ToIP,FromIP,Size,MessageId,MessageTraceId\n")
        left, head = 0, ""
        for number in range(rows):
            if not left:
                left, sent = 1 + number % 3, f"{at + step * number:%Y-%m-%dT%H:%M:%S.1234567Z}"
                head = f"{sent},person.{chance.randrange(PEOPLE)}@acme.example"
                tail = f'"about {number}, and more",Delivered,,10.0.0.1,4567,<{number:x}@acme.example>,{number:032x}'
            file.write(f"{head},person.{chance.randrange(PEOPLE)}@acme.example,{tail}\n")
            left -= 1
    return {}


SOURCES: dict[str, tuple[str, str, Callable[[Path, int], Options]]] = {
    "table.csv": ("events", "csv", write_csv),
    "table.parquet": ("events", "parquet", write_parquet),
    "slack.zip": ("slack_export", "zip", write_slack),
    "mail.mbox": ("mbox", "mbox", write_mbox),
    "calendar.ics": ("ics", "ics", write_ics),
    "trace.csv": ("message_trace", "csv", write_trace),
}


def measure(name: str, path: Path, options: Options) -> None:
    """Pull one file into a fresh deployment and print the figures as JSON; the imports come first."""
    from connectors.base import open_connector
    from pipelines.intake.events import pull_events
    from pipelines.keys import create_key
    from pipelines.settings import load_settings
    from pipelines.storage.workspace import open_workspace

    home = path.parent / "home"
    create_key(home / "key")
    with open_workspace(load_settings(home)) as ws:
        connector = open_connector(SOURCES[name][0], {"path": path, **options})
        digest, wall, cpu = _digest_microseconds(), time.perf_counter(), time.process_time()
        report = pull_events(ws, "bench", connector)
        seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
    figures = {"records": report.read, "accepted": report.accepted, "seconds": seconds, "cpu": cpu, "balanced": report.balanced}
    figures |= {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "digest": (digest + _digest_microseconds()) / 2}
    print(json.dumps(figures))


def _digest_microseconds() -> float:
    begun = time.process_time()
    for number in range(20_000):
        hmac.digest(b"k" * 32, b"%064d" % number, "sha256")
    return (time.process_time() - begun) / 20_000 * 1e6


def run(name: str, size: int, folder: Path) -> str:
    """Write the file, pull it in a new process, and return the line of the table."""
    path = folder / f"{name.partition('.')[0]}.{SOURCES[name][1]}"
    options = SOURCES[name][2](path, size)
    mib = path.stat().st_size / 2**20
    command = [sys.executable, __file__, "--measure", name, "--file", str(path), "--options", json.dumps(options)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rate = found["records"] / found["cpu"]
    passed = rate >= BAR_RATE and found["mib"] <= BAR_MIB and found["balanced"]
    counts = f"{found['records']:>12,}{found['accepted']:>12,}{mib:>9,.0f}{found['seconds']:>9.1f}{found['cpu']:>8.1f}"
    return f"{name:<15}{counts}{rate:>11,.0f}{found['mib']:>9.0f}{found['digest']:>9.1f}  {'pass' if passed else 'FAIL'}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="rows of the tables (bar: 20,000,000)")
    parser.add_argument("--messages", type=int, default=100_000, help="messages of the Slack zip (2 GiB: about 3,600,000)")
    parser.add_argument("--mails", type=int, default=200_000)
    parser.add_argument("--meetings", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--folder", type=Path, help="where the files are written, made when missing; a temporary folder otherwise")
    parser.add_argument("--measure", choices=SOURCES)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--options", default="{}")
    chosen = parser.parse_args()
    if chosen.measure:
        measure(chosen.measure, chosen.file, json.loads(chosen.options))
        return
    sizes = {"table.csv": chosen.rows, "table.parquet": chosen.rows, "slack.zip": chosen.messages, "mail.mbox": chosen.mails}
    sizes |= {"calendar.ics": chosen.meetings, "trace.csv": chosen.rows}
    if chosen.folder:
        chosen.folder.mkdir(parents=True, exist_ok=True)
    heading = f"{'records':>12}{'accepted':>12}{'file MiB':>9}{'seconds':>9}{'cpu s':>8}{'per cpu s':>11}{'peak MiB':>9}{'µs/hmac':>9}"
    print(f"{'source':<15}{heading}  bar {BAR_RATE:,}/s, {BAR_MIB} MiB")
    for name in chosen.only:
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            print(run(name, sizes[name], Path(folder)), flush=True)


if __name__ == "__main__":
    main()
