"""What a simulated company says of itself: 360 feedback, recognition, customer satisfaction and a survey, with comments as canaries."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.simulated.identities import Identities, canary
from ona.simulate.company import Company
from ona.tables import AccountKind

RATERS = (3, 8)
"""Colleagues who rate one person."""
NAMED = (1, 5)
"""Colleagues whom an answer of the survey names."""
ANSWERED = 0.82
"""Share of members who answer the survey."""
THANKS = 1.2
"""Thank-yous that a member receives in the window, on average."""
RINGS = 0.05
"""Share of members who thank each other in turn within two weeks: what recognition programmes are known for."""
SELF = 0.02
"""Share of members who rate themselves, which no table should hold."""

Ints = npt.NDArray[np.int64]
Row = Sequence[object]


@dataclass(frozen=True)
class _Members:
    """Members of the company with what colleagues notice of them."""

    ids: Ints
    team: Ints
    lift: npt.NDArray[np.float64]  # standard deviations above others, as colleagues see it
    bridges: npt.NDArray[np.bool_]


def write_evidence(company: Company, identities: Identities, folder: Path) -> None:
    """Write one table per source; planted people are noticed more often, not always."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(np.random.SeedSequence([company.plan.seed, 6]))
    members = _members(company, rng)
    start, days = company.plan.start, company.plan.weeks * 7
    who = [identities.of(int(one)).email for one in members.ids]
    tables: dict[str, tuple[str, Iterable[Row]]] = {
        "peer_360-q.csv": ("ratee,rater,competency,rating,scale_min,scale_max,date,comment", _ratings(members, who, start, rng)),
        "recognition.csv": ("giver,receivers,date,points_given,message", _thanks(members, who, start, days, rng)),
        "csat.csv": ("ticket_id,team,csat,answers,date,verbatim", _satisfaction(company, members, start, rng)),
        "survey.csv": ("respondent,named,skill,submitted_on,answer_text", _answers(members, who, start + timedelta(days=days - 7), rng)),
    }
    for name, (header, rows) in tables.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\r\n")
            table.writerow(header.split(","))
            table.writerows(rows)


def _members(company: Company, rng: np.random.Generator) -> _Members:
    people = company.people.to_pandas()
    people = people[(people["kind"] == int(AccountKind.MEMBER)) & people["left"].isna()]
    truth = {row["person"]: row for row in company.truth.to_pylist()}
    roles = [truth.get(one, {}).get("role") for one in people["person"]]
    planted = np.array([role in ("helper", "broker") for role in roles])
    lift = rng.normal(0, 0.6, len(people)) + 1.3 * planted
    return _Members(people["person"].to_numpy(), people["team"].to_numpy(), lift, np.array([role == "broker" for role in roles]))


def _ratings(members: _Members, who: Sequence[str], start: date, rng: np.random.Generator) -> Iterator[Row]:
    severity = rng.normal(0, 0.5, len(who))
    for place in range(len(who)):
        for rater in _colleagues(members, place, int(rng.integers(*RATERS, endpoint=True)), rng):
            value = int(np.clip(round(3.2 + 0.6 * members.lift[place] - severity[rater] + rng.normal(0, 0.7)), 1, 5))
            day = start + timedelta(days=60 + int(rng.integers(10)))
            yield [who[place], who[rater], "Helper", value, 1, 5, day, canary("comment", place * 1000 + rater)]
        if rng.random() < SELF:
            yield [who[place], who[place], "Helper", 5, 1, 5, start + timedelta(days=60), canary("comment", place)]


def _thanks(members: _Members, who: Sequence[str], start: date, days: int, rng: np.random.Generator) -> Iterator[Row]:
    rate = THANKS * np.exp(0.5 * members.lift)
    for place, count in enumerate(rng.poisson(rate)):
        for giver in _colleagues(members, place, int(count), rng):
            shared = [who[place], *(who[one] for one in _colleagues(members, place, 1, rng) if rng.random() < 0.1 and one != giver)]
            day = start + timedelta(days=int(rng.integers(days)))
            yield [who[giver], ";".join(shared), day, int(rng.integers(1, 5)) * 10, canary("thanks", place * 1000 + giver)]
        if rng.random() < RINGS:
            friend = _colleagues(members, place, 1, rng)
            day = start + timedelta(days=int(rng.integers(max(1, days - 14))))
            for one, other in [pair for mate in friend for pair in ((place, mate), (mate, place))]:
                yield [who[one], who[other], day + timedelta(days=int(rng.integers(14))), 10, canary("thanks", one)]


def _satisfaction(company: Company, members: _Members, start: date, rng: np.random.Generator) -> Iterator[Row]:
    labels = company.labels["team"]
    for number, team in enumerate(sorted({int(one) for one in members.team})[::2]):
        level = 3.6 + 0.4 * float(members.lift[members.team == team].mean()) + rng.normal(0, 0.2)
        for week in range(company.plan.weeks):
            score = round(float(np.clip(level + rng.normal(0, 0.25), 1, 5)), 2)
            day = start + timedelta(days=week * 7)
            yield [f"C{number:03d}{week:02d}", labels[team], score, int(rng.integers(3, 40)), day, canary("verbatim", number * 100 + week)]


def _answers(members: _Members, who: Sequence[str], day: date, rng: np.random.Generator) -> Iterator[Row]:
    """Answer whom one turned to when stuck outside the own team."""
    weight = np.exp(0.9 * members.lift)
    for place in range(len(who)):
        if rng.random() > ANSWERED:
            continue
        chance = weight * np.where(members.team == members.team[place], 0.15, 1.0)
        chance[place] = 0
        named = rng.choice(len(who), int(rng.integers(*NAMED, endpoint=True)), replace=False, p=chance / chance.sum())
        skill = "broker" if members.bridges[named].any() else "helper"
        yield [who[place], ";".join(who[one] for one in named), skill, day, canary("answer", place)]


def _colleagues(members: _Members, place: int, count: int, rng: np.random.Generator) -> list[int]:
    """Draw colleagues, mostly of the same team."""
    chance = np.where(members.team == members.team[place], 6.0, 0.05)
    chance[place] = 0
    return [int(one) for one in rng.choice(len(chance), min(count, len(chance) - 1), replace=False, p=chance / chance.sum())]
