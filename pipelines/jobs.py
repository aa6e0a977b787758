"""Long work on a schedule: the worker pulls and scans while the pages go on serving the last sealed scan."""

import logging

from huey import SqliteHuey, crontab
from huey.serializer import SignedSerializer

from pipelines.keys import load_keys
from pipelines.settings import Settings
from pipelines.workspace import open_workspace

log = logging.getLogger(__name__)


def work(settings: Settings) -> None:
    """Run the schedule until SIGINT or SIGTERM; a killed job leaves the last sealed scan as it was."""
    queue = build_queue(settings)
    queue.create_consumer(workers=1, periodic=True, check_worker_health=True).run()


def build_queue(settings: Settings) -> SqliteHuey:
    """Return the queue of this deployment with its two periodic jobs; nothing is ever unpickled unsigned."""
    queue = SqliteHuey(
        "ona", filename=str(settings.home / "jobs.sqlite"), serializer=SignedSerializer(secret=load_keys(settings).cursor.hex())
    )
    queue.periodic_task(_crontab(settings.pull_schedule), name="pull")(lambda: pull_all(settings))
    queue.periodic_task(_crontab(settings.scan_schedule), name="scan")(lambda: scan_latest(settings))
    return queue


def pull_all(settings: Settings) -> None:
    """Pull every configured connector; what fails is logged by code and tried again at the next run."""
    from pipelines import pulls

    with open_workspace(settings) as ws:
        for outcome in pulls.pull(ws):
            log.info("pulled", extra={"connector": outcome.connector, "stream": outcome.gives, "failed": outcome.error is not None})


def scan_latest(settings: Settings) -> None:
    """Scan the last complete weeks."""
    from ona.rules import Rules
    from pipelines import scans

    with open_workspace(settings) as ws:
        log.info("sealed", extra={"scan": scans.run(ws, Rules(seed=settings.seed)).id})


def _crontab(line: str) -> object:
    minute, hour, day, month, day_of_week = line.split()
    return crontab(minute=minute, hour=hour, day=day, month=month, day_of_week=day_of_week)
