"""The parameters of the method, in one frozen sheet; each default names its reason or its section of the method."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TieRules:
    """From events to weekly tables (sections 1 and 3 of the method)."""

    beta: float = 1.0  # recipient split: 1 conserves attention
    cc_weight: float = 0.25  # policy
    max_mail: int = 10  # larger audiences are broadcasts (Kossinets & Watts 2006 used 4)
    max_meeting: int = 12
    max_mentions: int = 5
    max_group: int = 9
    coalescing_minutes: int = 10
    reaction_value: float = 0.2  # at most one per reactor, author and day
    meeting_cap_hours: float = 2.0
    ask_reply_days: int = 3  # working days in which a reply makes a root an ask
    mail_silence_days: int = 3  # working days without contact before a mail can be an ask (amendment 4)
    mail_answer_days: int = 2
    credit_cap: float = 3.0  # per asker, helper and week
    announcement_share: float = 0.8  # top three posters of a channel: an announcement channel above this
    burst_min_events: int = 8
    burst_q: float = 0.01


@dataclass(frozen=True)
class Rules:
    """From weekly tables to scores (sections 1.8-1.11, 4, 5 and 6 of the method)."""

    ties: TieRules = TieRules()
    weeks: int = 13
    seed: int = 0
    n_resamples: int = 200  # Monte-Carlo error of a probability of .8 is .028
    n_halves: int = 20  # balanced half-samples of weeks for binary indicators (amendment 2)
    kappa_days: float = 10.0
    half_life_days: float | None = None  # None: equal weights inside the window
    min_days: int = 3  # distinct days that make a relationship, scaled by shared days
    n_peers: int = 50
    min_peers: int = 20
    power: float = 3.0  # of the overall score
    tier_probability: float = 0.8
    fdr: float = 0.10
    hidden_percentile: float = 0.80
    hidden_visibility: float = 0.60
    hidden_gap: float = 1.0
    min_worked_days: int = 20
    min_tenure_days: int = 90
    min_turns: int = 30
    min_counterparties: int = 5
    min_broker_ties: int = 5
    min_asks: int = 5
    min_askers: int = 3
    flag_asks: int = 10
    flag_askers: int = 5
    minimum_group: int = 5
    confidence_level: float = 0.90
