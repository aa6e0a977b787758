"""The three facets of influence and what each is made of: helper, broker and reach."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ona.gates import PASSED, Reasons, after, broker_gates, first_reason, helper_gates
from ona.indicators import INDICATORS
from ona.observation import BROKER, HELPER, REACH, Graphs, Window
from ona.peers import Peers
from ona.replicates import Replicates
from ona.roster import UNKNOWN
from ona.scores import Facet, Indicators, facet, score_moves
from ona.uncertainty import reliability_weight

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MIN_INDICATORS = 2


@dataclass(frozen=True, eq=False)
class Ground:
    """What every facet stands on: values and replicates of the indicators, peers, strata, and who may be scored."""

    values: Mapping[str, Floats]
    replicates: Replicates
    peers: Peers
    stratum: Ints
    reason: Reasons


def facets_of(window: Window, seen: Graphs, ground: Ground) -> dict[str, Facet]:
    """Return helper, broker and reach of everybody."""
    n, n_departments, reliability = window.n, departments(window), ground.replicates.reliability
    noisy = {name: first_reason(("unreliable", np.full(n, unreliable(name, reliability, n_departments)))) for name in ("helper", "broker")}
    helper = after(after(helper_gates(window), required_of_helpers(ground.values)), noisy["helper"])
    broker = after(after(broker_gates(window, seen.relationship), required_of_brokers(ground.values, n_departments)), noisy["broker"])
    return {
        "helper": _facet("helper", HELPER, helper, ground, window),
        "broker": _facet("broker", BROKER, broker, ground, window),
        "reach": _facet("reach", REACH, np.full(window.n, PASSED), ground, window),
    }


def groups_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the group in which each indicator shares its weight; all of a facet without groups are in one."""
    return tuple(INDICATORS[name].group if name in INDICATORS else "all" for name in names)


def departments(window: Window) -> int:
    """Return the number of departments that are known."""
    group = window.ties.roster.codes("group")
    return len(np.unique(group[group != UNKNOWN]))


def required_of_helpers(values: Mapping[str, Floats]) -> Reasons:
    """Return why the helper facet is undefined: ask pull and breadth are mandatory."""
    return first_reason(("undefined", ~np.isfinite(values["ask_pull"])), ("too_few_asks", ~np.isfinite(values["breadth"])))


def required_of_brokers(values: Mapping[str, Floats], n_departments: int) -> Reasons:
    """Return why the broker facet is undefined: two indicators, one of them structural, and one across departments where there are any."""
    known = {name: np.isfinite(values[name]) for name in BROKER}
    few = np.sum(list(known.values()), axis=0) < MIN_INDICATORS
    structural = known["two_hop_betweenness"] | known["constraint_residual"]
    across = known["participation"] | known["boundary_brokerage"] | (n_departments < 2)
    return first_reason(("undefined", few | ~structural), ("no_departments", ~across))


def unreliable(name: str, reliability: Mapping[str, float], n_departments: int) -> bool:
    """Return whether too little of a facet repeats itself from one half of the weeks to the other: then it is withheld from everybody.

    What is required of a person's indicators must be reliable too: two, ask pull among those of helpers, and among those of
    brokers a structural one and, where there are departments, one across them.
    """
    alive = {one for one, value in reliability.items() if reliability_weight(value) > 0}
    if name == "helper":
        return "ask_pull" not in alive or len(alive & set(HELPER)) < MIN_INDICATORS
    across = n_departments < 2 or bool(alive & {"participation", "boundary_brokerage"})
    return not (alive & {"two_hop_betweenness", "constraint_residual"} and across and len(alive & set(BROKER)) >= MIN_INDICATORS)


def _facet(name: str, members: tuple[str, ...], gates: Reasons, ground: Ground, window: Window) -> Facet:
    reason = after(ground.reason, gates)
    reason = after(reason, first_reason(("too_few_peers", ground.peers.count == 0)))
    told = reason == PASSED
    made_of = Indicators(
        names=members,
        groups=groups_of(members),
        score=np.column_stack([_score(ground, one, told) for one in members]),
        reliability=np.array([ground.replicates.reliability[one] for one in members]),
    )
    moves = _moves(ground, members, told)
    return facet(name, made_of, moves, (reason, ground.stratum), window.rules)


def _score(ground: Ground, name: str, told: Bools) -> Floats:
    value = ground.values[name]
    return ground.peers.normal_score(np.where(told, value, np.nan), value)


def _moves(ground: Ground, members: tuple[str, ...], told: Bools) -> list[Floats]:
    """Return moves of the normal scores, one array ``(B, n, K)`` for each kind of replicate; indicators of the other kind stand still."""
    lanes: dict[int, Floats] = {}
    for k, name in enumerate(members):
        deviations = ground.replicates.deviations[name]
        kind = len(deviations)
        if kind not in lanes:
            lanes[kind] = np.zeros((*deviations.shape, len(members)))
        value = np.where(told, ground.values[name], np.nan)
        lanes[kind][:, :, k] = score_moves(ground.peers, value, ground.replicates.standard_error[name], deviations)
    return list(lanes.values())
