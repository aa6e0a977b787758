"""How sure a number is: resampled weeks in, standard errors, reliabilities and empirical-Bayes posteriors out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAX_VARIANCE_RATIO = 1e6
"""Between-person variance, in units of its sampling noise, above which a prior is taken as flat."""


def week_weights(n_weeks: int, n_resamples: int, rng: np.random.Generator) -> Floats:
    """Draw the week weights of the Bayesian bootstrap.

    Whole weeks are weighted, because events inside a week hang together; every observed tie keeps a positive weight,
    so no tie vanishes from a replicate.

    Parameters
    ----------
    n_weeks
        Weeks in the window.
    n_resamples
        Replicates to draw.
    rng
        Source of chance.

    Returns
    -------
    Floats
        Shape ``(n_resamples, n_weeks)``; each row is positive and sums to ``n_weeks``.

    References
    ----------
    Rubin (1981), doi:10.1214/aos/1176345338
    """
    return n_weeks * rng.dirichlet(np.ones(n_weeks), size=n_resamples)


def bootstrap_scale(n_weeks: int) -> float:
    """Return the factor that makes the spread of a Bayesian bootstrap over weeks an unbiased standard error.

    Returns
    -------
    float
        ``sqrt((D + 1) / (D - 1))`` for ``D`` weeks: 1.080 for 13; NaN for fewer than two.
    """
    return float(np.sqrt((n_weeks + 1) / (n_weeks - 1))) if n_weeks > 1 else float("nan")


def half_samples(n_weeks: int, n_halves: int, rng: np.random.Generator) -> Bools:
    """Draw balanced half-samples of weeks, each followed by its complement.

    Measures that only ask whether a tie exists do not move when weeks are merely re-weighted; leaving weeks out moves them.

    Parameters
    ----------
    n_weeks
        Weeks in the window.
    n_halves
        Halves to draw, an even number; rows ``2 i`` and ``2 i + 1`` are complements.
    rng
        Source of chance.

    Returns
    -------
    Bools
        Shape ``(n_halves, n_weeks)``; True where the week is in the half.
    """
    order = rng.permuted(np.tile(np.arange(n_weeks), (n_halves // 2, 1)), axis=1)
    first = order < n_weeks // 2
    return np.stack([first, ~first], axis=1).reshape(-1, n_weeks)


def split_half_reliability(odd: Floats, even: Floats) -> float:
    """Return how well an indicator of half the weeks foretells the other half, stepped up to the whole window.

    Parameters
    ----------
    odd, even
        Shape ``(n,)``: the indicator of each person from the odd and from the even weeks; NaN where undefined.

    Returns
    -------
    float
        Spearman-Brown ``2 r / (1 + r)`` of the rank correlation, at least 0; NaN with fewer than ten people or without variation.

    References
    ----------
    Spearman (1910), doi:10.1111/j.2044-8295.1910.tb00206.x
    """
    both = np.isfinite(odd) & np.isfinite(even)
    if both.sum() < 10 or np.ptp(odd[both]) == 0 or np.ptp(even[both]) == 0:
        return float("nan")
    return step_up(float(stats.spearmanr(odd[both], even[both]).statistic))


def step_up(correlation: float) -> float:
    """Return the reliability of a window from the correlation of its halves (0 when the halves disagree)."""
    return max(0.0, 2 * correlation / (1 + correlation)) if correlation > -1 else 0.0


def reliability_weight(reliability: float) -> float:
    """Return the weight of an indicator: 0 up to a reliability of .4, rising evenly to 1."""
    return float(np.clip((reliability - 0.4) / 0.6, 0, 1)) if np.isfinite(reliability) else 0.0


def critical_value(n_weeks: int, confidence_level: float) -> float:
    """Return the two-sided multiplier of a standard error that was estimated from so many weeks (Student's t)."""
    return float(stats.t.ppf(0.5 + confidence_level / 2, max(n_weeks - 1, 1)))


@dataclass(frozen=True)
class Posterior:
    """What is known of a quantity after shrinkage; arrays of shape ``(n,)``, NaN where the value was."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class NormalPosterior:
    """Posterior of a standardised score; ``scale`` is the spread of the true scores, 0 when no difference was detected."""

    mean: Floats
    spread: Floats
    kept: Floats  # share of the observed score that survived shrinkage, in [0, 1]
    scale: float

    def above(self, quantile: float) -> Floats:
        """Return each person's probability of lying above this quantile of the true scores; 0 without detected differences."""
        if self.scale == 0:
            return np.where(np.isfinite(self.mean), 0.0, np.nan)
        cut = self.scale * stats.norm.ppf(quantile)
        return np.asarray(stats.norm.sf(cut, self.mean, np.maximum(self.spread, 1e-9)), dtype=np.float64)

    def percentile(self, probability: float) -> Floats:
        """Return this quantile of each person's place among the true scores, in [0, 1]; without differences all of it is possible."""
        if self.scale == 0:
            return np.where(np.isfinite(self.mean), probability, np.nan)
        place = (self.mean + stats.norm.ppf(probability) * self.spread) / self.scale
        return np.asarray(stats.norm.cdf(place), dtype=np.float64)


def shrink(score: Floats, standard_error: Floats) -> NormalPosterior:
    """Shrink standardised scores towards the average peer by their noise, once.

    The share of replicates in which somebody tops the list is not a posterior: it centres on the observed value,
    so winners look too certain.

    Parameters
    ----------
    score
        Shape ``(n,)``: scores whose expected value among peers is 0.
    standard_error
        Shape ``(n,)``: their standard errors.

    Returns
    -------
    NormalPosterior
        Means ``B s`` and spreads ``sqrt(B) SE`` with ``B = tau² / (tau² + SE²)`` and ``tau² = mean(s²) - mean(SE²)``, at least 0.

    References
    ----------
    Efron & Morris (1975), doi:10.1080/01621459.1975.10479864
    """
    known = np.isfinite(score) & np.isfinite(standard_error)
    variance = float(np.mean(score[known] ** 2) - np.mean(standard_error[known] ** 2)) if known.any() else 0.0
    return posterior(score, standard_error, max(variance, 0.0))


def posterior(score: Floats, standard_error: Floats, variance: float) -> NormalPosterior:
    """Return the posterior of scores with known noise when the true scores spread with this variance around 0."""
    noise = standard_error**2
    kept = np.where(np.isfinite(noise), variance / np.maximum(variance + noise, 1e-300), np.nan)
    return NormalPosterior(kept * score, np.sqrt(kept) * standard_error, kept, float(np.sqrt(variance)))


def gamma_poisson(count: Floats, exposure: Floats, noise: Floats, confidence_level: float) -> Posterior:
    """Shrink rates ``count / exposure`` towards the common rate by the method of moments.

    Parameters
    ----------
    count, exposure
        Shape ``(n,)``: events and expected events; exposure 0 or NaN gives NaN.
    noise
        Shape ``(n,)``: sampling variance of each count, in squared events: the count itself for independent events, the sum of
        squared shares for shared ones.
    confidence_level
        Mass of the interval.

    Returns
    -------
    Posterior
        Rates, 1 at the company's mean when exposure is an expectation. Without detectable differences everybody gets the common
        rate and an interval without width.

    References
    ----------
    Efron & Morris (1975), doi:10.1080/01621459.1975.10479864
    """
    known = (exposure > 0) & np.isfinite(count)
    total = float(exposure[known].sum())
    if total == 0 or count[known].sum() == 0:
        blank = np.full(count.shape, np.nan)
        return Posterior(blank, blank, blank)
    rate = float(count[known].sum()) / total
    dispersion = float(noise[known].sum()) / float(count[known].sum())
    prior = gamma_prior(count[known] / dispersion, exposure[known] / dispersion)
    if np.isinf(prior[0]):
        same = np.where(known, rate, np.nan)
        return Posterior(same, same, same)
    return gamma_posterior(np.where(known, count, np.nan) / dispersion, exposure / dispersion, prior, confidence_level)


def gamma_posterior(count: Floats, exposure: Floats, prior: tuple[float, float], confidence_level: float) -> Posterior:
    """Return rates ``(y + a) / (E + b)`` with their central intervals under a gamma prior of shape a and rate b; NaN for unknown counts."""
    known = np.isfinite(count)
    a, b = np.where(known, count + prior[0], 1.0), np.where(known, exposure + prior[1], 1.0)
    tail = (1 - confidence_level) / 2
    low, high = (np.where(known, stats.gamma.ppf(q, a, scale=1 / b), np.nan) for q in (tail, 1 - tail))
    return Posterior(np.where(known, a / b, np.nan), low, high)


def gamma_prior(count: Floats, exposure: Floats) -> tuple[float, float]:
    """Return shape and rate of the gamma distribution of the true rates by moments; infinite when no difference is detectable."""
    total = float(exposure.sum())
    mean = float(count.sum()) / total
    spread = float((exposure * (count / exposure - mean) ** 2).sum()) / total
    variance = spread - mean * len(count) / total
    if variance <= mean / (total * MAX_VARIANCE_RATIO):
        return float("inf"), float("inf")
    return mean**2 / variance, mean / variance


def beta_binomial(hits: Floats, trials: Floats, prior: tuple[float, float], confidence_level: float) -> Posterior:
    """Shrink shares ``hits / trials`` by a beta prior.

    Returns
    -------
    Posterior
        ``(y + a) / (n + a + b)`` with its central interval; NaN without trials.
    """
    a, b = prior
    alpha, beta = hits + a, trials - hits + b
    known = trials > 0
    tail = (1 - confidence_level) / 2
    low, high = (np.where(known, stats.beta.ppf(q, np.where(known, alpha, 1), np.where(known, beta, 1)), np.nan) for q in (tail, 1 - tail))
    return Posterior(np.where(known, alpha / (alpha + beta), np.nan), low, high)


def beta_prior(hits: Floats, trials: Floats) -> tuple[float, float]:
    """Fit the beta distribution of the true shares by moments, at most as firm as a thousand trials."""
    known = trials > 0
    if not known.any():
        return 1.0, 1.0
    n, share = trials[known], hits[known] / trials[known]
    mean = float(np.clip(hits[known].sum() / n.sum(), 1e-3, 1 - 1e-3))
    spread = float((n * (share - mean) ** 2).sum() / n.sum())
    floor = mean * (1 - mean) * float(known.sum()) / float(n.sum())  # sampling noise of the weighted spread
    between = max(spread - floor, mean * (1 - mean) / 1001)
    firmness = max(mean * (1 - mean) / between - 1, 1e-3)
    return mean * firmness, (1 - mean) * firmness


def ranks(replicates: Floats) -> Floats:
    """Return the rank of each person in each replicate, ``(B, n)``: 1 = largest, equal values share their mean rank.

    What to report of measures that jump (betweenness, coreness, overall scores): the spread of the rank, not of the value.
    """
    return np.asarray(stats.rankdata(-replicates, axis=1), dtype=np.float64)


def share_in_top(replicates: Floats, size: int) -> Floats:
    """Return the share of replicates in which each person is among the first so many, ``(n,)``.

    No posterior: replicates centre on what was observed, so that winners look too certain (:func:`shrink` first).
    """
    return np.asarray((ranks(replicates) <= size).mean(axis=0), dtype=np.float64)


def bayesian_fdr(probability: Floats, level: float) -> Bools:
    """Choose the longest list of the most probable whose expected share of errors stays within the level.

    Parameters
    ----------
    probability
        Shape ``(n,)``: posterior probability that each statement is true; NaN is never chosen.
    level
        Tolerated share of false statements among the chosen.

    Returns
    -------
    Bools
        Shape ``(n,)``; equally probable statements are chosen together or not at all.

    References
    ----------
    Müller, Parmigiani & Rice (2006), FDR and Bayesian multiple comparisons rules
    """
    known = np.sort(probability[np.isfinite(probability)])[::-1]
    expected = np.cumsum(1 - known) / np.arange(1, len(known) + 1)
    allowed = np.flatnonzero(expected <= level)
    last = np.flatnonzero(np.append(known[1:] < known[:-1], True)) if len(known) else np.array([], dtype=np.int64)
    cuts = np.intersect1d(allowed, last)
    if not len(cuts):
        return np.zeros(probability.shape, dtype=bool)
    return np.asarray(np.nan_to_num(probability, nan=-1.0) >= known[cuts[-1]], dtype=np.bool_)
