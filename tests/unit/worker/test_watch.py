"""The registry file."""

from __future__ import annotations

from pathlib import Path

from graphwarden.worker.watch import RegistryFile


def write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)


GOOD = '{"version": 1, "capability": "email", "graphs": []}'


def test_a_file_is_read_once_per_change(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    write(path, GOOD)
    file = RegistryFile(path)
    assert file.read_if_changed() is not None
    assert file.read_if_changed() is None
    write(path, GOOD)
    assert file.read_if_changed() is not None


def test_a_broken_file_is_a_problem_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    write(path, '{"version": 1, "graphs": [{}]}')
    file = RegistryFile(path)
    assert file.read_if_changed() is None
    assert file.problem == "the registry is not valid at capability: Field required"
    write(path, GOOD)
    assert file.read_if_changed() is not None
    assert file.problem is None


def test_a_missing_file_is_a_problem_until_it_appears(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    file = RegistryFile(path)
    assert file.read_if_changed() is None
    assert file.problem is not None
    assert "No such file" in file.problem
    write(path, GOOD)
    assert file.read_if_changed() is not None
