"""Opening one person's record: found or not, the audit log knows who asked."""

from dataclasses import replace

from ona.errors import NotFoundError
from pipelines import audit
from pipelines.access.policy import Sight
from pipelines.audit import Act


def open_record(sight: Sight, code: str) -> int:
    """Return the member row that a viewer asks to see, noted in the audit log before the answer leaves."""
    act = Act(sight.viewer.subject, sight.viewer.role, "read_person", purpose=f"scan {sight.scan.id}")
    try:
        row = sight.row_of(code)
    except NotFoundError:
        audit.record(sight.ws, replace(act, result="refused"))
        raise
    audit.record(sight.ws, replace(act, object=str(sight.scan.persons[row])))
    return row
