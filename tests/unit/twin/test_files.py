"""The files of an Envoy configuration on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable
from graphwarden.twin.files import render_file, write_files
from graphwarden.twin.render import Place


def write_table(path: Path, *pools: str, generation: int = 1, timeout: float = 900) -> None:
    table = RouteTable(
        generation=generation,
        pools={name: PoolRoute(endpoints=["127.0.0.1:1"]) for name in pools},
        assistants={"x": AssistantRoute(pool=pools[0], timeout_seconds=timeout)},
    )
    path.write_text(table.model_dump_json())


def test_a_second_time_nothing_is_written(tmp_path: Path) -> None:
    table, place = tmp_path / "table.json", Place(str(tmp_path / "envoy"))
    write_table(table, "a")
    assert len(render_file(table, place)) == 5
    write_table(table, "a", generation=2)
    assert render_file(table, place) == []


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    table, place = tmp_path / "table.json", Place(str(tmp_path / "envoy"))
    write_table(table, "a")
    render_file(table, place)
    write_table(table, "a", generation=2, timeout=1000)
    assert render_file(table, place) == ["routes.json"]
    assert json.loads((tmp_path / "envoy/routes.json").read_text())["version_info"] == "2"


def test_the_workers_of_a_pool_that_is_gone_are_removed(tmp_path: Path) -> None:
    table, place = tmp_path / "table.json", Place(str(tmp_path / "envoy"))
    write_table(table, "a", "b")
    render_file(table, place)
    write_table(table, "a")
    render_file(table, place)
    assert [path.name for path in (tmp_path / "envoy").glob("endpoints-*")] == ["endpoints-a.json"]


def test_a_file_is_replaced_by_renaming(tmp_path: Path) -> None:
    write_files(tmp_path, {"one.json": {"a": 1}})
    held = (tmp_path / "one.json").open()
    write_files(tmp_path, {"one.json": {"a": 2}})
    with held:
        assert json.load(held) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]


def test_a_file_that_somebody_broke_is_mended(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("{")
    assert write_files(tmp_path, {"one.json": {"a": 1}}) == ["one.json"]


def test_what_is_no_table_changes_nothing(tmp_path: Path) -> None:
    table, place = tmp_path / "table.json", Place(str(tmp_path / "envoy"))
    table.write_text('{"pools": 3}')
    with pytest.raises(ValidationError):
        render_file(table, place)
    assert not (tmp_path / "envoy").exists()
