"""What an answer leads to: the links of the OpenAPI document, from what was listed or made to every operation on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Lead:
    """Where an id of an answer is, and which operations take it."""

    source: str  # operation that answers
    pointer: str  # of the id in the answer
    parameter: str
    targets: tuple[str, ...]


SCAN_READERS = (
    "read_scan",
    "read_company",
    "read_key_people",
    "read_quality",
    "list_people",
    "list_publications",
    "publish_scan",
    "preview_scan",
    "withdraw_scan",
)
JOB, PROGRAMME, PAIR = ("read_job", "follow_job", "cancel_job"), "programme_id", "pair_id"
ON_PROGRAMME = ("read_match_board", "lock_pair", "invite_pairs", "list_programme_pairs", "download_pairs_csv", "download_check_ins")
ON_PAIR = ("answer_pair", "answer_check_in", "end_pair")
ON_SURVEY = ("find_colleagues", "answer_survey", "close_survey")
ON_EXPORT = ("read_export", "decide_export", "take_export", "withdraw_export")
ON_CREDENTIAL = ("download_credential", "revoke_credential", "withdraw_credential")

LEADS = (
    Lead("list_scans", "/scans/0/id", "scan_id", SCAN_READERS),
    Lead("start_scan", "/id", "job_id", JOB),
    Lead("start_pull", "/id", "job_id", JOB),
    Lead("list_jobs", "/jobs/0/id", "job_id", JOB),
    Lead("list_people", "/people/0/id", "person_id", ("read_person",)),
    Lead("list_groups", "/groups/0/id", "team_id", ("read_team_map", "read_team_skills")),
    Lead("list_teams", "/teams/0/id", "team_id", ("read_team_map", "read_team_skills")),
    Lead("read_team_map", "/people/0/view_id", "person_id", ("read_colleague", "read_colleague_ties")),
    Lead("list_own_badges", "/badges/0/id", "badge_id", ("set_badge_visibility",)),
    Lead("make_programme", "/id", PROGRAMME, ON_PROGRAMME),
    Lead("list_programmes", "/programmes/0/id", PROGRAMME, ON_PROGRAMME),
    Lead("list_own_pairs", "/pairs/0/id", PAIR, ON_PAIR),
    Lead("open_survey", "/id", "survey_id", ON_SURVEY),
    Lead("list_surveys", "/surveys/0/id", "survey_id", ON_SURVEY),
    Lead("list_own_surveys", "/surveys/0/id", "survey_id", ON_SURVEY),
    Lead("list_connections", "/connections/0/name", "name", ("check_connection",)),
    Lead("read_own_record", "/invitations/0/id", "invitation_id", ("answer_invitation",)),
    Lead("list_own_conflicts", "/people/0/id", "conflict_id", ("remove_own_conflict",)),
    Lead("list_own_suggestions", "/suggestions/0/id", "suggestion_id", ("answer_suggestion",)),
    Lead("contest_result", "/id", "contest_id", ("answer_contest",)),
    Lead("list_contests", "/contests/0/id", "contest_id", ("answer_contest",)),
    Lead("request_reveal", "/id", "reveal_id", ("decide_reveal", "read_revealed_name")),
    Lead("list_own_reveals", "/0/id", "reveal_id", ("read_revealed_name",)),
    Lead("list_reveals_to_sign", "/0/id", "reveal_id", ("decide_reveal",)),
    Lead("request_export", "/id", "export_id", ON_EXPORT),
    Lead("list_own_exports", "/0/id", "export_id", ON_EXPORT),
    Lead("list_exports_to_sign", "/0/id", "export_id", ("decide_export",)),
    Lead("ask_credential", "/id", "credential_id", ON_CREDENTIAL),
    Lead("read_own_credentials", "/credentials/0/id", "credential_id", ON_CREDENTIAL),
    Lead("list_waiting_credentials", "/waiting/0/id", "credential_id", ("decide_credential",)),
    Lead("make_token", "/id", "token_id", ("revoke_own_token", "revoke_any_token")),
    Lead("list_own_tokens", "/0/id", "token_id", ("revoke_own_token",)),
    Lead("list_all_tokens", "/0/id", "token_id", ("revoke_any_token",)),
    Lead("list_viewers", "/0/id", "viewer_id", ("set_viewer_state",)),
    Lead("ask_grant", "/id", "grant_id", ("decide_grant", "revoke_grant")),
    Lead("list_grants", "/0/id", "grant_id", ("revoke_grant",)),
    Lead("list_grants_to_decide", "/0/id", "grant_id", ("decide_grant",)),
)


def join(document: dict[str, Any]) -> dict[str, Any]:
    """Put the links into the answers of a document; every operation that takes an id has to exist."""
    operations = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
    for lead in LEADS:
        for answer in _answers(operations[lead.source]):
            found = answer.setdefault("links", {})
            for target in lead.targets:
                _takes(operations[target], lead.parameter)
                found[target] = {"operationId": target, "parameters": {lead.parameter: f"$response.body#{lead.pointer}"}}
    return document


def _answers(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, answer in operation["responses"].items():
        if status.startswith("2") and "application/json" in answer.get("content", {}):
            yield answer


def _takes(operation: dict[str, Any], parameter: str) -> None:
    if parameter not in {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}:
        raise KeyError(f"{operation['operationId']} takes no {parameter}")
