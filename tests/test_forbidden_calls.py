"""No source makes a statement of text, loads what can run, or parses what can reach out; each rule fires on its samples."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for package in ("ona", "connectors", "pipelines", "api") for path in sorted((ROOT / package).rglob("*.py"))]

STATEMENTS = {"execute", "executemany", "executescript", "exec_driver_sql", "text", "sql", "query"}
"""Functions whose first argument goes to a database."""

LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch"}
XML = {"xml", "lxml", "xmlrpc", "defusedxml"}
UNSAFE = {"eval", "exec", "__import__", "read_pickle", "to_pickle", "mktemp"}
FLAGS = {("shell", True), ("allow_pickle", True), ("verify", False), ("autoescape", False)}

SAMPLES = {
    "statement": ('c.execute(f"SELECT {x}")', 'c.execute("SELECT " + x)', 'sa.text("SELECT %s" % x)', 'c.sql("SELECT {}".format(x))'),
    "loader": ("import pickle", "from joblib import load", "import torch.jit", "import marshal as m"),
    "yaml": ("yaml.load(f)", "yaml.unsafe_load(f)", "yaml.full_load(f)"),
    "xml": ("import xml.etree.ElementTree", "from lxml import etree", "from xml.sax import parse"),
    "call": ("eval(x)", "exec(x)", "os.system(x)", "pd.read_pickle(x)", "tempfile.mktemp()", "__import__(x)"),
    "flag": ("run(x, shell=True)", "np.load(x, allow_pickle=True)", "get(x, verify=False)", "Environment(autoescape=False)"),
}
"""Rule → lines on which it must fire."""

HARMLESS = """
c.execute("SELECT 1")
c.execute(sa.select(T))
text("words")
yaml.safe_load(f)
import json, yaml
run(x, shell=False)
platform.system()
self.query(name, f"{x}")
"""

CONSTANT = {"pipelines/storage/service.py": 1, "pipelines/engine/duckdb.py": 1}
"""File → statements made of text there whose every part is written in the same file: settings of SQLite, and names of tables of our own."""


def fired(tree: ast.AST) -> list[tuple[str, int]]:
    """Rule and line of everything that is forbidden."""
    return [(rule, node.lineno) for node in ast.walk(tree) for rule in rules_of(node)]


def rules_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
        tops = {name.partition(".")[0] for name in names}
        return ["loader"] * bool(tops & LOADERS) + ["xml"] * bool(tops & XML)
    if not isinstance(node, ast.Call):
        return []
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = getattr(getattr(node.func, "value", None), "id", "")
    flags = {(word.arg, word.value.value) for word in node.keywords if isinstance(word.value, ast.Constant)}
    found = ["statement"] * (name in STATEMENTS and bool(node.args) and is_made_of_text(node.args[0]))
    found += ["yaml"] * (owner == "yaml" and name in {"load", "load_all", "unsafe_load", "full_load"})
    return found + ["call"] * (name in UNSAFE or (owner == "os" and name in {"system", "popen"})) + ["flag"] * bool(flags & FLAGS)


def is_made_of_text(node: ast.AST) -> bool:
    """Whether an argument is put together from pieces of text."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod) and any(is_text(side) for side in (node.left, node.right))
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format" and is_text(node.func.value)


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize(("rule", "line"), [(rule, line) for rule, lines in SAMPLES.items() for line in lines])
def test_each_rule_fires_on_its_samples(rule, line):
    assert {name for name, _ in fired(ast.parse(line))} == {rule}


def test_no_rule_fires_on_what_is_harmless():
    assert fired(ast.parse(HARMLESS)) == []


def test_no_source_breaks_a_rule():
    found: dict[str, list[tuple[str, int]]] = {}
    for path in SOURCES:
        if broken := fired(ast.parse(path.read_text(encoding="utf-8"))):
            found[str(path.relative_to(ROOT))] = broken
    excused = {path: [("statement", line) for _, line in found.get(path, [])] for path in CONSTANT}
    assert {path: len(lines) for path, lines in excused.items()} == CONSTANT
    assert {path: lines for path, lines in found.items() if lines != excused.get(path)} == {}
