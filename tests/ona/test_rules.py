"""Defaults are those of the method's parameter sheet (section 16), so that a change of one is a decision and not an accident."""

from dataclasses import asdict

from ona import agreement, backbone, communities, fairness, nulls, sensitivity
from ona.indicators import expertise_rank
from ona.metrics import pagerank
from ona.rules import Rules, TieRules
from pipelines.access.policy import CODE_FLOOR
from pipelines.intake import quality

EVENTS = {
    "beta": 1.0, "max_mail": 10, "max_meeting": 12, "max_mentions": 5, "max_group": 9, "cc_weight": 0.25, "coalescing_minutes": 10,
    "reaction_value": 0.2, "meeting_cap_hours": 2.0, "credit_cap": 3.0, "ask_reply_days": 3, "mail_answer_days": 2, "mail_silence_days": 3,
    "announcement_share": 0.8, "burst_min_events": 8, "burst_q": 0.01,
}  # fmt: skip
"""Sections 1.1 to 1.4, 3.1, 3.2, amendments 4 and 18."""

SCORES = {
    "weeks": 13, "half_life_days": None, "kappa_days": 10.0, "min_days": 3, "n_resamples": 200, "n_halves": 20, "n_peers": 50,
    "min_peers": 20, "power": 3.0, "tier_probability": 0.8, "fdr": 0.10, "hidden_percentile": 0.80, "hidden_visibility": 0.60,
    "hidden_gap": 1.0, "confidence_level": 0.90, "minimum_group": 5, "seed": 0,
}  # fmt: skip
"""The half-life is that of the live view; a quarter counts all weeks alike (1.7)."""

GATES = {
    "min_worked_days": 20, "min_tenure_days": 90, "min_turns": 30, "min_counterparties": 5, "min_broker_ties": 5, "min_asks": 5,
    "min_askers": 3, "flag_asks": 10, "flag_askers": 5,
}  # fmt: skip
"""Section 6.6."""


def test_rules_have_the_defaults_of_the_sheet_and_no_others():
    assert asdict(TieRules()) == EVENTS
    assert {name: value for name, value in asdict(Rules()).items() if name != "ties"} == SCORES | GATES


def test_constants_of_the_measures_have_the_defaults_of_the_sheet():
    assert (pagerank.DAMPING, expertise_rank.DAMPING) == (0.85, 0.85)
    assert (backbone.LEVEL, backbone.MOST) == (0.05, 50)
    assert communities.RESOLUTION == 1.5  # amendment 17
    assert nulls.SWAPS_PER_TIE == 10
    assert sensitivity.LEAST_OVERLAP == 0.7
    assert fairness.FOUR_FIFTHS == 0.8
    assert agreement.LEAST_AGREEMENT == 0.8
    assert quality.LEAST_COVERAGE == 0.8
    assert CODE_FLOOR == 5
