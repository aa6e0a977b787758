"""Each acceptance check of the trust specification is named here with the tests that hold it, and every test that is named exists."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

CHECKS: dict[int, str] = {
    9: "test_main_job.py::no_content_reaches_the_data_folder_the_temporary_folder_or_the_screen"
    " test_served_pages.py::no_file_holds_content_after_people_looked_at_all_of_it test_served_pages.py::no_answer_holds_content"
    " pipelines/test_steps.py::no_content_no_name_and_no_token_of_slack_touch_the_disk",
    10: "test_main_job.py::a_pull_hands_no_content_to_any_write_not_even_to_a_file_that_is_gone_afterwards"
    " connectors/slack/test_slack_export.py::decoded_messages_hold_no_content"
    " connectors/slack/test_slack_export.py::projection_keeps_no_text_wherever_it_stands",
    11: "pipelines/test_stored_columns.py::every_table_and_column_stands_in_the_list"
    " pipelines/test_stored_columns.py::the_files_of_a_scan_hold_listed_columns_and_codes_alone"
    " pipelines/test_stored_columns.py::a_sentence_in_a_file_and_a_column_that_is_not_listed_are_found"
    " test_main_job.py::every_file_of_the_analysis_holds_listed_columns_and_no_free_text"
    " pipelines/test_events.py::no_handle_and_no_id_stands_in_any_file"
    " pipelines/test_migrating.py::tables_made_at_once_and_step_by_step_are_those_that_are_described",
    12: "pipelines/test_stolen_store.py::*",
    13: "pipelines/test_rotation.py::each_flip_swap_and_other_version_of_a_sealed_field_is_refused"
    " pipelines/test_vault.py::a_ciphertext_opens_at_its_own_place_only",
    14: "pipelines/test_rotation.py::no_nonce_is_used_twice_in_a_million"
    " pipelines/test_rotation.py::people_keep_their_ids_and_names_and_nobody_is_doubled",
    15: "pipelines/test_keys.py::a_weak_key_is_refused_without_showing_it"
    " pipelines/test_keys.py::a_key_file_that_others_can_touch_is_refused",
    16: "pipelines/test_keys.py::printed_keys_are_masked"
    " api/test_gate.py::a_fault_of_ours_is_a_problem_with_the_headers_and_without_its_cause"
    " pipelines/test_jobs.py::a_fault_nobody_foresaw_is_stored_by_kind_and_the_text_is_not",
    17: "pipelines/test_access.py::bots_are_not_people",
    18: "connectors/slack/test_web_api.py::the_scope_check_names_what_is_missing_and_what_is_too_wide"
    " connectors/google/test_google_pull.py::a_token_carries_the_one_scope_of_its_connector_and_no_other",
    19: "api/test_operations.py::mixed_requests_log_keys_of_the_list_and_no_name",
    20: "pipelines/test_erasure.py::nothing_of_the_person_is_left_in_any_file"
    " pipelines/test_erasure_of_a_viewer.py::nothing_is_left_in_any_live_file_and_others_stay"
    " pipelines/test_rotation.py::whoever_was_erased_stays_erased_under_every_later_key",
    21: "api/test_rights.py::every_role_passes_exactly_the_doors_of_the_table"
    " api/test_rights.py::every_route_names_exactly_one_right_but_the_way_in api/test_rights.py::nobody_passes_without_a_session"
    " api/test_rights.py::out_of_scope_and_absent_are_one_answer",
    22: "api/test_rights.py::a_manager_reads_no_number_and_no_rank_about_anybody"
    " api/test_rights.py::the_order_of_named_people_says_nothing_of_their_scores",
    23: "api/test_rights.py::ids_of_other_audiences_and_guessed_ones_open_nothing"
    " api/test_rights.py::a_cursor_is_good_for_one_viewer_one_scan_and_one_question"
    " pipelines/test_attacks.py::somebody_out_of_scope_and_somebody_who_does_not_exist_take_the_same_time",
    24: "pipelines/test_scope.py::a_reorganisation_counts_from_its_day_and_from_the_next_reading"
    " pipelines/test_scope.py::a_scan_from_before_somebody_came_under_a_manager_is_closed_to_that_manager"
    " pipelines/test_exports.py::who_lost_the_role_meanwhile_gets_no_file",
    25: "api/test_rights.py::strict_takes_every_right_over_single_people_and_no_mode_gives_the_admin_any"
    " sign_in/test_roles.py::an_administrator_can_grant_themself_nothing_and_approve_nothing"
    " sign_in/test_roles.py::an_administrator_sees_viewers_by_id_and_nothing_about_anybody"
    " sign_in/test_roles.py::a_role_holds_when_the_steward_has_approved_it_and_not_before"
    " sign_in/test_roles.py::a_steward_cannot_approve_what_they_asked_for_or_would_get"
    " api/test_rights.py::an_administrator_reads_no_name_no_id_and_no_number_of_anybody_by_any_route",
    26: "pipelines/test_publishing.py::no_row_and_no_manifest_takes_the_minimum_group_under_five"
    " pipelines/test_publishing.py::thresholds_rise_at_once_and_never_fall_for_what_was_published pipelines/test_thresholds.py::*",
    27: "pipelines/test_reveals.py::a_name_needs_a_request_and_a_signature_and_leaves_one_entry_of_each"
    " pipelines/test_reveals.py::an_old_sign_in_and_a_token_are_refused"
    " pipelines/test_reveals.py::whoever_asked_and_whoever_administers_does_not_sign"
    " pipelines/test_reveals.py::without_the_log_no_name_and_no_change pipelines/test_reveals.py::the_person_is_told",
    28: "pipelines/test_reveals.py::a_purpose_is_one_of_three"
    " api/test_files.py::a_file_about_single_people_needs_a_purpose_of_the_list_and_is_noted_each_time"
    " pipelines/test_exports.py::all_forms_of_a_file_say_the_same_and_each_row_says_where_it_is_from",
    29: "pipelines/test_invitations.py::no_looks_like_silence_before_and_after_it_ran_out"
    " pipelines/test_publishing.py::mentors_are_who_agreed_to_the_pool_and_nameless_until_they_agree_to_that"
    " api/test_reach_of_bytes.py::no_byte_tells_of_a_private_badge_or_of_somebody_who_did_not_agree",
    30: "pipelines/test_disclosed.py::a_team_is_shown_from_k_people_besides_the_viewer_on"
    " pipelines/test_access.py::a_team_falls_under_the_minimum_when_its_people_object_or_one_of_them_looks",
    31: "api/test_audited_routes.py::no_role_can_compute_anything_of_fewer_than_k_people"
    " api/test_audited_routes.py::every_route_with_figures_of_groups_is_read"
    " api/test_audited_routes.py::with_complementary_suppression_switched_off_the_same_audit_finds_people"
    " pipelines/test_disclosed.py::nothing_of_fewer_than_k_people_follows_from_what_is_published",
    32: "api/test_audited_routes.py::no_role_can_compute_anything_of_fewer_than_k_people"
    " api/test_audited_routes.py::of_scans_of_overlapping_weeks_even_exact_figures_would_tell_of_nobody"
    " ona/test_disclosure.py::a_team_and_the_same_team_without_one_person_give_that_person_away pipelines/test_overlapping.py::*",
    33: "pipelines/test_disclosed.py::a_line_between_groups_needs_k_people_at_both_ends"
    " pipelines/test_disclosed.py::a_line_that_one_person_carries_is_not_drawn"
    " ona/test_disclosure.py::groups_below_the_minimum_and_dominated_ones_and_uniform_ones_are_hidden",
    34: "pipelines/test_attacks.py::all_that_is_told_of_a_candidate_together_fits_at_least_k_people"
    " pipelines/test_exports.py::the_linkage_risk_is_the_share_of_people_who_are_like_nobody_else",
    35: "pipelines/test_audit.py::a_changed_deleted_or_moved_entry_is_named"
    " pipelines/test_audit.py::an_entry_rewritten_with_a_hash_of_its_own_breaks_the_chain_behind_it"
    " pipelines/test_audit.py::a_cut_tail_shows_against_the_checkpoint pipelines/test_audit.py::twenty_writers_leave_no_gap_and_no_fork"
    " pipelines/test_audit.py::the_database_itself_refuses_to_change_an_entry"
    " pipelines/test_audit_grants.py::the_service_adds_entries_and_the_server_refuses_every_change",
    36: "pipelines/test_outcomes.py::* pipelines/test_jobs.py::no_kind_of_job_changes_what_becomes_of_anybody"
    " pipelines/test_own.py::looking_as_somebody_changes_nothing_for_them"
    " pipelines/test_own.py::a_contest_is_open_until_somebody_else_answers_it_once"
    " pipelines/test_audit.py::a_change_and_its_entry_are_stored_together_or_not_at_all",
    37: "api/test_own_record.py::managers_and_hr_get_the_same_bytes_of_somebody_who_objected_as_of_somebody_who_never_opted_in"
    " api/test_own_record.py::an_objection_in_one_process_is_seen_by_the_other_though_it_remembers_its_answers"
    " api/test_answers.py::an_objection_or_a_withdrawn_consent_makes_every_copy_stale_at_once",
    38: "sign_in/test_sessions.py::*",
    39: "sign_in/test_refusals.py::* sign_in/test_entra.py::*",
    40: "connectors/test_http.py::a_hostile_link_is_refused_before_a_token_is_asked_for"
    " connectors/test_http.py::a_redirect_is_not_followed",
    41: "api/test_gate.py::every_answer_carries_the_headers browser/test_hostile_names.py::no_name_runs"
    " browser/test_every_page.py::every_page_of_a_role_is_fit_to_be_shown",
    42: "sign_in/test_doors.py::no_change_is_made_without_the_form_token_or_from_another_origin"
    " sign_in/test_doors.py::guesses_wait_longer_each_time_also_after_a_restart"
    " sign_in/test_doors.py::a_guess_and_a_token_that_was_revoked_look_alike"
    " api/test_limiter.py::a_restart_forgives_nothing_and_the_next_minute_everything",
    43: "connectors/test_archive.py::*",
    44: "api/test_files.py::twenty_payloads_are_text_in_every_spreadsheet_and_untouched_in_parquet"
    " pipelines/test_own.py::the_tables_of_the_download_open_as_text"
    " pipelines/test_exports.py::cells_that_a_spreadsheet_would_run_are_text",
    45: "pipelines/test_engine.py::every_way_out_is_closed pipelines/test_jobs.py::the_queue_holds_signed_json_and_no_pickle"
    " test_imports.py::every_contract_holds test_forbidden_calls.py::*",
    46: "api/test_schemathesis.py::* test_lockfiles.py::* test_vulnerabilities.py::*",
}
"""Number of the check → tests that hold it, without their ``test_``; ``*`` is every test of a file.

One holds in part: of 37, differential privacy is not offered, so there is no budget to overspend. Of 45, the rules are our own readers of
the syntax tree, each with samples on which it must fire. Of 46, the scanner of known vulnerabilities is a command of its own
(``make vulnerabilities``), as it needs the internet; where it cannot ask for every release it ends red, as "not run".
"""

REQUIRED = range(9, 47)


def named_in(path: Path) -> set[str]:
    """Names of the tests of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_check_has_its_tests():
    assert sorted(CHECKS) == list(REQUIRED)
    assert all(named.split() for named in CHECKS.values())


@pytest.mark.parametrize("number", REQUIRED)
def test_every_test_that_a_check_names_exists(number):
    for one in CHECKS[number].split():
        path, _, name = one.partition("::")
        known = named_in(TESTS / path)
        assert known, one
        assert name == "*" or f"test_{name}" in known, one


def test_the_reader_of_names_would_miss_a_test_that_is_gone():
    assert "test_every_check_has_its_tests" in named_in(Path(__file__))
    assert "test_nothing_of_the_kind" not in named_in(Path(__file__))
