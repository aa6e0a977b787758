"""The science: tables in, tables out; no network, no disk, no web, no vendor."""
