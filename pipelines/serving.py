"""Serves one deployment over HTTP: for one person by a link that opens it once, for a company at its public address."""

import os

import uvicorn

from pipelines import access, logs
from pipelines.console import say
from pipelines.settings import Settings
from pipelines.storage.workspace import open_workspace

FACTORY = "api.app:app_from_environment"
"""By name: pipelines never import api."""


MOST_HEAD = 64 << 10
"""Bytes of a request's first line and headers that are read at all; the pages themselves take fewer."""


PATIENCE = 5
"""Seconds that running answers get when the service stops: somebody who follows a job would hold it up for minutes."""


def serve(found: Settings, host: str | None = None, port: int | None = None) -> None:
    """Say where the pages are, and serve until stopped."""
    address, number = host or found.host, port or found.port
    with open_workspace(found) as ws:
        link = access.issue_link(ws) if found.sign_in is None else None
    if link:
        say(f"Open http://{address}:{number}{link}", "The link opens the pages once; Ctrl-C stops serving.")
    else:
        say(f"Open {found.public_url}", f"People sign in there with the company; this process listens on {address}:{number}. Ctrl-C stops.")
    logs.configure(found.log_level)
    os.environ["ONA_HOME"] = str(found.home)  # the factory takes no arguments
    uvicorn.run(
        FACTORY,
        factory=True,
        host=address,
        port=number,
        log_config=None,  # as the line above says: one JSON object a line
        access_log=False,
        h11_max_incomplete_event_size=MOST_HEAD,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=PATIENCE,
        server_header=False,
        proxy_headers=bool(found.proxies),  # nobody else may say from where a request comes
        forwarded_allow_ips=list(found.proxies),
    )
