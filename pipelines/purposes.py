"""What single people's results may be used for: a closed list, and nothing else."""

from enum import StrEnum


class Purpose(StrEnum):
    """Why somebody asks for a name or a file; pay, rating and dismissal are not among them."""

    MENTORING = "mentoring"
    NETWORK_HEALTH = "network_health"
    SELF_DEVELOPMENT = "self_development"
