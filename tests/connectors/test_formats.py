"""What may be read at all: no module of the product has a reader for XML or YAML at hand."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
READERS = {"xml", "lxml", "defusedxml", "yaml", "ruamel", "oyaml", "strictyaml", "plistlib", "pickle", "marshal", "shelve"}


def imported(path):
    """Return the first name of everything that a module imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names}


def test_nothing_reads_xml_yaml_or_pickled_objects():
    modules = [path for package in ("connectors", "pipelines", "ona", "api") for path in (ROOT / package).rglob("*.py")]
    assert len(modules) > 200
    assert {path.name: found for path in modules if (found := imported(path) & READERS)} == {}
