"""Toy graphs written as letters, and the reference graphs of the method."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from ona.graph import Graph, Layer


def toy(text: str, *, layer: Layer, isolates: str = "", teams: str = "") -> Graph:
    """Read ``ab`` or ``a>b:3`` words; a person's id is the letter's code; teams as ``ab c``: one word a team."""
    words = [word.partition(":") for word in text.split()]
    ends = [name.replace(">", "") for name, _, _ in words]
    table = {
        "source": np.array([ord(pair[0]) for pair in ends], dtype=np.int64),
        "target": np.array([ord(pair[1]) for pair in ends], dtype=np.int64),
        "weight": np.array([float(weight or 1) for _, _, weight in words]),
    }
    people = sorted({ord(letter) for letter in "".join(ends) + isolates + teams.replace(" ", "")})
    codes = {ord(letter): code for code, word in enumerate(teams.split()) for letter in word}
    return Graph.from_ties(pa.table(table), people=people, layer=layer, teams=codes if teams else None)


@pytest.fixture(scope="session")
def undirected() -> Callable[..., Graph]:
    """Undirected ties: ``undirected("ab ac:2", isolates="z", teams="ab c")``."""
    return lambda text, **more: toy(text, layer="relationship", **more)


@pytest.fixture(scope="session")
def directed() -> Callable[..., Graph]:
    """Directed ties: ``directed("a>b:3 b>a")``."""
    return lambda text, **more: toy(text, layer="attention", **more)


@pytest.fixture(scope="session")
def random_graph() -> Callable[..., Graph]:
    """A seeded random graph of up to 14 people with isolates, several parts, repeated weights and four teams."""

    def draw(seed: int, *, directed: bool = False, binary: bool = False) -> Graph:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 15))
        ties = rng.integers(0, n, (2, int(rng.integers(0, 3 * n))))
        ties = np.unique(ties if directed else np.sort(ties, axis=0), axis=1)
        weight = np.ones(ties.shape[1]) if binary else rng.integers(1, 8, ties.shape[1]) / 4
        table = pa.table({"source": ties[0] * 10, "target": ties[1] * 10, "weight": weight})
        layer: Layer = "attention" if directed else "relationship"
        return Graph.from_ties(table, people=np.arange(n) * 10, layer=layer, teams=rng.integers(-1, 4, n))

    return draw


@pytest.fixture(scope="session")
def by_letter() -> Callable[[Graph, np.ndarray], dict[str, float]]:
    """Values by the letter of their person."""
    return lambda graph, values: {chr(person): float(value) for person, value in zip(graph.people, values, strict=True)}


@pytest.fixture(scope="session")
def b6() -> Graph:
    """Two triangles abc and def with the bridge cd; each triangle is a department."""
    return toy("ab bc ac cd de ef df", layer="relationship", teams="abc def")


@pytest.fixture(scope="session")
def w4() -> Graph:
    """Four people with directed weights."""
    return toy("a>b:3 b>a:1 a>c:2 c>d:2 b>c:1", layer="attention")


@pytest.fixture(scope="session")
def p5() -> Graph:
    """A path of five people, v to z."""
    return toy("vw wx xy yz", layer="relationship")


@pytest.fixture(scope="session")
def d4() -> Graph:
    """Who asks whom among four people."""
    return toy("a>b:1 c>b:1 d>b:2 d>c:1", layer="ask")
