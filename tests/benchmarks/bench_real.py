"""Real sets beside plain measures: helpers of a site, experts, brokers of a strike, departments in mail and talk, rank in a factory.

Needs the data sets of ``../shared/data`` beside the repository; a set that is not there is said to be missing.
"""

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fixtures")]

import real_companies  # noqa: E402 - what the tests read too
from bars import Bar  # noqa: E402 - beside this script

from ona.communities import adjusted_rand_index, communities  # noqa: E402
from ona.facets import groups_of  # noqa: E402
from ona.gates import PASSED, helper_gates  # noqa: E402
from ona.graph import Graph  # noqa: E402
from ona.metrics import METRICS  # noqa: E402
from ona.observation import HELPER, graphs  # noqa: E402
from ona.roster import Away  # noqa: E402
from ona.rules import Rules  # noqa: E402
from ona.scan import _compared, _observed, scan  # noqa: E402
from ona.scores import Indicators, shares  # noqa: E402
from ona.tables import ABSENCES, HOLIDAYS  # noqa: E402
from tests.ona import test_quantum_stackexchange as site  # noqa: E402

FACTORY = real_companies.DATA / "manufacturing_email"

NO_WORKING_DAYS = Rules(weeks=26, min_worked_days=0, min_tenure_days=0, min_turns=0, min_counterparties=0)
"""A site has no working days: only the gates on asks and askers remain."""

FEWEST = 4
"""People whose correlation is worth a line."""

SETTINGS = """
[connectors.people]
path = "{data}/reportsto.csv"
namespace = "works"
columns = {{ employee_id = "ID", manager = "ReportsToID" }}
kind_from_manager = {{ "technical email account - not used by employees" = "TECHNICAL", "former employee account" = "FORMER" }}

[connectors.events]
path = "{data}/communication.csv.gz"
sender = "Sender"
recipient = "Recipient"
time = "EventDate"
delimiter = ";"
zone = "Europe/Warsaw"
namespace = "works"
"""


