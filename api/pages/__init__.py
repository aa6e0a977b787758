"""What people open in a browser: a module an area, drawn from the same readings as the JSON routes."""

from api.pages import (
    analysis,
    candidates,
    credentials,
    exclusions,
    exports,
    growth,
    map,
    me,
    mentoring,
    needs,
    own_growth,
    reading,
    rights,
    skills,
    viewers,
)

__all__ = [
    "analysis",
    "candidates",
    "credentials",
    "exclusions",
    "exports",
    "growth",
    "map",
    "me",
    "mentoring",
    "needs",
    "own_growth",
    "reading",
    "rights",
    "skills",
    "viewers",
]
