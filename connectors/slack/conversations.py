"""Settings that connectors of Slack files share: where the files lie, and which conversations may be read."""

from pathlib import Path

import connectors.base
from connectors.identity import AddressRules
from ona.tables import SpaceKind

PERSONAL = (SpaceKind.DIRECT, SpaceKind.GROUP)
"""Conversations of a few people, read on request only."""


class FileConfig(connectors.base.Config):
    """Where the files lie and which conversations may be read."""

    path: Path
    team: str | None = None
    """Enterprise or team id; by default the one most users carry."""
    private: bool = False
    """Read private channels too."""
    direct: bool = False
    """Read direct and group messages too."""
    channels: frozenset[str] | None = None
    """Ids or names of the only channels to be read."""
    addresses: AddressRules = AddressRules()

    def allows(self, kind: SpaceKind, channel: str, name: str | None) -> bool:
        """Whether a conversation of this kind, id and name may be read."""
        if kind in PERSONAL:
            return self.direct
        return (kind is SpaceKind.CHANNEL or self.private) and (self.channels is None or channel in self.channels or name in self.channels)
