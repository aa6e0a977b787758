"""Every notebook runs from top to bottom, imports the science alone, and is committed without outputs."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 300

EXECUTE = f"""
import sys, nbclient, nbformat
book = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(book, timeout={SECONDS}, kernel_name="python3", resources={{"metadata": {{"path": sys.argv[3]}}}}).execute()
nbformat.write(book, sys.argv[2])
"""


def code_cells(path: Path) -> list[dict[str, object]]:
    """Return the code cells of a notebook."""
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request, tmp_path_factory) -> Path:
    """The notebook with its outputs, run by a kernel of this environment in an empty folder."""
    for needed in ("ipykernel", "nbclient"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed; make test installs it from locks/dev.txt")
    folder = tmp_path_factory.mktemp("notebook")
    target = folder / "executed.ipynb"
    run = subprocess.run(
        [sys.executable, "-c", EXECUTE, request.param, target, folder],
        env={**os.environ, "IPYTHONDIR": str(folder / "ipython"), "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter")},
        capture_output=True,
        text=True,
        timeout=SECONDS + 60,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return target


def test_there_is_a_quick_start_of_ten_cells():
    assert len(code_cells(ROOT / "notebooks" / "01_quick_start.ipynb")) == 10


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_committed(path):
    assert [cell for cell in code_cells(path) if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_of_this_project_only_the_science_is_imported(path):
    source = "\n".join("".join(cell["source"]) for cell in code_cells(path))
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add((node.module or "").split(".")[0])
    assert "ona" in modules
    assert modules & {"connectors", "pipelines", "api"} == set()


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(executed):
    cells = code_cells(executed)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds <= {"execute_result", "display_data"}, "a cell printed a warning or an error"


@pytest.mark.slow
def test_it_ends_with_a_result(executed):
    assert code_cells(executed)[-1]["outputs"]
