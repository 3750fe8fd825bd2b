from __future__ import annotations

import pytest

from graphwarden.telemetry.settings import TracingSettings, TracingSettingsError, parse_tracing
from graphwarden.telemetry.tracing import start_tracing


def test_nothing_is_traced_unless_it_is_wanted() -> None:
    assert not parse_tracing({}).is_on
    assert start_tracing(parse_tracing({}), "tests") is None


def test_a_base_address_gets_the_path_of_traces_and_a_whole_one_is_taken_as_it_is() -> None:
    base = parse_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"})
    whole = parse_tracing({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/otlp/x"})
    assert base.endpoint == "http://collector:4318/v1/traces"
    assert whole.endpoint == "https://c/otlp/x"


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_what_opentelemetry_says_of_off_is_off(off: dict[str, str]) -> None:
    assert not parse_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", **off}).is_on


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "http://"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "4318",
        ),
        ({"OTEL_TRACES_SAMPLER_ARG": "10%"}, "0 to 1"),
        ({"OTEL_TRACES_SAMPLER": "magic"}, "parentbased_traceidratio"),
        ({"GRAPHWARDEN_TRACES_KEPT": "-1"}, "whole number"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_what_to_do(
    variables: dict[str, str], words: str
) -> None:
    with pytest.raises(TracingSettingsError, match=words):
        parse_tracing(variables)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("graphwarden-router", True),
        ("graphwarden-router.sales.svc", True),
        ("graphwarden-router.sales.svc.cluster.local", True),
        ("graphwarden-router.sales.svc.cluster.local.", True),
        ("127.0.0.1", True),
        ("localhost", True),
        ("api.openai.com", False),
        ("example.svc.evil.com", False),
        ("10.0.0.7", False),
        ("", False),
    ],
)
def test_only_hosts_of_the_cluster_are_told_of_a_trace(host: str, ours: bool) -> None:
    assert TracingSettings().is_ours(host) is ours


def test_named_hosts_take_the_place_of_the_default() -> None:
    settings = parse_tracing({"GRAPHWARDEN_TRACE_HOSTS": "tools.example, .corp.example"})
    assert settings.is_ours("tools.example")
    assert settings.is_ours("a.corp.example")
    assert not settings.is_ours("graphwarden-router")
    assert not settings.is_ours("corp.example")
