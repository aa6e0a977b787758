"""Who is found: planted helpers and brokers in simulated companies, beside plain centralities; prints each bar with its figure.

Every company runs through the whole method: events, weekly tables, scan. Two processes work at a time. The method was developed on the
companies of seeds 100 to 111 and on nulls of seeds 2000 to 2039; what is measured here are seeds 0 to 19 and 1000 to 1099. Weekly tables
are kept in the user's cache under a name made from the code that builds them, so that a change of the scores costs scans alone.
vivainsights and orgnet rank the first few companies only: orgnet takes minutes for one.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import igraph
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from bars import Bar
from planted_rivals import best, python, rankings
from scipy import stats

from ona.indicators import INDICATORS
from ona.rules import Rules, TieRules
from ona.scan import Scan, scan
from ona.simulate.company import company
from pipelines.engine.duckdb import Engine
from pipelines.ties import tables_of

T = TypeVar("T")

TABLES = ("ties", "asks", "presence", "people", "truth")
PLANTED = ("helper", "broker")
DECOYS = (
    "broadcaster",
    "big_span_manager",
    "service_desk",
    "serial_replier",
    "meeting_hoarder",
    "bot",
    "shared_mailbox",
    "joiner",
)
LOW_VISIBILITY = 0.60
RIVALS = ("degree", "betweenness", "pagerank", "hits")
ROOT = Path(__file__).resolve().parents[2]
CACHE = Path.home() / ".cache" / "ona-bench"


def made_by() -> str:
    """Return a short name for the code that simulates companies and builds their weekly tables."""
    sources = sorted([*(ROOT / "ona" / "simulate").glob("*.py"), *(ROOT / "ona" / "ties").glob("*.py")])
    return hashlib.blake2b(b"".join(path.read_bytes() for path in sources), digest_size=6).hexdigest()


def weekly_tables(folder: Path, people: int, seed: int, draw: int = 0, planted: bool = True) -> dict[str, pa.Table]:
    """Return person-level weekly tables, PEOPLE and the truth of one company; from the folder when they are there."""
    place = folder / f"{people}-{seed}-{draw}-{'planted' if planted else 'null'}"
    if not (place / "truth.parquet").exists():
        made = company(people=people, weeks=13, seed=seed, draw=draw, planted=planted)
        with Engine(threads=1) as engine:
            tables = tables_of(engine, made.events(), made.accounts, TieRules())
        place.mkdir(parents=True, exist_ok=True)
        for name, table in zip(TABLES, (*tables, made.people, made.truth), strict=True):
            pq.write_table(table, place / f"{name}.parquet")
    return {name: pq.read_table(place / f"{name}.parquet") for name in TABLES}


def scanned(tables: dict[str, pa.Table], rules: Rules) -> Scan:
    """Return the scan of one company."""
    return scan(tables["ties"], tables["asks"], tables["presence"], tables["people"], rules)


def precision(ranking: pd.Series, wanted: set[int]) -> float:
    """Return the share of the wanted among the first so many as there are wanted."""
    among = wanted & set(ranking.index)
    first = ranking.sort_values(ascending=False, kind="stable").index[: len(among)]
    return len(among & set(first)) / len(among) if among else float("nan")


def plain_centralities(tables: dict[str, pa.Table]) -> dict[str, pd.Series]:
    """Return what a first look would rank by: centralities of the graph of all contact, uncleaned by position or exposure."""
    ties = tables["ties"].to_pandas().groupby(["from", "to"], as_index=False)["weight"].sum()
    members = sorted(set(tables["people"].to_pandas().query("kind == 1").person))
    place = {person: row for row, person in enumerate(members)}
    kept = ties[ties["from"].isin(place) & ties["to"].isin(place)]
    edges = list(zip(kept["from"].map(place), kept["to"].map(place), strict=True))
    graph, weight = igraph.Graph(len(members), edges, directed=True), (kept["weight"] / kept["weight"].mean()).tolist()
    distance = (1 / kept["weight"]).tolist()
    found = {
        "degree": graph.degree(),
        "betweenness": graph.betweenness(weights=distance),
        "pagerank": graph.pagerank(weights=weight),
        "hits": graph.authority_score(weights=weight),
    }
    return {name: pd.Series(value, index=members, dtype=float) for name, value in found.items()}


def judge(folder: Path, people: int, seed: int) -> dict[str, float]:
    """Measure one planted company: precision of ours and of plain centralities, flags by role, recall by working time."""
    tables = weekly_tables(folder, people, seed)
    made, truth = scanned(tables, Rules()), tables["truth"].to_pandas()
    scores, flags = made.scores.to_pandas(), made.flags.to_pandas()
    visibility = flags.drop_duplicates("person").set_index("person")["visibility"]
    roles, plain = truth.set_index("person")["role"], plain_centralities(tables)
    found: dict[str, float] = {"decoys": int(roles.isin(DECOYS).sum())} | against_volume(tables, made)
    for facet in PLANTED:
        rows = scores[(scores["name"] == facet) & scores["percentile"].notna()]
        ranking = rows.set_index("person")["value"]
        mine = truth[truth["role"] == facet]
        wanted, hidden = set(mine.person), set(mine[mine.hidden].person)
        dim = visibility[visibility <= LOW_VISIBILITY].index
        found[f"{facet} ours"] = precision(ranking, wanted)
        found[f"{facet} hidden ours"] = precision(ranking[ranking.index.isin(dim)], hidden & set(dim))
        for name, value in plain.items():
            found[f"{facet} {name}"] = precision(value[value.index.isin(ranking.index)], wanted & set(ranking.index))
            there = value[value.index.isin(ranking.index) & value.index.isin(dim)]
            found[f"{facet} hidden {name}"] = precision(there, hidden & set(there.index))
        flagged = flags[(flags["facet"] == facet) & flags["flagged"]]["person"]
        found[f"{facet} flags"] = len(flagged)
        found[f"{facet} hidden flags"] = int(flags[(flags["facet"] == facet) & flags["hidden"]].shape[0])
        for role, count in roles.reindex(flagged).fillna("nobody").value_counts().items():
            found[f"{facet} flags {role}"] = count
        for part, group in mine[mine.person.isin(ranking.index)].groupby("part_time"):
            name = "part" if part else "full"
            first = set(ranking.sort_values(ascending=False, kind="stable").index[: len(wanted & set(ranking.index))])
            found[f"{name}-time found"] = found.get(f"{name}-time found", 0) + len(set(group.person) & first)
            found[f"{name}-time planted"] = found.get(f"{name}-time planted", 0) + len(group)
    return found


def beside_rivals(folder: Path, people: int, seed: int) -> dict[str, float]:
    """Measure the precision of ours and of every ranking of other libraries in one planted company, among the people we score."""
    tables = weekly_tables(folder, people, seed)
    scores, truth = scanned(tables, Rules()).scores.to_pandas(), tables["truth"].to_pandas()
    others, found = rankings(tables), {}
    for facet in PLANTED:
        mine = scores[(scores["name"] == facet) & scores["percentile"].notna()].set_index("person")["value"]
        wanted = set(truth[truth["role"] == facet].person) & set(mine.index)
        found[f"{facet} ours"] = precision(mine, wanted)
        found |= {f"{facet} {name}": precision(value[value.index.isin(mine.index)], wanted) for name, value in others.items()}
    return found


def against_volume(tables: dict[str, pa.Table], made: Scan) -> dict[str, float]:
    """Return how far scores follow the turns that people initiate, also given what was planted, and who is found by volume."""
    guards = made.notes["volume_guards"]
    found = {f"{name} volume": value for name, value in guards.items() if value is not None} if isinstance(guards, dict) else {}
    turns = tables["presence"].to_pandas().groupby("account")["initiated"].sum()
    truth, scores = tables["truth"].to_pandas(), made.scores.to_pandas()
    function = tables["people"].to_pandas().set_index("person")["function"]
    for facet in PLANTED:
        rows = scores[(scores["name"] == facet) & scores["percentile"].notna()].set_index("person")["value"]
        wanted = set(truth[truth["role"] == facet].person) & set(rows.index)
        frame = pd.DataFrame({"score": rows, "turns": turns.reindex(rows.index), "skill": rows.index.isin(wanted).astype(float)})
        parts = [part for _, part in frame.groupby(function.reindex(rows.index)) if len(part) >= 20]
        found[f"{facet} volume given skill"] = float(np.mean([_partial(part) for part in parts]))
        mine = frame[frame["skill"] > 0]
        third = mine["turns"].rank(method="first").sub(1).floordiv(len(mine) / 3).astype(int)
        first = set(rows.sort_values(ascending=False, kind="stable").index[: len(wanted)])
        for k, group in mine.groupby(third):
            found[f"{facet} planted third {k}"], found[f"{facet} found third {k}"] = len(group), len(set(group.index) & first)
    return found


def _partial(frame: pd.DataFrame) -> float:
    """Return the rank correlation of score and turns given skill."""
    ranks = frame[["score", "turns", "skill"]].rank()
    if frame["skill"].std() == 0:
        return float(stats.pearsonr(ranks["score"], ranks["turns"]).statistic)
    left = [ranks[name] - np.polyval(np.polyfit(ranks["skill"], ranks[name], 1), ranks["skill"]) for name in ("score", "turns")]
    return float(stats.pearsonr(*left).statistic)


def any_flag(folder: Path, people: int, seed: int) -> bool:
    """Return whether a company in which everybody follows one law shows any flag."""
    made = scanned(weekly_tables(folder, people, seed, planted=False), Rules())
    return bool(made.flags.to_pandas()["flagged"].any())


def intervals(folder: Path, people: int, seed: int, draw: int) -> pd.DataFrame:
    """Return what gated people are told in one draw, its interval and whether they are flagged, beside the unshrunk value."""
    tables = weekly_tables(folder, people, seed, draw)
    made = scanned(tables, Rules())
    scores = made.scores.to_pandas()
    told = scores[scores["name"].isin(["ask_pull", *PLANTED]) & scores["reason"].isna()].set_index(["person", "name"])
    raw = pd.concat([_raw_pull(tables), *(_raw_facet(made, facet) for facet in PLANTED)])
    flagged = made.flags.to_pandas().rename(columns={"facet": "name"}).set_index(["person", "name"])["flagged"]
    found: pd.DataFrame = told[["low", "high"]].join(raw.rename("raw")).join(flagged).assign(draw=draw).reset_index()
    return found


def _raw_pull(tables: dict[str, pa.Table]) -> pd.Series:
    given = [tables[name] for name in ("asks", "presence", "people")]
    columns = [("asks", "asker"), ("asks", "helper"), ("presence", "account"), ("people", "person")]
    persons = np.unique(np.concatenate([tables[table][column].to_numpy() for table, column in columns]))
    return pd.Series(INDICATORS["ask_pull"](*given), index=pd.MultiIndex.from_product([persons, ["ask_pull"]], names=["person", "name"]))


def _raw_facet(made: Scan, facet: str) -> pd.Series:
    """Return the facet before shrinkage, standardised: the mean of the normal scores by their shares."""
    parts = made.contributions.to_pandas().query("facet == @facet")
    mean = (parts["z"] * parts["share"]).groupby(parts["person"]).sum()
    value = mean / mean.std(ddof=0)
    return pd.Series(value.to_numpy(), index=pd.MultiIndex.from_product([value.index, [facet]], names=["person", "name"]))


def coverage(rows: pd.DataFrame) -> dict[str, float]:
    """Return by score how often the interval of a draw holds the mean of the same person's unshrunk value over all draws."""
    same = rows.groupby(["person", "name"])["raw"]
    rows = rows[same.transform("size") >= rows["draw"].nunique() / 2].assign(long_run=same.transform("mean"))
    held = (rows["low"] <= rows["long_run"]) & (rows["long_run"] <= rows["high"])
    return {str(name): float(value) for name, value in held.groupby(rows["name"]).mean().items()}


