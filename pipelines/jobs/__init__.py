"""Long work in its own process: asked for, queued, claimed by a worker, cancelled between steps, revived when a worker dies."""

from pipelines.jobs.asking import ask, ask_once
from pipelines.jobs.beside import Beside
from pipelines.jobs.dispatch import next_time
from pipelines.jobs.forecast import Forecast, forecast_pull, forecast_scan
from pipelines.jobs.once import Kept, KeyReusedError
from pipelines.jobs.register import Job, State, cancel, find, is_attended, last_beat, latest

__all__ = [
    "Beside",
    "Forecast",
    "Job",
    "Kept",
    "KeyReusedError",
    "State",
    "ask",
    "ask_once",
    "cancel",
    "find",
    "forecast_pull",
    "forecast_scan",
    "is_attended",
    "last_beat",
    "latest",
    "next_time",
]
