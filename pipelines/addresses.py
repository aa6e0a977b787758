"""The mail address of a person, opened at the moment that it is needed and kept nowhere."""

from pipelines.workspace import Workspace

EMAIL = "email:"


def address_of(ws: Workspace, person: int) -> str | None:
    """Return a person's address now, one of the company's own domains before others; None when none is known."""
    handles = ws.vault.handles(ws.vault.accounts_of(person)).values()
    known = sorted(handle.removeprefix(EMAIL) for handle in handles if handle.startswith(EMAIL))
    own = [address for address in known if address.rpartition("@")[2] in ws.settings.company_domains]
    return next(iter(own or known), None)
