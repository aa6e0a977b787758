"""Which role has which right over whom: the one table of the policy, per mode, from which the tests are made."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from pipelines.settings import Mode


class Role(StrEnum):
    """What somebody signs in as; who holds several acts as one at a time."""

    EMPLOYEE = "employee"
    MANAGER = "manager"
    HR = "hr"
    ANALYST = "analyst"
    ADMIN = "admin"
    AUDITOR = "auditor"
    STEWARD = "steward"  # data protection officer or works council: approves, never requests


class Right(StrEnum):
    """What a route does; every route names exactly one."""

    READ_WORDS = "read_words"  # help, glossary, notice: nothing about anybody
    OWN_RECORD = "own_record"  # own result, who looked, download, object, opt in, contest, answer an invitation
    SEE_GROUPS = "see_groups"  # groups, ties between groups, figures of the company
    SEE_NAMED = "see_named"  # people who opted in, as bands, by name
    SEE_SCORES = "see_scores"  # one person's numbers with badges, by view id
    RANK = "rank"  # people sorted by a score
    SEE_QUALITY = "see_quality"  # data-quality report, coverage, jobs: it names nobody
    RUN = "run"  # pull, scan, check a connection, plan a schedule
    PUBLISH = "publish"  # release a sealed scan to audiences, preview as one of them
    SUGGEST_NEED = "suggest_need"  # a mentee's need, as their manager
    ASSESS_NEEDS = "assess_needs"  # what a debrief found behind a gap of a unit, and the target for the next scan
    PAIR = "pair"  # mentoring programmes: candidates without names, match, invite, confirm
    COUNT_PAIRS = "count_pairs"
    REQUEST_REVEAL = "request_reveal"  # whose record it is, with a reason and somebody else's approval
    REQUEST_EXPORT = "request_export"  # people or ties in a file
    APPROVE = "approve"  # reveals, exports, grants of roles, lower thresholds
    ANSWER_CONTEST = "answer_contest"  # what people say is wrong about their own result, by view id or count
    ADMINISTER = "administer"  # connections, viewers, grants, tokens of others, thresholds
    COUNT_AUDIT = "count_audit"
    READ_AUDIT = "read_audit"


class Reach(StrEnum):
    """Over whom a right extends."""

    NOBODY = "nobody"
    OWN = "own"  # the viewer's own person
    SUBTREE = "subtree"  # people below the viewer in the reporting tree valid today
    CONSENTING = "consenting"  # everybody who opted in or accepted
    EVERYBODY = "everybody"


_EACH = dict.fromkeys(Role, Reach.OWN)

_STANDARD: Mapping[Right, Mapping[Role, Reach]] = {
    Right.READ_WORDS: dict.fromkeys(Role, Reach.EVERYBODY),
    Right.OWN_RECORD: _EACH,
    Right.SEE_GROUPS: {
        Role.MANAGER: Reach.SUBTREE,
        Role.HR: Reach.EVERYBODY,
        Role.ANALYST: Reach.EVERYBODY,
        Role.STEWARD: Reach.EVERYBODY,
    },
    Right.SEE_NAMED: {Role.MANAGER: Reach.SUBTREE, Role.HR: Reach.CONSENTING},
    Right.SEE_SCORES: {Role.HR: Reach.CONSENTING, Role.ANALYST: Reach.EVERYBODY},
    Right.RANK: {Role.ANALYST: Reach.EVERYBODY},
    Right.SEE_QUALITY: dict.fromkeys((Role.ANALYST, Role.ADMIN, Role.AUDITOR, Role.STEWARD), Reach.EVERYBODY),
    Right.RUN: {Role.ANALYST: Reach.EVERYBODY, Role.ADMIN: Reach.EVERYBODY},
    Right.PUBLISH: {Role.ANALYST: Reach.EVERYBODY},
    Right.SUGGEST_NEED: {Role.MANAGER: Reach.SUBTREE},
    Right.ASSESS_NEEDS: {Role.HR: Reach.EVERYBODY, Role.ANALYST: Reach.EVERYBODY},
    Right.PAIR: {Role.HR: Reach.CONSENTING},
    Right.COUNT_PAIRS: {Role.HR: Reach.EVERYBODY, Role.STEWARD: Reach.EVERYBODY},
    Right.REQUEST_REVEAL: {Role.HR: Reach.EVERYBODY},
    Right.REQUEST_EXPORT: {Role.ANALYST: Reach.EVERYBODY},
    Right.APPROVE: {Role.STEWARD: Reach.EVERYBODY},
    Right.ANSWER_CONTEST: {Role.ANALYST: Reach.EVERYBODY, Role.STEWARD: Reach.EVERYBODY},
    Right.ADMINISTER: {Role.ADMIN: Reach.EVERYBODY},
    Right.COUNT_AUDIT: {Role.ADMIN: Reach.EVERYBODY, Role.AUDITOR: Reach.EVERYBODY, Role.STEWARD: Reach.EVERYBODY},
    Right.READ_AUDIT: {Role.AUDITOR: Reach.EVERYBODY, Role.STEWARD: Reach.EVERYBODY},
}

_PERSONAL = (Right.SEE_NAMED, Right.SEE_SCORES, Right.RANK, Right.REQUEST_EXPORT)

MATRIX: Mapping[Mode, Mapping[Right, Mapping[Role, Reach]]] = MappingProxyType(
    {
        Mode.STANDARD: _STANDARD,
        Mode.STRICT: {right: {} if right in _PERSONAL else roles for right, roles in _STANDARD.items()},
        Mode.OPEN: _STANDARD,  # the difference is whom a manager's names extend to, see Sight.named
    }
)

MAY_NOT_BE_JOINED = {Role.STEWARD: frozenset({Role.ADMIN, Role.HR, Role.MANAGER})}
"""Whoever approves is none of those whose requests are approved."""


def reach(mode: Mode, role: Role, right: Right) -> Reach:
    """Return over whom a role has a right; what the table does not name is nobody."""
    return MATRIX[mode].get(right, {}).get(role, Reach.NOBODY)
