"""What one viewer may see of one sealed scan: the single policy behind page, JSON, export and CLI.

What loads the graph libraries is imported from its own module, so that a reading of people need not wait for them.
"""

from pipelines.access.links import issue_link
from pipelines.access.overview import list_scans, read_overview, read_quality
from pipelines.access.people import in_words, person_of, read_people, read_person, readable, table_of_people
from pipelines.access.policy import LOCAL_ANALYST, Viewer, policy_version, view_id
from pipelines.access.readable import ReadableScan
from pipelines.access.teams import read_team_map, read_teams

__all__ = [
    "LOCAL_ANALYST",
    "ReadableScan",
    "Viewer",
    "in_words",
    "issue_link",
    "list_scans",
    "person_of",
    "policy_version",
    "read_overview",
    "read_people",
    "read_person",
    "read_quality",
    "read_team_map",
    "read_teams",
    "readable",
    "table_of_people",
    "view_id",
]
