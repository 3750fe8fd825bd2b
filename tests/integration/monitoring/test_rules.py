"""The chart's alerts, as Prometheus itself judges them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promtool import find_promtool

pytestmark = pytest.mark.integration

RULES = Path(__file__).parents[3] / "charts/graphwarden/rules/graphwarden.yaml"
CASES = Path(__file__).with_name("rules.yaml")


@pytest.fixture(scope="module")
def promtool() -> str:
    program = find_promtool()
    if program is None:
        pytest.skip("no promtool: install Debian's prometheus, or let apt-get download it")
    return program


def test_prometheus_finds_nothing_wrong_with_the_rules(promtool: str) -> None:
    done = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "SUCCESS" in done.stdout


def test_alerts_fire_when_they_should_and_only_then(promtool: str, tmp_path: Path) -> None:
    cases = tmp_path / "cases.yaml"
    cases.write_text(CASES.read_text().replace("RULES", str(RULES)))
    done = subprocess.run([promtool, "test", "rules", str(cases)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
