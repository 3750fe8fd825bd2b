"""The next word of a command line: pools and assistants are asked of the cluster."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete

from graphwarden.cli.plugin.cluster import GRAPHSPECS, PluginError, open_cluster
from graphwarden.cli.plugin.options import read_target

# What kubectl understands behind the words (cobra's ShellCompDirectiveNoFileComp, and its default).
_NO_FILES, _FILES = ":4", ":0"


def suggest_pools(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The pools of the namespace."""
    return _suggest(context, "capability", incomplete)


def suggest_assistants(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The assistants of the namespace."""
    return _suggest(context, "assistantID", incomplete)


def complete_words(words: Sequence[str]) -> None:
    """Print what may stand in the place of the last word, as kubectl reads it."""
    from graphwarden.cli.plugin.commands import cli

    *before, incomplete = words or [""]
    found = ShellComplete(cli, {}, "kubectl graphs", "").get_completions(before, incomplete)
    for item in found:
        if item.type == "plain":
            click.echo(f"{item.value}\t{item.help}" if item.help else item.value)
    click.echo(_FILES if any(item.type == "file" for item in found) else _NO_FILES)


def _suggest(context: click.Context, field: str, incomplete: str) -> list[CompletionItem]:
    try:
        with open_cluster(read_target(context)) as cluster:
            graphs = cluster.list(GRAPHSPECS)
    except PluginError:
        return []  # a command line is no place for an error
    found = sorted({str(graph["spec"][field]) for graph in graphs})
    return [CompletionItem(value) for value in found if value.startswith(incomplete)]
