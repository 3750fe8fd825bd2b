"""`graphwarden envoy`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from graphwarden.api.table import RouteTable
from graphwarden.cli.commands import cli


def test_the_command_writes_a_configuration_and_says_what_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(RouteTable().model_dump_json())
    out = tmp_path / "out"
    called = CliRunner().invoke(cli, ["envoy", str(tmp_path / "table.json"), "--out", str(out)])
    assert called.exit_code == 0
    assert "wrote bootstrap.json" in called.output
    assert (out / "bootstrap.json").exists()


def test_what_is_no_table_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text('{"pools": 3}')
    out = tmp_path / "out"
    called = CliRunner().invoke(cli, ["envoy", str(tmp_path / "table.json"), "--out", str(out)])
    assert called.exit_code == 1
    assert "is no route table: pools: " in called.output
