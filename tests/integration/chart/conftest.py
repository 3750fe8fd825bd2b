"""The tools of `go.mod` beside this file, built by Go where they are asked for first."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.kube import skip

_HERE = Path(__file__).parent
_SECONDS_FOR_A_COLD_BUILD = 1200

Tool = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(_SECONDS_FOR_A_COLD_BUILD))


@pytest.fixture(scope="session")
def tool() -> Tool:
    """Run helm-unittest, helm-docs or kubeconform in this folder; its end is not judged."""
    if shutil.which("go") is None:
        skip("no Go, which builds helm-unittest, helm-docs and kubeconform")

    def run(name: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = ["go", "tool", name, *arguments]
        return subprocess.run(
            command, cwd=_HERE, input=stdin, capture_output=True, text=True, check=False
        )

    return run
