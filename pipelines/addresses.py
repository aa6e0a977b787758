"""The mail address of a person, opened at the moment that it is needed and kept nowhere; and whose an address is."""

from connectors.identity import HandleError, canonical
from pipelines.storage.workspace import Workspace

EMAIL = "email:"


def address_of(ws: Workspace, person: int) -> str | None:
    """Return a person's address now, one of the company's own domains before others; None when none is known."""
    handles = ws.vault.handles(ws.vault.accounts_of(person)).values()
    known = sorted(handle.removeprefix(EMAIL) for handle in handles if handle.startswith(EMAIL))
    own = [address for address in known if address.rpartition("@")[2] in ws.settings.company_domains]
    return next(iter(own or known), None)


def person_at(ws: Workspace, address: str) -> int | None:
    """Return the person of a work address, None for nobody and for what is no address."""
    try:
        return ws.vault.person_of(canonical(address))
    except HandleError:
        return None
