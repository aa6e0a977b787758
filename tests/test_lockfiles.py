"""The locks hold exact versions with hashes, name no host, and cover every dependency that the project declares."""

import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "locks").glob("*.txt"))
EXTRAS = {
    "runtime": (),
    "service": ("microsoft", "slack", "postgres"),
    "dev": tuple(PROJECT["project"]["optional-dependencies"]),
}
PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[^ ;]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+")


def entries(lock: Path) -> list[str]:
    """One string for each pin, its continuation lines joined."""
    text = re.sub(r"\\\n\s*", "", lock.read_text(encoding="utf-8"))
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins(lock: Path) -> dict[str, Requirement]:
    """Distribution name → its pin for this Python and platform, hashes cut off."""
    found = [Requirement(entry.split(" --hash")[0]) for entry in entries(lock)]
    return {canonicalize_name(pin.name): pin for pin in found if pin.marker is None or pin.marker.evaluate()}


def declared(extras: tuple[str, ...]) -> list[Requirement]:
    """Return what pyproject.toml asks for, with these extras."""
    lines = list(PROJECT["project"]["dependencies"])
    for extra in extras:
        lines += PROJECT["project"]["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def test_there_is_one_lock_for_each_use():
    assert [lock.stem for lock in LOCKS] == ["build", "dev", "runtime", "service"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_line_is_an_exact_version_with_hashes(lock):
    wrong = [entry.split(" --hash")[0] for entry in entries(lock) if not PIN.fullmatch(re.sub(r"\s+", " ", entry))]
    assert wrong == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_lock_names_a_host_or_a_file(lock):
    text = lock.read_text(encoding="utf-8")
    assert re.findall(r"(?i)://|--index|--extra-index|--find-links|--trusted-host|^-|file:| @ ", text, re.MULTILINE) == []


@pytest.mark.parametrize("name", EXTRAS)
def test_every_declared_dependency_is_locked_within_its_range(name):
    locked = pins(ROOT / "locks" / f"{name}.txt")
    for asked in declared(EXTRAS[name]):
        pin = locked[canonicalize_name(asked.name)]
        exact = next(iter(pin.specifier)).version
        assert asked.specifier.contains(exact, prereleases=True), f"{asked} is locked as {exact}"


def test_the_build_backend_is_locked_too():
    locked = pins(ROOT / "locks" / "build.txt")
    for line in PROJECT["build-system"]["requires"] + PROJECT["dependency-groups"]["build"]:
        asked = Requirement(line)
        assert asked.specifier.contains(next(iter(locked[asked.name].specifier)).version)


def test_all_locks_agree_on_every_version():
    seen: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, pin in pins(lock).items():
            seen.setdefault(name, set()).add(str(pin.specifier))
    assert {name: found for name, found in seen.items() if len(found) > 1} == {}


def test_the_tests_run_on_the_locked_versions():
    locked = pins(ROOT / "locks" / "dev.txt")
    wrong = []
    for asked in declared(()):
        exact = next(iter(locked[canonicalize_name(asked.name)].specifier)).version
        if version(asked.name) != exact:
            wrong.append(f"{asked.name}: installed {version(asked.name)}, locked {exact}; run: make test")
    assert wrong == []


def needed() -> dict[str, str]:
    """Bill of materials: everything that the project asks for with all extras, and what that asks for, at the version that is installed."""
    found, waiting = {}, [(one, "") for one in declared(EXTRAS["dev"])]
    while waiting:
        asked, extra = waiting.pop()
        if asked.marker is not None and not asked.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(asked.name)
        if name not in found or asked.extras:
            found[name] = version(name)
            further = [Requirement(line) for line in requires(name) or ()]
            waiting += [(one, wanted) for one in further for wanted in ("", *asked.extras)]
    return found


def test_the_bill_of_materials_of_the_environment_is_what_the_lock_names():
    locked = {name: next(iter(pin.specifier)).version for name, pin in pins(ROOT / "locks" / "dev.txt").items()}
    assert needed() == locked


def test_everything_is_installed_by_hash_and_as_wheels():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (install,) = [line for line in makefile.splitlines() if "-r locks/" in line]
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in docker
