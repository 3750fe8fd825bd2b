from __future__ import annotations

import pytest

from graphwarden.router.settings import parse_settings


def test_every_option_can_come_from_the_environment() -> None:
    environ = {
        "GRAPHWARDEN_KUBERNETES": "true",
        "GRAPHWARDEN_NAMESPACE": "sales, mail",
        "GRAPHWARDEN_PORT": "9000",
        "GRAPHWARDEN_NO_ACCESS_LOG": "1",
        "GRAPHWARDEN_UNREADY_SECONDS": "0",
    }
    found = parse_settings([], environ)
    assert (found.namespaces, found.port, found.access_log) == (("sales", "mail"), 9000, False)
    assert (found.table, found.unready_seconds) == (None, 0)


def test_the_command_line_wins_over_the_environment() -> None:
    found = parse_settings(["--table=t.json", "--port=1"], {"GRAPHWARDEN_PORT": "2"})
    assert found.port == 1


def test_a_router_in_a_cluster_serves_on_until_load_balancers_have_noticed() -> None:
    assert parse_settings(["--kubernetes", "--all-namespaces"], {}).unready_seconds == 5
    assert parse_settings(["--table=t.json"], {}).unready_seconds == 0.2


@pytest.mark.parametrize(
    "arguments", [[], ["--kubernetes"], ["--table=t", "--kubernetes"], ["--table=t", "--port=x"]]
)
def test_a_command_line_that_makes_no_sense_ends_with_its_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse_settings(arguments, {})
