"""Spans by OpenTelemetry, for the programs that make them: none where nobody wants any.

OpenTelemetry is imported when tracing starts, and only then: a program whose spans go nowhere and
are not kept pays nothing for them, and needs no such package.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from graphwarden.telemetry.settings import TracingSettings

if TYPE_CHECKING:
    from graphwarden.telemetry.pipeline import Tracing

logger = logging.getLogger(__name__)


def start_tracing(settings: TracingSettings, service: str, capability: str = "") -> Tracing | None:
    """What makes spans in this process, or None where none are wanted.

    Args:
        settings: where they go.
        service: the program, as OpenTelemetry's `service.name`.
        capability: of the worker's pool.
    """
    if not settings.is_on:
        return None
    try:
        from graphwarden.telemetry.pipeline import make_tracing
    except ImportError as error:
        logger.error(
            "no spans are made: %s is not installed; install graphwarden[tracing]", error.name
        )
        return None
    return make_tracing(settings, service, capability)
