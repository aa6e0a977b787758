"""Nothing is decided about a person without a human: who writes outcomes is a closed list, each logs it, and no job is among them."""

import ast
from pathlib import Path

import pytest

import pipelines
from api.app import create_app
from api.routes import rights_of_routes
from pipelines.settings import Settings

FOLDER = Path(pipelines.__file__).parent

OUTCOMES = {"REVEALS", "NAME_INVITATIONS", "PAIRS", "GRANTS", "CREDENTIALS", "CONTESTS", "EXPORTS", "VIEWERS", "PUBLICATIONS", "EXCLUSIONS"}
"""Tables of what becomes of somebody: a name given out, a pair, a role, a recognition, an answer, a file, an exclusion, a release."""

DECIDERS = {
    "rights/contests": "whoever answers",
    "growth/credentials": "the steward who signs",
    "growth/exclusions": "HR, or the person",
    "exports": "the steward who signs",
    "rights/invitations": "HR invites, the person answers",
    "growth/pairs": "both people",
    "growth/programmes": "HR, who invites",
    "publishing": "the analyst",
    "rights/reveals": "the steward who signs",
    "entrance/viewers": "the steward who signs",
}
"""Module → who confirms what it writes."""

KEEPERS = {
    "erasure": "the operator erases",
    "export_files": "a signed request becomes a file, and an old file goes",
    "retention": "what is older than it may be is deleted",
    "rotation": "the same rows under another key",
    "access/sessions": "when somebody was last here",
}
"""Modules that write these tables and decide nothing."""

JOBS = {"export_files", "growth/mailing", "growth/needs", "intake/pulls", "retention", "scans"}
"""All that a job body calls, besides settings and its own bookkeeping."""


def tree_of(module: str) -> ast.AST:
    return ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))


def written_by(tree: ast.AST) -> set[str]:
    """Tables of outcomes that a module inserts into, updates, deletes from or puts rows in."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    changes = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) in {"insert", "update", "delete", "put"}]
    return {word.id for call in changes for part in call.args for word in ast.walk(part) if isinstance(word, ast.Name)} & OUTCOMES


def logs(tree: ast.AST) -> bool:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return any(call.attr in {"record", "recorded"} and getattr(call.value, "id", "") == "audit" for call in calls)


def modules() -> list[str]:
    paths = (path for path in FOLDER.rglob("*.py") if "migrations" not in path.parts)
    return sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in paths)


def test_whoever_writes_an_outcome_is_on_the_list():
    writing = {module for module in modules() if written_by(tree_of(module))}
    assert writing - set(KEEPERS) == set(DECIDERS)


@pytest.mark.parametrize("module", DECIDERS)
def test_each_of_them_writes_to_the_log(module):
    assert logs(tree_of(module))


def test_no_job_calls_anybody_who_decides():
    imports = [
        node for node in ast.walk(tree_of("jobs/bodies")) if isinstance(node, ast.ImportFrom) and str(node.module).startswith("pipelines")
    ]
    named = {f"{node.module}.{name.name}" for node in imports for name in node.names}
    found = {module for module in modules() for name in named if f"{name}.".startswith(f"pipelines.{module.replace('/', '.')}.")}
    assert {module for module in found if not module.startswith(("jobs/", "storage/"))} - {"quarters", "thresholds"} == JOBS
    assert JOBS & set(DECIDERS) == set()


def test_no_route_without_a_session_changes_anything_but_sessions(tmp_path):
    open_doors = {one.path for one in rights_of_routes(create_app(Settings(home=tmp_path))) if not one.rights and one.method != "GET"}
    assert open_doors == {"/open/{link}", "/sign-in/back-channel"}


def test_the_readers_see_a_module_that_decides_in_secret():
    tree = ast.parse("def f(c):\n    c.execute(sa.update(PAIRS).values(state='active'))")
    assert (written_by(tree), logs(tree)) == ({"PAIRS"}, False)
