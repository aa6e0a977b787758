"""Every worked example of the method and every library hazard it lists is named by a test, so that none is lost when tests move.

To see which test holds one: ``grep -rn "T2[.]14" tests/ona``.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

EXAMPLES = {0: 1, 1: 16, 2: 21, 3: 9, 4: 3, 5: 4, 6: 8, 7: 16, 9: 6, 10: 3, 14: 1}
"""Section of the method → number of its worked examples. Quarter comparison (8), disclosure (11) and scaling (12) are not counted here."""

HAZARDS = {1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17}
"""Hazards of libraries that the product calls; 4 to 6 are NetworKit's and 14 is OR-tools', which it does not use."""


@pytest.fixture(scope="module")
def said() -> str:
    """Source, with docstrings and comments, of every function of the science's tests that asserts something."""
    return "\n".join(source for path in sorted((TESTS / "ona").rglob("test_*.py")) if path != Path(__file__) for source in asserting(path))


def asserting(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and any(map(asserts, ast.walk(node))):
            yield "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])


def asserts(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Attribute) and node.attr.startswith(("assert_", "raises")))


@pytest.mark.parametrize("section", EXAMPLES)
def test_every_worked_example_is_a_test(said, section):
    named = {int(number) for number in re.findall(rf"\bT{section}\.(\d+)\b", said)}
    assert sorted(set(range(1, EXAMPLES[section] + 1)) - named) == []


def test_every_library_hazard_has_a_regression_test(said):
    named = {int(number) for number in re.findall(r"\bL(\d+)\b", said)} | {int(number) for number in re.findall(r"def test_l(\d+)_", said)}
    assert sorted(HAZARDS - named) == []


def test_libraries_whose_hazards_have_no_test_are_not_called():
    """NetworKit and OR-tools are rivals of the benchmarks at most."""
    sources = [path for part in ("ona", "pipelines", "connectors", "api") for path in (TESTS.parent / part).rglob("*.py")]
    assert len(sources) > 100
    assert [
        path.name for path in sources if re.search(r"^\s*(import|from) (networkit|ortools)\b", path.read_text(encoding="utf-8"), re.M)
    ] == []
