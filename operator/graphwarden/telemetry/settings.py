"""What is to be done with spans: read once from the environment, by OpenTelemetry's own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_KEPT_BYTES = 32 * 2**20
_MOST_KEPT = 100_000
_TRACES_PATH = "/v1/traces"
_SAMPLERS = {
    "always_on": 1.0,
    "always_off": 0.0,
    "parentbased_always_on": 1.0,
    "parentbased_always_off": 0.0,
}
_BY_RATIO = ("parentbased_traceidratio", "traceidratio")
# In a cluster, names without a dot and names below `svc` are Services.
_CLUSTER_HOSTS = (".svc", ".cluster.local", "localhost", "127.0.0.1", "::1")


class TracingSettingsError(ValueError):
    """A variable that cannot be used, as a sentence for whoever set it."""


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """Whether spans are made, and where they go. Sizes in bytes."""

    # Where OTLP/HTTP is spoken, with the path of traces; None: spans are sent nowhere.
    endpoint: str | None = None
    # Of the traces that begin here, this part is sampled; others follow their caller.
    ratio: float = 1.0
    # How many traces this process itself keeps to be looked at; 0: none.
    kept_traces: int = 0
    kept_bytes: int = _KEPT_BYTES
    # Hosts that are told of a trace. An entry that begins with a dot stands for all names below it.
    hosts: tuple[str, ...] = _CLUSTER_HOSTS
    # Whether what nodes are given and what they give stands in their spans.
    content: bool = False

    @property
    def is_on(self) -> bool:
        """Whether any span is made."""
        return self.endpoint is not None or self.kept_traces > 0

    def is_ours(self, host: str) -> bool:
        """Whether a host may be told of a trace: never a model's vendor, never a site."""
        name = host.lower().rstrip(".")
        if name and "." not in name and ":" not in name and self.hosts == _CLUSTER_HOSTS:
            return True
        return any(name.endswith(one) if one.startswith(".") else name == one for one in self.hosts)


def parse_tracing(environ: Mapping[str, str]) -> TracingSettings:
    """The settings.

    Raises:
        TracingSettingsError: a value cannot be used.
    """
    content = environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").upper()
    hosts = tuple(h.strip().lower() for h in environ.get("GRAPHWARDEN_TRACE_HOSTS", "").split(","))
    return TracingSettings(
        endpoint=_read_endpoint(environ),
        ratio=_read_ratio(environ),
        kept_traces=_read_count(environ, "GRAPHWARDEN_TRACES_KEPT", 0, _MOST_KEPT),
        kept_bytes=_read_count(environ, "GRAPHWARDEN_TRACES_KEPT_BYTES", _KEPT_BYTES, 2**34),
        hosts=tuple(h for h in hosts if h) or _CLUSTER_HOSTS,
        content=content in ("SPAN_ONLY", "SPAN_AND_EVENT"),
    )


def _read_endpoint(environ: Mapping[str, str]) -> str | None:
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or environ.get("OTEL_TRACES_EXPORTER", "").lower() == "none":
        return None
    whole = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    found = whole or (base.rstrip("/") + _TRACES_PATH if base else "")
    if not found:
        return None
    if not found.startswith(("http://", "https://")):
        raise TracingSettingsError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is {found!r}: write http:// or https:// before it"
        )
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    if protocol != "http/protobuf":
        raise TracingSettingsError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: only http/protobuf is spoken here; "
            "collectors take it on port 4318"
        )
    return found


def _read_ratio(environ: Mapping[str, str]) -> float:
    sampler = environ.get("OTEL_TRACES_SAMPLER", _BY_RATIO[0]).strip().lower()
    if sampler in _SAMPLERS:
        return _SAMPLERS[sampler]
    if sampler not in _BY_RATIO:
        known = ", ".join((*_SAMPLERS, *_BY_RATIO))
        raise TracingSettingsError(f"OTEL_TRACES_SAMPLER is {sampler!r}: use one of {known}")
    text = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1"
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise TracingSettingsError(
            f"OTEL_TRACES_SAMPLER_ARG is {text!r}: give the part of traces to sample, 0 to 1"
        )
    return ratio


def _read_count(environ: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise TracingSettingsError(f"{name} is {text!r}: give a whole number from 0 to {most}")
    return int(text)