def kept_promises(rows: pd.DataFrame) -> dict[str, float]:
    """Return by facet how many of all flags are on people whose mean over all draws is among the highest tenth, as a flag says."""
    rows = rows[rows["name"].isin(PLANTED)]
    long_run = rows.groupby(["name", "person"])["raw"].agg(["mean", "size"])
    long_run = long_run[long_run["size"] >= rows["draw"].nunique() / 2]["mean"]
    place = long_run.groupby("name").rank(pct=True).rename("place")
    flagged = rows[rows["flagged"] == True].join(place, on=["name", "person"])  # noqa: E712 - missing is not flagged
    return {str(name): float(held) for name, held in (flagged["place"] > 0.9).groupby(flagged["name"]).mean().items()}


def planted_bars(results: pd.DataFrame) -> list[Bar]:
    """Return the bars on planted people."""
    mean, total = results.mean(), results.fillna(0).sum()
    bars = []
    for facet in PLANTED:
        best = max(mean[f"{facet} {name}"] for name in RIVALS)
        bars += [
            Bar(f"precision at k, {facet}s", mean[f"{facet} ours"], least=0.85),
            Bar(f"precision at k, hidden {facet}s", mean[f"{facet} hidden ours"], least=0.75),
            Bar(f"lead over the best plain centrality, {facet}s", mean[f"{facet} ours"] - best, least=0.0),
        ]
    decoys = sum(total.get(f"{facet} flags {role}", 0) for facet in PLANTED for role in DECOYS)
    flags = sum(total[f"{facet} flags"] for facet in PLANTED)
    volume = [
        Bar(f"volume: |rank correlation| with initiated turns, {what}{kind}", abs(mean[f"{what} volume{kind}"]), most=0.30)
        for kind in ("", " given skill")
        for what in (*PLANTED, "overall")
        if f"{what} volume{kind}" in mean
    ]
    thirds = [Bar(f"recall in the top over the bottom third of volume, {facet}s", _ratio(total, facet), most=1.5) for facet in PLANTED]
    recall = {name: total[f"{name}-time found"] / total[f"{name}-time planted"] for name in ("full", "part")}
    return [
        *bars,
        Bar(f"share of decoys among the {flags:.0f} flags", decoys / flags, most=0.05),
        Bar(f"share of the {total['decoys']:.0f} decoys that are flagged", decoys / total["decoys"], most=0.03),
        Bar("recall of full-time minus part-time people", recall["full"] - recall["part"], most=0.10),
        *volume,
        *thirds,
    ]


