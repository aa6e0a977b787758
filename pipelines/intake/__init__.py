"""From connectors to rows of known persons: people, events, absences, badges, evidence, each row accounted for."""
