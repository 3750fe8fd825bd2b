"""The commands, their options and their words. What they do stands in the modules beside."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from graphwarden.cli import FAILED, USAGE
from graphwarden.cli.moving import export_command, import_command
from graphwarden.telemetry.run_filters import STATUSES

DEFAULT_URL = "http://127.0.0.1:8123"

url_option = click.option(
    "--url",
    default=DEFAULT_URL,
    envvar="GRAPHWARDEN_URL",
    show_default=True,
    show_envvar=True,
    help="The router.",
)
output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people or for programs.",
)
folder_argument = click.argument(
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("graphs"),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(importlib.metadata.version("graphwarden"), message="%(version)s")
def cli() -> None:
    """Run, check and call a fleet of LangGraph graphs.

    Exit codes: 0 done, 1 the run failed or the manifests have mistakes, 2 wrong usage,
    3 nothing answers, 4 the server refused.
    """


@cli.command()
@folder_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the router.")
@click.option("--port", default=8123, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".graphwarden"),
    show_default=True,
    help="Database, logs and registries.",
)
@click.option(
    "--app-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Folder that graphs are imported from.  [default: the current folder]",
)
@click.option(
    "--database-url",
    envvar="GRAPHWARDEN_DATABASE_URL",
    show_envvar=True,
    help="PostgreSQL, instead of SQLite in the state directory.",
)
@click.option(
    "--watch",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Another folder whose changes replace the workers; may be repeated.",
)
@click.option(
    "--drain-seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Time that runs get to finish.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show the logs of the router and the workers.")
def up(
    directory: Path,
    host: str,
    port: int,
    state_dir: Path,
    app_dir: Path,
    database_url: str | None,
    watch: tuple[Path, ...],
    drain_seconds: float,
    verbose: bool,
) -> None:
    """Run the fleet of DIRECTORY on this machine, without a cluster.

    One worker process per capability and the router in front. Manifests, code and prompts are
    reloaded when they change; Ctrl-C drains.
    """
    from graphwarden.cli.up import run_up
    from graphwarden.local.state import StateDirectory
    from graphwarden.local.up import UpOptions

    state = StateDirectory(state_dir)
    options = UpOptions(
        directory=directory,
        state=state,
        app_dir=app_dir.resolve(),
        host=host,
        port=port,
        database_url=database_url or state.database_url,
        drain_seconds=drain_seconds,
        watch=watch,
        verbose=verbose,
    )
    sys.exit(run_up(options))


@cli.command()
@click.argument("assistant")
@click.option("--input", "graph_input", help="JSON, a file that holds it, or - for standard input.")
@click.option("--thread", help="Run on this thread, made when it does not exist.")
@click.option("--resume", help="JSON that answers the interrupt the thread waits at.")
@click.option("--stream", is_flag=True, help="Print each event as a line of JSON as it comes.")
@click.option("--api-key", envvar="GRAPHWARDEN_API_KEY", help="Sent as x-api-key.")
@url_option
def run(
    assistant: str,
    graph_input: str | None,
    thread: str | None,
    resume: str | None,
    stream: bool,
    api_key: str | None,
    url: str,
) -> None:
    """Run ASSISTANT once through the router and print its result as JSON."""
    from graphwarden.cli.client import Call, run_graph
    from graphwarden.cli.reading import read_json

    call = Call(
        assistant=assistant,
        graph_input=read_json(graph_input, "--input"),
        resume=read_json(resume, "--resume"),
        thread=thread,
        stream=stream,
    )
    if call.resume is not None and thread is None:
        raise click.UsageError("--resume needs --thread: only a thread waits for an answer")
    sys.exit(run_graph(url, call, api_key))


@cli.command()
@url_option
@output_option
@click.option("--api-key", envvar="GRAPHWARDEN_API_KEY", help="Sent as x-api-key.")
def graphs(url: str, output: str, api_key: str | None) -> None:
    """List the graphs of a running fleet, and whether each can be called."""
    from graphwarden.cli.client import list_graphs

    sys.exit(list_graphs(url, output, api_key))


@cli.command()
@url_option
@output_option
@click.option("--assistant", help="Only runs of this assistant.")
@click.option("--thread", help="Only runs on this thread.")
@click.option("--status", type=click.Choice(STATUSES), help="Only runs that ended so.")
@click.option("--since", help="Only runs since then: 15m, 2h, 3d, or a time in ISO 8601.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--api-key", envvar="GRAPHWARDEN_API_KEY", help="Sent as x-api-key.")
def runs(
    url: str,
    output: str,
    assistant: str | None,
    thread: str | None,
    status: str | None,
    since: str | None,
    limit: int,
    api_key: str | None,
) -> None:
    """List the last runs of a fleet, the newest first, each with its trace."""
    from graphwarden.cli.traces import list_runs

    asked = {"assistant_id": assistant, "thread_id": thread, "status": status, "since": since}
    filters = {name: value for name, value in asked.items() if value}
    sys.exit(list_runs(url, {**filters, "limit": str(limit)}, output, api_key))


@cli.command()
@click.argument("trace_id")
@url_option
@output_option
@click.option("--api-key", envvar="GRAPHWARDEN_API_KEY", help="Sent as x-api-key.")
def trace(trace_id: str, url: str, output: str, api_key: str | None) -> None:
    """Show the trace TRACE_ID as a tree: who called whom, how long it took, and what went wrong.

    The id stands in `x-trace-id` of every answer, in every error, and in `graphwarden runs`.
    """
    from graphwarden.cli.traces import show_trace

    if not re.fullmatch("[0-9A-Fa-f]{32}", trace_id):
        raise click.UsageError("TRACE_ID has 32 hex digits: `graphwarden runs` lists them")
    sys.exit(show_trace(url, trace_id, output, api_key))


@cli.command()
@folder_argument
@output_option
def validate(directory: Path, output: str) -> None:
    """Check the manifests of DIRECTORY; every mistake with its file, line and remedy."""
    from graphwarden.cli.reading import validate_folder

    sys.exit(validate_folder(directory, output))


@cli.command(context_settings={"ignore_unknown_options": True})
@folder_argument
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def render(directory: Path, options: tuple[str, ...]) -> None:
    """Print the Kubernetes objects that the operator would apply for DIRECTORY.

    OPTIONS are the operator's own, for example --pool-defaults FILE.
    """
    if importlib.util.find_spec("kopf") is None:
        click.echo(
            "render uses the operator's planner, which is not installed: "
            "pip install 'graphwarden[operator]'",
            err=True,
        )
        sys.exit(USAGE)
    command = [sys.executable, "-m", "graphwarden.control", "render", "--manifests"]
    done = subprocess.run([*command, str(directory), *options], check=False)  # noqa: S603
    sys.exit(done.returncode)


@cli.command()
@click.argument("name")
@click.option("--allow", multiple=True, help="Assistant that it may run; * and ? count.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def key(name: str, allow: tuple[str, ...], as_json: bool) -> None:
    """Make an API key called NAME for the router.

    Prints the key, which is kept nowhere, and the file that lets it in: put it into the folder
    of --keys, or as the entry NAME into the Secret of the chart.
    """
    from graphwarden.router.access import make_key, render_key

    made = make_key()
    text = render_key(made, allow)
    if as_json:
        click.echo(json.dumps({"name": name, "key": made, "file": text}))
        return
    click.echo(f"key:  {made}")
    click.echo(f"file {name}:")
    click.echo(text, nl=False)


@cli.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the configuration; Envoy is started with bootstrap.json in it.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the Envoy.")
@click.option("--port", default=8123, show_default=True, type=click.IntRange(1, 65535))
@click.option("--admin-port", default=0, type=click.IntRange(0, 65535), help="Of its admin pages.")
@click.option("--follow", is_flag=True, help="Stay, and write anew whenever TABLE is replaced.")
def envoy(table: Path, out: Path, host: str, port: int, admin_port: int, follow: bool) -> None:
    """Write the route table of the file TABLE as a configuration for Envoy."""
    from graphwarden.cli.envoy import run_envoy
    from graphwarden.twin.render import Place

    place = Place(str(out.resolve()), host=host, port=port, admin_port=admin_port)
    sys.exit(run_envoy(table, place, follow=follow))


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(importlib.metadata.version("graphwarden"))


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    For example: graphwarden completion bash >> ~/.bashrc
    """
    shell_class = get_completion_class(shell)
    if shell_class is None:
        sys.exit(FAILED)
    click.echo(shell_class(cli, {}, "graphwarden", "_GRAPHWARDEN_COMPLETE").source())


cli.add_command(import_command)
cli.add_command(export_command)
