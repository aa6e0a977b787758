"""The fake vendors, one module each."""

from connectors.simulated.vendors.credly import Credly
from connectors.simulated.vendors.google import Google
from connectors.simulated.vendors.graph import Graph
from connectors.simulated.vendors.scim import Scim
from connectors.simulated.vendors.slack import Slack
from connectors.simulated.world import Vendor

VENDORS: tuple[Vendor, ...] = (Slack(), Graph(), Google(), Scim(), Credly())
"""All vendors; a new one is a new line here."""
