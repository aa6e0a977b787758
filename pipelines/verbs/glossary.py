"""The verb that explains the measures."""

from typing import Annotated

import typer

from ona import glossary
from pipelines.console import print_json, say, table
from pipelines.verbs.options import Json

verbs = typer.Typer()


@verbs.command()
def metrics(
    name: Annotated[str | None, typer.Argument(help="One measure; default: the list of all.")] = None, as_json: Json = False
) -> None:
    """Explain the measures: what a high value means, formula, range, cost and source."""
    found = glossary.look_up(name)
    if as_json:
        print_json(found)
    elif name:
        say(*glossary.in_words(found[0]))
    else:
        table("Measure Family Graph A_high_value_means", [(one.name, one.family, one.layer, one.reading) for one in found])
