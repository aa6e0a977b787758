"""What a metric is: a function of a graph with its family, its layer and one sentence on how to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ona.graph import Graph, Layer

Floats = NDArray[np.float64]
Family = Literal["activity", "brokerage", "cohesion", "reach", "standing"]


@dataclass(frozen=True)
class Metric:
    """One quantity of every person in a graph; called like the function it wraps.

    Parameters
    ----------
    name
        Name of the function and of its file.
    family
        What kind of position it describes.
    layer
        The graph on which it is read; it computes on any.
    reading
        What a high value means, in one plain sentence.
    compute
        From a graph to ``(n,)``, in the order of ``graph.people``; NaN = undefined, never 0.
    columns
        What each column holds where ``compute`` gives several of them, ``(n, k)``; empty for ``(n,)``.
    """

    name: str
    family: Family
    layer: Layer
    reading: str
    compute: Callable[[Graph], Floats]
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Show the function's own documentation and home."""
        object.__setattr__(self, "__doc__", self.compute.__doc__)
        object.__setattr__(self, "__module__", self.compute.__module__)
        object.__setattr__(self, "__wrapped__", self.compute)

    def __call__(self, graph: Graph) -> Floats:
        """Return the quantity of each person, ``(n,)``, or several of them, ``(n, k)``."""
        return self.compute(graph)


def metric(*, family: Family, layer: Layer, reading: str, columns: tuple[str, ...] = ()) -> Callable[[Callable[[Graph], Floats]], Metric]:
    """Declare the function below to be a metric; see :class:`Metric`."""

    def declare(compute: Callable[[Graph], Floats]) -> Metric:
        return Metric(compute.__name__, family, layer, reading, compute, columns)

    return declare


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return ``part / whole``, NaN where the whole is not positive."""
    result: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return result


def collect(package: ModuleType) -> Mapping[str, Metric]:
    """Return the metric of every file in a package by name, sorted.

    Raises
    ------
    TypeError
        A file without a metric of its own name.
    """
    names = sorted(module.name for module in iter_modules(package.__path__) if module.name != "base" and not module.name.startswith("_"))
    found = {name: getattr(import_module(f"{package.__name__}.{name}"), name, None) for name in names}
    for name, value in found.items():
        if not isinstance(value, Metric) or value.name != name:
            raise TypeError(
                f"{package.__name__}/{name}.py holds no metric named {name}. Name the function as its file and decorate it with @metric."
            )
    return MappingProxyType({name: value for name, value in found.items() if isinstance(value, Metric)})
