"""A measured figure beside its bar, as one line of a table."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bar:
    """One figure and its bar; no bar is a figure to read beside others."""

    what: str
    figure: float
    least: float = -np.inf
    most: float = np.inf

    @property
    def passed(self) -> bool:
        """Whether the figure lies inside the bar."""
        return bool(self.least <= self.figure <= self.most)

    def __str__(self) -> str:
        """Return the line with aligned columns."""
        edges = [f">= {self.least:.3f}" if np.isfinite(self.least) else "", f"<= {self.most:.3f}" if np.isfinite(self.most) else ""]
        verdict = ("pass" if self.passed else "FAIL") if any(edges) else ""
        return f"{self.what:<78} {self.figure:>7.3f}  {' '.join(filter(None, edges)):<10} {verdict}"
