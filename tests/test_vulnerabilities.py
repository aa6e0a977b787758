"""The look-up of known vulnerabilities ends well only when a database that knows old ones was asked for every locked release."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import vulnerabilities

pytest.importorskip("pip_audit", reason="pip-audit is not installed; make test installs it from locks/dev.txt")

OLD = {"id": "PYSEC-2021-98", "affected": [{"package": {"name": "django", "ecosystem": "PyPI"}}]}
NEW = {
    "id": "PYSEC-2099-1",
    "affected": [
        {
            "package": {"name": "hatchling", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
        }
    ],
}
NOT_RUN = 69


@pytest.fixture
def locks(tmp_path) -> Path:
    """Locks of a few packages."""
    shutil.copy(vulnerabilities.LOCKS / "build.txt", tmp_path)
    return tmp_path


@pytest.fixture
def looked_up(locks, tmp_path, capsys) -> Callable[..., tuple[int, str]]:
    """Look the locks up in a database that knows this of these packages; return exit status and what was printed."""

    def run(known: dict[str, dict], **behaviour: str) -> tuple[int, str]:
        with database(known, **behaviour) as url:
            status = vulnerabilities.main(["-s", "osv", "--osv-url", url, "--cache-dir", str(tmp_path / "cache")], locks)
        return status, capsys.readouterr().out

    return run


def test_all_was_looked_up_and_nothing_is_known(looked_up):
    assert looked_up({"django": OLD}) == (0, "6 locked releases looked up, 0 known vulnerabilities\n")


def test_known_vulnerabilities_are_named_also_of_a_release_for_another_python(looked_up, locks):
    (locks / "other.txt").write_text("packaging==20.0 ; python_full_version < '3.0' \\\n    --hash=sha256:00\n")
    status, said = looked_up({"django": OLD, "hatchling": NEW, "packaging==20.0": NEW})
    assert status == 1
    assert "\npackaging==20.0: PYSEC-2099-1, " in "\n" + said
    assert ": PYSEC-2099-1, mended in 9.9\n" in said
    assert said.endswith("\n7 locked releases looked up, 2 known vulnerabilities\n")


@pytest.mark.parametrize(
    ("known", "behaviour", "told"),
    [
        ({}, {}, "not run: the database knows no vulnerability of django==3.2"),
        ({"django": OLD}, {"refuses": "hatchling"}, "not run: pip-audit did not reach its end"),
    ],
    ids=["one that knows nothing", "one that fails half-way"],
)
def test_a_database_that_cannot_be_relied_on_is_told_as_not_run(looked_up, known, behaviour, told):
    status, said = looked_up(known, **behaviour)
    assert status == NOT_RUN
    assert said.startswith(told)
    assert "looked up" not in said


def test_a_database_that_is_away_is_told_as_not_run(locks, tmp_path, capsys):
    with database({}) as url:
        gone = url
    assert vulnerabilities.main(["-s", "osv", "--osv-url", gone, "--cache-dir", str(tmp_path)], locks) == NOT_RUN
    assert capsys.readouterr().out.startswith("not run: pip-audit did not reach its end")


def test_every_release_of_the_real_locks_is_asked_for_once():
    pins = list(vulnerabilities.read_pins(vulnerabilities.LOCKS))
    layers = list(vulnerabilities.layers(pins))
    assert sorted(pin for layer in layers for pin in layer) == pins
    assert all(len({pin.partition("==")[0] for pin in layer}) == len(layer) for layer in layers)
    text = "".join(file.read_text(encoding="utf-8") for file in vulnerabilities.LOCKS.glob("*.txt"))
    assert len(pins) == len({line.split()[0] for line in text.splitlines() if "==" in line and line[0] not in " #"})


@contextmanager
def database(known: dict[str, dict], *, refuses: str = "") -> Iterator[str]:
    """Answer as the OSV service does: ``{}`` for whatever it does not know, be it sound or never heard of."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["package"]["name"]
            found = known.get(name) or known.get(f"{name}=={asked['version']}")
            body = json.dumps({"vulns": [found]} if found else {}).encode()
            self.send_response(503 if name == refuses else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
