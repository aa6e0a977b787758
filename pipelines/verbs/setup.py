"""The verb that sets up a folder."""

import typer

from pipelines import keys, settings
from pipelines.console import next_verb, say
from pipelines.verbs.options import Home

verbs = typer.Typer()


@verbs.command()
def init(home: Home = None) -> None:
    """Make a folder with commented settings and a key of its own."""
    place = (home or settings.DEFAULT_HOME).resolve()
    settings.write_template(place)
    made = keys.create_key(place / "key")
    say(f"Settings  {place / 'ona.toml'}", f"Key       {made} (keep a copy elsewhere: without it nobody can be named again)")
    next_verb("add your connectors to ona.toml, then: ona doctor", home)
