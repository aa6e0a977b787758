"""Real questions and answers: does ask pull, without any gate, rank people as a whole community's votes do?"""

import csv
import gzip
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from ona.indicators import INDICATORS
from ona.rules import TieRules
from ona.tables import ACCOUNTS, EVENTS, PEOPLE, AccountKind, Kind, SpaceKind
from pipelines.engine.duckdb import Engine
from pipelines.ties import tables_of

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "quantum_stackexchange"
QUESTION, ANSWER, ACCEPTED = "1", "2", "1"
SITE = 1


def read(name: str) -> list[dict[str, str]]:
    """Rows of one file."""
    opener = gzip.open if name.endswith("gz") else open
    with opener(DATA / name, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(*words: object) -> int:
    """A stable id of an event."""
    return int.from_bytes(hashlib.blake2b(repr(words).encode(), digest_size=7).digest(), "big")


def event(key: int, sent: str, sender: str, **more: object) -> dict[str, object]:
    """One message or reaction in the only space, on UTC's clock."""
    at = datetime.fromisoformat(sent)
    monday = at.date() - timedelta(days=at.weekday())
    base = {"event": key, "source": "site", "kind": Kind.MESSAGE.value, "sent": at, "week": monday, "day": at.date(), "bin": at.hour}
    place = {"space": SITE, "space_kind": SpaceKind.CHANNEL.value, "flags": 0, "revision": 0, "audience": 0, "recipients": []}
    return base | place | {"sender": int(sender)} | more


def events() -> Iterator[dict[str, object]]:
    """Question = root, answer = reply, acceptance = the asker's reaction to it, the asker's comment = reply to the answer."""
    posts = {row["Id"]: row for row in read("posts.csv") if row["OwnerUserId"]}
    answers = {key: row for key, row in posts.items() if row["PostTypeId"] == ANSWER and row["ParentId"] in posts}
    for key, row in posts.items():
        if row["PostTypeId"] == QUESTION:
            yield event(number(key), row["CreationDate"], row["OwnerUserId"])
    for key, row in answers.items():
        root = number(row["ParentId"])
        yield event(number(key), row["CreationDate"], row["OwnerUserId"], root=root, reply_to=root)
    for row in read("votes.csv.gz"):
        if row["VoteTypeId"] == ACCEPTED and row["PostId"] in answers:
            answer = answers[row["PostId"]]
            asker, author = posts[answer["ParentId"]]["OwnerUserId"], answer["OwnerUserId"]
            later = max(row["CreationDate"], answer["CreationDate"])  # votes carry the day alone
            links = {"root": number(answer["ParentId"]), "reply_to": number(row["PostId"]), "audience": 1}
            to = [{"account": int(author), "role": 1}]
            yield event(number("vote", row["PostId"]), later, asker, kind=Kind.REACTION.value, recipients=to, **links)
    for row in read("comments.csv"):
        answer = answers.get(row["PostId"])
        if answer and row["UserId"] == posts[answer["ParentId"]]["OwnerUserId"]:
            links = {"root": number(answer["ParentId"]), "reply_to": number(row["PostId"])}
            yield event(number("comment", row["Id"]), row["CreationDate"], row["UserId"], **links)


@pytest.mark.skipif(not DATA.exists(), reason="the Quantum Computing Stack Exchange dump is not beside the repository")
def test_ask_pull_of_answerers_follows_their_reputation():
    table = pa.Table.from_pylist(list(events()), schema=EVENTS.schema)
    people = sorted(set(table["sender"].to_pylist()))
    kind = [AccountKind.MEMBER.value] * len(people)
    accounts = pa.table([people, people, kind, [31] * len(people), [False] * len(people)], schema=ACCOUNTS.schema)
    blank = {field.name: pa.nulls(len(people), field.type) for field in PEOPLE.schema}
    members = pa.table(blank | {"person": pa.array(people, pa.int64()), "kind": pa.array(kind, pa.uint8())})
    with Engine(threads=1) as engine:
        _, asks, presence = tables_of(engine, table, accounts, TieRules())
    pull = dict(zip(people, INDICATORS["ask_pull"](asks, presence, members).tolist(), strict=True))
    reputation = {int(row["Id"]): float(row["Reputation"]) for row in read("users.csv")}
    answerers = sorted({int(row["OwnerUserId"]) for row in read("posts.csv") if row["PostTypeId"] == ANSWER and row["OwnerUserId"]})
    found = np.nan_to_num([pull.get(person, 0.0) for person in answerers])
    assert len(answerers) == 165
    assert stats.spearmanr(found, [reputation[person] for person in answerers]).statistic >= 0.65
