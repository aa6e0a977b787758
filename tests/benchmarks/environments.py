"""Environments of pinned rivals below the user's cache, each made once."""

import subprocess
import sys
import venv
from hashlib import sha256
from os import environ
from pathlib import Path


def environment(requirements: Path) -> Path:
    """Return the python of an environment with the pinned requirements; what cannot be installed here is left out and said."""
    pinned = requirements.read_text()
    cache = Path(environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    home = cache / "ona-rivals" / sha256((pinned + sys.version).encode()).hexdigest()[:12]
    if not (home / "complete").exists():
        venv.create(home, with_pip=True, clear=True)
        for line in pinned.split():
            done = subprocess.run([home / "bin/python", "-m", "pip", "install", "-q", line], capture_output=True, check=False)
            if done.returncode:
                print(f"{line} cannot be installed here; its rows are left out.")
        (home / "complete").touch()
    return home / "bin/python"
