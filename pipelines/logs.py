"""What a process says to its operator: one JSON object a line, with keys of a closed list and nothing else, never a name or a text."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import IO

OURS = ("api", "pipelines", "connectors")
"""Loggers whose messages are fixed phrases; of all others only the template is kept, as what fills it may hold anything."""

KEYS = frozenset(
    {
        "time", "level", "logger", "event", "error", "place",
        "request", "method", "route", "status", "ms", "role",
        "job", "kind", "code", "connector", "stream", "failed", "scan", "seconds", "rows",
    }
)  # fmt: skip
"""Every key that a line may have."""

LONGEST = 300
"""Characters of one value."""

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None)))


class JsonLines(logging.Formatter):
    """Writes a record as one line; fields that are not on the list are left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        is_ours = record.name.partition(".")[0] in OURS
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": (record.getMessage() if is_ours else str(record.msg))[:LONGEST],
        }
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"error": record.exc_info[0].__name__, "place": f"{record.filename}:{record.lineno}"}
        extra = {name: value for name, value in vars(record).items() if name in KEYS and name not in _STANDARD}
        return json.dumps(line | {name: _plain(value) for name, value in extra.items()}, ensure_ascii=False)


def configure(level: str, stream: IO[str] | None = None) -> None:
    """Send everything that this process logs to one stream, standard error unless said otherwise."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").setLevel("CRITICAL")  # its lines hold whole addresses


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float) or value is None else str(value)[:LONGEST]
