"""The company in a dozen numbers beside the people's scores: how it groups itself, how closed and concentrated it is, what it hangs on."""

import math
from dataclasses import asdict

import numpy as np

from ona.communities import Communities, alignment, communities
from ona.fragility import fragility
from ona.graph import Graph
from ona.key_players import cover_set
from ona.organisation import degree_centralisation, ei_by_chance, gini, herfindahl, reciprocity, small_world, top_share
from ona.silo import DRAWS, silo
from ona.structure import Codes

SEARCHES = 12_000
"""People times seeds that the search for communities may cost; never fewer than three seeds, nor more than twenty."""

MOST_FOR_ATTACK = 5_000
"""People up to whom the order of an attack is computed."""

COVER = 0.03
"""Share of people whose reach is compared with chance (section 7): the claim that so few shape nearly everybody."""

MOST_FOR_SILOS, MANY_FOR_SILOS = 400_000, 100_000
"""Ties up to which companies are dealt anew, and from which half as many have to do."""

MOST_UNITS = 60
"""Departments up to which each two are compared; of more, each alone."""

DIGITS = 4

Numbers = dict[str, object]


def working_groups(relationship: Graph, *, seed: int = 0) -> Communities:
    """Return the communities of relationships, agreed upon by as many seeds as the size of the company allows."""
    return communities(relationship, seeds=_seeds(relationship.n), seed=seed)


def company_notes(graphs: tuple[Graph, Graph, Graph], groups: Communities, teams: Codes, *, seed: int = 0) -> Numbers:
    """Describe the company as plain JSON values; None where a number is undefined.

    Parameters
    ----------
    graphs
        Attention, relationships and asks of the same people; their units are departments.
    groups
        Communities of the relationships, from :func:`working_groups`.
    teams
        Code of each person's team, ``(n,)``; -1 = none.
    seed
        Of all chance.

    Returns
    -------
    dict
        communities (number, sizes, stability, modularity, agreement with teams and departments), e_i with its distribution by chance,
        silo (departments, each two of them and each alone, beside companies dealt anew), centralisation, reciprocity, asks (gini, top
        share, herfindahl), small_world, fragility and cover. No number is about one person.
    """
    attention, relationship, ask = graphs
    helped = np.asarray(ask.adjacency.sum(axis=0), dtype=np.float64)
    clustering, transitivity, path = small_world(relationship, seed=seed)
    notes: Numbers = {
        "communities": _groups(groups, {"teams": teams, "departments": relationship.teams}),
        "e_i": asdict(ei_by_chance(attention, seed=seed)) if attention.teams is not None else None,
        "silo": _silo(attention, seed),
        "degree_centralisation": degree_centralisation(relationship),
        "reciprocity": reciprocity(attention),
        "asks": {"gini": gini(helped), "top_share": top_share(helped), "herfindahl": herfindahl(helped)},
        "small_world": {"clustering": clustering, "transitivity": transitivity, "path": path},
        "fragility": _breaking(relationship, seed),
        "cover": _cover(relationship),
    }
    return {name: _plain(value) for name, value in notes.items()}


def _seeds(people: int) -> int:
    return int(np.clip(SEARCHES // max(people, 1), 3, 20))


def _groups(found: Communities, charts: dict[str, Codes | None]) -> Numbers:
    agreement = {name: asdict(alignment(found.code, chart)) for name, chart in charts.items() if chart is not None}
    sizes = np.bincount(found.code[found.code >= 0]).tolist()
    return {
        "method": found.method,
        "seeds": _seeds(len(found.code)),
        "number": found.number,
        "sizes": [size for size in sizes if size > 1],
        "stability": found.stability,
        "modularity": found.modularity,
        "agreement": agreement,
    }


def _silo(attention: Graph, seed: int) -> Numbers | None:
    ties = attention.undirected().m
    if attention.teams is None or ties > MOST_FOR_SILOS:
        return None
    draws = DRAWS // 2 if ties > MANY_FOR_SILOS else DRAWS
    found = silo(attention, draws=draws, seed=seed)
    each = {} if len(found.units) > MOST_UNITS else {"ratio": found.ratio.tolist(), "z": found.z.tolist()}
    return {"units": found.units.tolist(), "closed": found.closed.tolist(), "draws": draws} | each


def _breaking(graph: Graph, seed: int) -> Numbers | None:
    if graph.n > MOST_FOR_ATTACK:
        return None
    found = fragility(graph, seed=seed)
    return {"attack": found.attack, "chance": found.chance, "molloy_reed": found.molloy_reed}


def _cover(graph: Graph) -> Numbers | None:
    size = math.ceil(COVER * graph.n)
    if not size:
        return None
    found = cover_set(graph, size)
    return {"people": size, "covered": found.covered, "bound": found.bound, "by_degree": found.by_degree, "by_chance": found.by_chance}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    return value
