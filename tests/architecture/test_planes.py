"""What import-linter cannot see: third-party packages behind the planes, and loading for real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
HEAVY = re.compile(
    r"^(langgraph|langchain|langsmith|openai|psycopg|asyncpg|aiosqlite|sqlalchemy|alembic)"
)


def packages_of(extra: str) -> set[str]:
    uv = str(UV) if UV.exists() else "uv"
    command = [uv, "export", "--frozen", "--no-dev", "--no-hashes", "--no-header"]
    out = subprocess.run(
        [*command, "--extra", extra], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return {line.split("==")[0].strip() for line in out.splitlines() if "==" in line}


def modules_loaded_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", program, "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "usage" in done.stdout.lower()
    return {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}


@pytest.mark.parametrize("extra", ["operator", "router"])
def test_no_model_graph_or_database_package_is_behind(extra: str) -> None:
    packages = packages_of(extra)
    assert "prometheus-client" in packages
    assert not {name for name in packages if HEAVY.match(name)}


@pytest.mark.parametrize("program", ["graphwarden.control", "graphwarden.router"])
def test_asking_for_help_loads_no_model_graph_or_database_package(program: str) -> None:
    modules = modules_loaded_by(program)
    assert "argparse" in modules
    assert not {name for name in modules if HEAVY.match(name)}


def test_the_worker_has_neither_kopf_nor_the_kubernetes_client() -> None:
    assert not packages_of("worker") & {"kopf", "kubernetes"}


def test_the_source_root_called_operator_is_no_package() -> None:
    # It would shadow the standard library's `operator` module.
    assert not (ROOT / "operator" / "__init__.py").exists()
