from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from graphwarden.cli.plugin.commands import cli
from graphwarden.cli.plugin.completion import complete_words


def call(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, arguments, env=environment)


@pytest.mark.parametrize("command", [None, *sorted(cli.commands)])
def test_every_command_has_help(command: str | None) -> None:
    done = call(*([command] if command else []), "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_completion_script(shell: str) -> None:
    done = call("completion", shell)
    assert (done.exit_code, "_KUBECTL_GRAPHS_COMPLETE" in done.output) == (0, True)


@pytest.mark.parametrize("text", ["{broken", "@missing.json"])
def test_input_that_is_no_json_is_a_usage_error(text: str) -> None:
    assert call("run", "a", "--input", text).exit_code == 2


def test_without_kubectl_the_plugin_says_that_it_needs_it() -> None:
    done = call("status", PATH="/nowhere")
    assert (done.exit_code, "kubectl is not on the PATH" in done.output) == (2, True)


def test_kubectl_is_told_the_words_and_that_no_file_may_follow(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complete_words(["status", "--out"])
    assert capsys.readouterr().out.splitlines()[-1] == ":4"
    complete_words(["completion", ""])
    assert capsys.readouterr().out == "bash\nzsh\nfish\n:4\n"


def test_the_plugin_loads_no_kubernetes_client_and_no_graph() -> None:
    code = (
        "import sys, graphwarden.cli.plugin.commands, graphwarden.cli.plugin.looking;"
        "print([m for m in ('kubernetes', 'kopf', 'langgraph', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
