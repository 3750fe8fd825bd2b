"""Settings from options, environment and files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphwarden.control.settings import SettingsError, parse_command_line, parse_settings


def test_the_environment_is_read_where_no_option_is_given() -> None:
    environ = {"GRAPHWARDEN_NAMESPACES": "a, b,", "GRAPHWARDEN_HEALTH_PORT": "9"}
    settings = parse_settings(parse_command_line(["--health-port", "10"]), environ)
    assert settings.namespaces == ("a", "b")
    assert settings.health_port == 10
    assert settings.metrics_port == 8080


def test_the_lists_of_what_is_allowed_become_the_policy() -> None:
    environ = {
        "GRAPHWARDEN_ALLOWED_MODULES": "graphs.",
        "GRAPHWARDEN_ALLOWED_REGISTRIES": "registry.example/",
    }
    policy = parse_settings(parse_command_line([]), environ).policy
    assert policy.allowed_modules == ("graphs.",)
    assert policy.allowed_registries == ("registry.example/",)


def test_pool_defaults_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "defaults.yaml"
    path.write_text("worker: {image: 'i:1'}\nscaling: {maxReplicas: 3}\n")
    settings = parse_settings(parse_command_line(["--pool-defaults", str(path)]), {})
    assert settings.defaults.worker.image == "i:1"
    assert settings.defaults.scaling.max_replicas == 3


@pytest.mark.parametrize("text", ["worker: {imge: x}", "scaling: {maxReplicas: 0}", "a: [", "- 1"])
def test_defaults_with_a_mistake_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "defaults.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="pool defaults"):
        parse_settings(parse_command_line(["--pool-defaults", str(path)]), {})


@pytest.mark.parametrize("port", ["x", "-1", "70000", "1.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(SettingsError, match="health-port"):
        parse_settings(parse_command_line([]), {"GRAPHWARDEN_HEALTH_PORT": port})


def test_help_loads_neither_kopf_nor_the_client() -> None:
    code = (
        "import sys\n"
        "from graphwarden.control.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'kopf', 'kubernetes', 'aiohttp'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