def _ratio(total: pd.Series, facet: str) -> float:
    high, low = (total[f"{facet} found third {third}"] / total[f"{facet} planted third {third}"] for third in (2, 0))
    return float(high / low)


def _side_by_side(results: pd.DataFrame) -> str:
    mean, lines = results.mean(), [f"{'precision at k':<18} {'ours':>7} {'degree':>7} {'betw.':>7} {'pagerank':>8} {'hits':>7}"]
    for what in ("helper", "helper hidden", "broker", "broker hidden"):
        values = [mean[f"{what} {name}"] for name in ("ours", *RIVALS)]
        lines.append(f"{what:<18} " + " ".join(f"{value:>7.3f}" for value in values))
    return "\n".join(lines)


def _flags_by_role(results: pd.DataFrame) -> str:
    total = results.fillna(0).sum()
    rows = [
        f"{name.partition(' flags ')[0]}: {name.partition(' flags ')[2]} {total[name]:.0f}" for name in total.index if " flags " in name
    ]
    return "flags by role: " + ", ".join(sorted(rows))


def _run(pool: ProcessPoolExecutor, work: Callable[[int], T], over: Sequence[int]) -> list[T]:
    return list(pool.map(work, over))


def _with_earlier(folder: Path | None, name: str, found: pd.DataFrame) -> pd.DataFrame:
    """Put rows beside those of earlier runs, which rows of the same index give way to, and return all."""
    if folder is None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    known = pd.read_parquet(path) if path.exists() else found.iloc[:0]
    every = pd.concat([known[~known.index.isin(found.index)], found]).sort_index(kind="stable")
    every.to_parquet(path)
    return every


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder of the weekly tables; default: the user's cache, by the code that makes them")
    parser.add_argument("--companies", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--results", type=Path, help="folder where results are added up: the bars of many short runs are those of all")
    parser.add_argument("--rivals", type=int, default=2, help="companies in which vivainsights and orgnet rank too, minutes each")
    parser.add_argument("--nulls", type=int, default=100)
    parser.add_argument("--first-null", type=int, default=1000)
    parser.add_argument("--null-people", type=int, default=300, help="smaller, for speed")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--first-draw", type=int, default=0)
    parser.add_argument("--draw-people", type=int, default=300, help="smaller, for speed")
    return parser.parse_args()


def main() -> int:
    """Run the parts asked for; the exit code is 1 when a bar fails."""
    asked = _options()
    bars: list[Bar] = []
    folder = asked.cache or CACHE / made_by()
    with ProcessPoolExecutor(2) as pool:
        if asked.companies:
            seeds = range(asked.first_seed, asked.first_seed + asked.companies)
            found = pd.DataFrame(_run(pool, partial(judge, folder, asked.people), seeds), index=seeds)
            results = _with_earlier(asked.results, f"companies-{asked.people}", found)
            head = f"{len(results)} companies of {asked.people} people, 13 weeks, seeds {', '.join(map(str, results.index))}"
            sys.stdout.write(f"{head}\n{_side_by_side(results)}\n{_flags_by_role(results)}\n")
            bars += planted_bars(results)
        if asked.rivals:
            python()
            beside = pd.DataFrame(
                _run(pool, partial(beside_rivals, folder, asked.people), range(asked.first_seed, asked.first_seed + asked.rivals))
            )
            sys.stdout.write(
                f"{asked.rivals} companies of {asked.people} people, precision at k beside the best ranking of a library\n{best(beside)}\n"
            )
        if asked.nulls:
            seeds = range(asked.first_null, asked.first_null + asked.nulls)
            flagged = pd.DataFrame({"any": _run(pool, partial(any_flag, folder, asked.null_people), seeds)}, index=seeds)
            shown = _with_earlier(asked.results, f"nulls-{asked.null_people}", flagged)["any"]
            what = f"of {len(shown)} companies of {asked.null_people} with nobody planted, those with any flag"
            bars.append(Bar(what, float(shown.sum()), most=len(shown) / 10))
        if asked.draws:
            numbers = range(asked.first_draw, asked.first_draw + asked.draws)
            told = pd.concat(_run(pool, partial(intervals, folder, asked.draw_people, 7), numbers)).set_index("draw", drop=False)
            draws = _with_earlier(asked.results, f"draws-{asked.draw_people}", told.rename_axis("number")).reset_index(drop=True)
            held, n_draws = coverage(draws), draws["draw"].nunique()
            edges = {"ask_pull": (0.87, 0.93)} | dict.fromkeys(PLANTED, (0.80, 0.97))
            for name, (least, most) in edges.items():
                what = f"90 % interval of {name} holds the mean of {n_draws} draws"
                bars.append(Bar(what, held.get(name, float("nan")), least=least, most=most))
            for name, share in kept_promises(draws).items():
                bars.append(Bar(f"share of {name} flags on the highest tenth by the mean of {n_draws} draws", share))
    sys.stdout.write("\n".join(map(str, bars)) + "\n")
    return 0 if all(bar.passed for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
