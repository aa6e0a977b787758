"""The largest eigenvalue of a symmetric matrix without negative entries, and its vector."""

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from ona.graph import Adjacency
from ona.metrics.base import Floats

DENSE = 64
"""Up to this size LAPACK is faster, and exact to the last digits."""


def leading_pair(matrix: Adjacency) -> tuple[float, Floats]:
    """Return the largest eigenvalue and its eigenvector, >= 0 with L2 norm 1; NaN where the iteration does not settle."""
    n = matrix.shape[0]
    if n <= DENSE:
        values, vectors = np.linalg.eigh(matrix.toarray())
        return float(values[-1]), np.abs(vectors[:, -1])
    return iterated(matrix, np.sqrt(np.asarray(matrix.sum(axis=1), dtype=np.float64)))


def largest_stretch(matrix: Adjacency) -> float:
    """Return the largest singular value: the spectral radius of a symmetric matrix, never less than it of any other."""
    n = matrix.shape[0]
    if n <= DENSE:
        return float(np.linalg.norm(matrix.toarray(), 2)) if n else 0.0
    back = matrix.T.tocsr()

    def twice(x: Floats) -> Floats:
        return np.asarray(back @ (matrix @ x), dtype=np.float64)

    squared = LinearOperator((n, n), matvec=twice, dtype=np.float64)
    return float(np.sqrt(iterated(squared, twice(np.ones(n)))[0]))


def iterated(operator: Adjacency | LinearOperator, start: Floats) -> tuple[float, Floats]:
    """Return the largest eigenvalue and its eigenvector by Lanczos steps; where several vectors share it, what ``start`` has of them."""
    try:
        values, vectors = eigsh(operator, k=1, which="LA", v0=start, tol=0)
    except ArpackNoConvergence:
        return float("nan"), np.full(len(start), np.nan)
    return float(values[0]), np.abs(vectors[:, 0])