def rank(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Return Spearman's correlation."""
    first, second = (np.asarray(values, dtype=np.float64) for values in (one, other))
    return float(stats.spearmanr(first, second).statistic)


def partial(one: npt.ArrayLike, other: npt.ArrayLike, given: npt.ArrayLike) -> float:
    """Return Spearman's correlation of two given a third."""
    xy, xz, yz = rank(one, other), rank(one, given), rank(other, given)
    return float((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))


def questions_and_answers() -> list[Bar]:
    """Ask pull over all answerers by three exposures, then facet and plain measures on those with enough asks."""
    known, answered = site.reputation(), site.answerers()
    undated, dated = site.site(), site.site(dated=True)
    lines = []
    for what, tables, exposure, least in (
        ("everybody could have answered everything", undated, "presence", 0.65),
        ("members from the week they joined", dated, "presence", -np.inf),
        ("those active in the last four weeks", undated, "active", -np.inf),
    ):
        pull = site.ask_pull(tables, exposure)
        values = [np.nan_to_num(pull[person]) for person in answered]
        lines.append(Bar(f"site: ungated H1, {what}, with reputation ({len(answered)})", rank(values, [known[p] for p in answered]), least))
    return lines + _gated(undated, known)


def _gated(tables: dict[str, pa.Table], known: dict[int, float]) -> list[Bar]:
    made = scan(tables["ties"], tables["asks"], tables["presence"], tables["people"], NO_WORKING_DAYS)
    facts = made.facts.to_pandas().pivot_table(index="person", columns="fact", values="value")
    gated = facts[(facts.asks >= NO_WORKING_DAYS.min_asks) & (facts.askers >= NO_WORKING_DAYS.min_askers)]
    scores = made.scores.to_pandas()
    value = {name: scores[scores["name"] == name].set_index("person")["value"].reindex(gated.index) for name in ("helper", "ask_pull")}
    target = np.array([known[person] for person in gated.index])
    plain = {name: rank(gated[name], target) for name in ("asks", "askers", "acknowledged")}
    best = max(plain.values())
    lines = [Bar(f"site: {name} with reputation, {len(gated)} gated people", figure) for name, figure in plain.items()]
    if not value["helper"].notna().any():
        why = scores[(scores["name"] == "helper") & scores["person"].isin(gated.index)]["reason"].value_counts().to_dict()
        told = {name: found for name, found in made.notes["reliability"].items() if name in HELPER}
        sys.stdout.write(
            f"site: helper facet withheld from all ({why}), for its indicators repeat themselves too little: {told}; below as it would be\n"
        )
        value["helper"] = pd.Series(_withheld(tables), made.people["person"].to_numpy()).reindex(gated.index)
    for name, least in (("helper", best - 0.05), ("ask_pull", -np.inf)):
        known_to = value[name].notna().to_numpy()
        one, two, answers = value[name][known_to], target[known_to], gated["asks"][known_to]
        lines.append(Bar(f"site: {name} with reputation, {known_to.sum()} gated people", rank(one, two), least))
        lines.append(Bar(f"site: {name} with reputation given the number of answers", partial(one, two, answers)))
    return lines


def _withheld(tables: dict[str, pa.Table]) -> npt.NDArray[np.float64]:
    """Return the helper facet of everybody with the weights that a scan gives to its indicators, not withheld and not shrunk."""
    window = _observed(tables, Away(*(table.empty() for table in (ABSENCES, HOLIDAYS))), NO_WORKING_DAYS, None)
    recency = np.ones(len(window.ties.roster.weeks))
    ground = _compared(window, graphs(window, recency), tables["presence"], recency)
    told = (ground.reason == PASSED) & (helper_gates(window) == PASSED)
    scores = [ground.peers.normal_score(np.where(told, ground.values[one], np.nan), ground.values[one]) for one in HELPER]
    reliability = np.array([ground.replicates.reliability[one] for one in HELPER])
    share = shares(Indicators(HELPER, groups_of(HELPER), np.column_stack(scores), reliability))
    return np.where(share.any(axis=1), (share * np.nan_to_num(np.column_stack(scores))).sum(axis=1), np.nan)


def experts() -> list[Bar]:
    """ExpertiseRank on who asks whom (weight 1 means never) with how many colleagues value somebody's expertise."""
    graph, raters = real_companies.consultants()
    return [
        Bar("consultancy: unweighted ExpertiseRank with raters >= 4", rank(METRICS["expertise_rank"](graph), raters), 0.85),
        Bar("consultancy: askers (plain in-degree) with the same", rank(np.bincount(graph.adjacency.indices, minlength=graph.n), raters)),
    ]


def strike() -> list[Bar]:
    """The two men through whom the management's offer was understood, by exact betweenness."""
    graph, names = real_companies.sawmill()
    first = pd.Series(METRICS["betweenness"](graph), names[graph.people]).nlargest(2).index.tolist()
    return [Bar(f"sawmill: {' and '.join(first)} first by betweenness (1 = Bob, then Norm)", float(first == ["Bob", "Norm"]), 1.0)]


def institution() -> list[Bar]:
    """Departments of a research institution in its mail."""
    return _departments("institution", real_companies.research_institution(), 0.60, 0.40)


def office() -> list[Bar]:
    """Departments of an office in its conversations; the bars are the figures beside the data set."""
    return _departments("office", real_companies.office(), 0.664, 0.596)


def _departments(what: str, graph: Graph, information: float, rand: float) -> list[Bar]:
    found = communities(graph)
    known = real_companies.everybody_grouped(found)
    return [
        Bar(f"{what}: communities and departments, NMI", real_companies.information(known, graph.teams), information),
        Bar(f"{what}: communities and departments, ARI", adjusted_rand_index(known, graph.teams), rand),
    ]


def mail_and_rank() -> list[Bar]:
    """Boss-subordinate pairs put in order by plain in-strength and by fused weights; scores against depth."""
    levels = pd.read_csv(FACTORY / "levels.csv").query("account == 'employee'").set_index("ID")
    boss = pd.to_numeric(pd.read_csv(FACTORY / "reportsto.csv").set_index("ID")["ReportsToID"], errors="coerce").reindex(levels.index)
    pairs = _pairs(boss)
    with gzip.open(FACTORY / "communication.csv.gz", "rt", encoding="utf-8") as file:
        mails = pd.read_csv(file, sep=";")
    inside = mails[mails.Sender.isin(levels.index) & mails.Recipient.isin(levels.index) & (mails.Sender != mails.Recipient)]
    received = inside.groupby("Recipient").size().reindex(levels.index, fill_value=0)
    lines = [Bar(f"factory: {len(pairs)} pairs by in-strength over plain event counts", _in_order(received, pairs), 0.79)]
    return lines + _factory_scan(levels, pairs)


def _pairs(boss: pd.Series) -> list[tuple[int, int]]:
    pairs = []
    for person in boss.index:
        above, seen = boss[person], {person}
        while np.isfinite(above) and int(above) not in seen and int(above) in boss.index:
            pairs.append((int(above), int(person)))
            seen.add(int(above))
            above = boss[int(above)]
    return pairs


def _in_order(value: pd.Series, pairs: list[tuple[int, int]]) -> float:
    gap = np.array([value[boss] - value[report] for boss, report in pairs])
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def _factory_scan(levels: pd.DataFrame, pairs: list[tuple[int, int]]) -> list[Bar]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _ona("init", "--home", home)
        (home / "ona.toml").write_text(SETTINGS.format(data=FACTORY.resolve()), encoding="utf-8")
        for verb in (("pull",), ("scan", "--weeks", "26")):
            _ona(*verb, "--home", home)
        sealed = next(path for path in (home / "scans").iterdir() if (path / "scores.parquet").exists())
        tables = {name: pd.read_parquet(sealed / f"{name}.parquet") for name in ("people", "scores", "flags", "graph_attention")}
        manager = pq.read_table(sealed / "people.parquet").column("manager").fill_null(-1)  # pandas would round 63-bit ids
        tables["people"]["manager"] = manager.to_numpy()
    return _against_depth(tables, len(pairs))


def _against_depth(tables: dict[str, pd.DataFrame], n_pairs: int) -> list[Bar]:
    people = tables["people"].query("kind == 1").set_index("person")
    row = pd.Series(np.arange(len(people)), index=people.index)
    above = people["manager"].map(row)
    boss = pd.Series(np.where(above == row, np.nan, above), index=row.to_numpy())
    pairs, depth = _pairs(boss), pd.Series(_depth(boss).to_numpy(), index=people.index)
    received = tables["graph_attention"].groupby("target")["weight"].sum().reindex(people.index, fill_value=0)
    fused = pd.Series(received.to_numpy(), index=row.to_numpy())
    lines = [
        Bar(f"factory: {len(pairs)} pairs by in-strength over fused weights, own line left out (of {n_pairs})", _in_order(fused, pairs))
    ]
    for facet in ("broker", "helper"):
        told = tables["scores"].query("name == @facet and percentile == percentile").set_index("person")
        if len(told) >= FEWEST:
            shallow = -depth.reindex(told.index)
            lines.append(
                Bar(
                    f"factory: |rho| of the {facet} posterior ({len(told)} people) with -depth", abs(rank(told["value"], shallow)), most=0.3
                )
            )
    hidden = int(tables["flags"]["hidden"].sum())
    return [*lines, Bar("factory: people flagged as hidden", hidden)]


def _depth(boss: pd.Series) -> pd.Series:
    depth = pd.Series(0.0, index=boss.index)
    for person in boss.index:
        above, seen = boss[person], {person}
        while np.isfinite(above) and int(above) not in seen and int(above) in boss.index:
            depth[person] += 1
            seen.add(int(above))
            above = boss[int(above)]
    return depth


def _ona(*words: object) -> None:
    command = [str(Path(sys.executable).with_name("ona")), *map(str, words)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


SETS = {
    "quantum_stackexchange": questions_and_answers,
    "cross_parker_consulting": experts,
    "strike_sawmill": strike,
    "email_eu_core": institution,
    "workplace_2013": office,
    "manufacturing_email": mail_and_rank,
}


def main() -> int:
    """Print every figure; the exit code is 1 when a bar fails."""
    lines: list[Bar] = []
    for name, measure in SETS.items():
        if (real_companies.DATA / name).exists():
            lines += measure()
        else:
            sys.stdout.write(f"{name} is not beside the repository: not measured\n")
    sys.stdout.write("\n".join(map(str, lines)) + "\n")
    return 0 if all(line.passed for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
