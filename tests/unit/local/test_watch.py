from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from watchfiles import Change

from graphwarden.local.watch import Touched, Watcher, choose_roots, find_code, sort_changes


def test_of_the_app_folder_packages_and_the_graphs_own_folders_are_followed(tmp_path: Path) -> None:
    for name in ("graphs", "shared", "namespace", "data", ".venv"):
        (tmp_path / name).mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("")
    roots = choose_roots(tmp_path / "graphs", tmp_path, ["namespace.a", "installed.b"])
    assert roots == {tmp_path / "graphs", tmp_path / "shared", tmp_path / "namespace"}


def test_a_folder_in_a_followed_one_is_not_followed_twice(tmp_path: Path) -> None:
    for name in ("graphs", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    assert choose_roots(tmp_path, tmp_path, [], [tmp_path / "graphs"]) == {tmp_path}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("f/a/nodes.py", Touched(False, frozenset({"f/a/nodes.py"}))),
        ("f/a/new.py", Touched(False, added=frozenset({"f/a/new.py"}))),
        ("f/a/graphspec.yaml", Touched(True, added=frozenset({"f/a/graphspec.yaml"}))),
        ("f/new_folder", Touched(True, added=frozenset({"f/new_folder"}))),
    ],
)
def test_a_change_is_sorted_by_what_it_can_mean(path: str, wanted: Touched) -> None:
    assert sort_changes([path], frozenset({"f/a/nodes.py"})) == wanted


def test_code_and_prompts_are_found_and_caches_are_not(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    for name in ("a.py", "prompt.md", "graphspec.yaml", "__pycache__/b.py"):
        (tmp_path / name).write_text("")
    assert {Path(path).name for path in find_code([tmp_path])} == {"a.py", "prompt.md"}


async def test_a_system_that_cannot_watch_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("graphwarden.local.watch.awatch", refuse)
    said: list[str] = []
    await make_watcher(tmp_path).run(ignore, said.append)
    assert said == ["changes of files are no longer followed: OS file watch limit reached"]


async def test_what_goes_wrong_with_a_change_is_not_taken_for_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell_once(*_: object, **__: object) -> AsyncIterator[set[tuple[Change, str]]]:
        yield {(Change.added, "a.py")}

    async def fail(touched: Touched) -> None:
        raise OSError(f"no space left for {touched.added}")

    monkeypatch.setattr("graphwarden.local.watch.awatch", tell_once)
    with pytest.raises(ExceptionGroup) as caught:
        await make_watcher(tmp_path).run(fail, print)
    assert caught.group_contains(OSError, match="no space left")


def make_watcher(path: Path) -> Watcher:
    return Watcher(path, path, path / ".state", list)


async def ignore(touched: Touched) -> None:
    """Nothing follows from a change."""
