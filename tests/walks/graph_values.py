"""What no schema says of a GraphSpec's fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from walks.hand import ALL_CHILDREN, Hand

_REGISTRY: Final = ("ConfigMap",)
_EXISTING: Final = [{"configMapRef": {"name": "prompts"}}]

GRAPH: Final[Mapping[str, Hand]] = {
    "assistantID": Hand(refused={"another": "another-name", "empty": ""}),
    "capability": Hand(good={"moved": "walk-moved", "longest": "m" * 40}, shows=ALL_CHILDREN),
    "module": Hand(
        good={"changed": "graphs.other", "longest": "m." * 126 + "m", "one letter": "m"},
        shows=_REGISTRY,
    ),
    "builderAttr": Hand(good={"changed": "make", "longest": "_" * 128}, shows=_REGISTRY),
    "compiledAttr": Hand(good={"changed": "app", "longest": "_" * 128}, shows=_REGISTRY),
    "precompiled": Hand(shows=_REGISTRY),
    "resumable": Hand(shows=_REGISTRY),
    "context": Hand(
        good={
            "changed": {"tone": "friendly"},
            "deep": {"a": {"b": {"c": [1, 2.5, None, True, {"d": "e"}]}}},
            "many languages": {"größe": "日本語 🌍 \u202e"},
            "long": {"prompt": "x" * 100_000},
            "numbers": {"large": 2**53 + 1, "small": -1, "real": 1e-9},
            "strange keys": {"": 1, " ": 2, "a.b/c~d": 3},
        },
        bad={"too long for a ConfigMap": {"prompt": "x" * 1_048_577}},
        shows=_REGISTRY,
        word="ConfigMap",
    ),
    "contextFrom": Hand(
        good={"changed": _EXISTING, "sixteen times": _EXISTING * 16},
        bad={"missing": [{"configMapRef": {"name": "missing"}}]},
        shows=_REGISTRY,
    ),
    "contextFrom.0.configMapRef": Hand(
        good={"optional": {"name": "missing", "optional": True}},
        shows=_REGISTRY,
        base={"contextFrom": _EXISTING},
    ),
    "contextFrom.0.configMapRef.name": Hand(
        good={"changed": "more-prompts"},
        bad={
            "longest": "x" * 253,
            "unicode": "zürich-日本",
            "a path": "../secrets/x",
            "a query": "a?watch=true&x=%2f",
        },
        shows=_REGISTRY,
        base={"contextFrom": _EXISTING},
        word="contextFrom",
    ),
    "contextFrom.0.configMapRef.optional": Hand(base={"contextFrom": _EXISTING}),
    "run.timeout": Hand(
        good={"changed": "20m", "least": "1s", "most": "24h", "parts": "1h2m3s4ms"},
        refused={"none": "0s", "below": "999ms", "above": "24h1ms", "world": "9" * 15 + "h"},
        shows=_REGISTRY,
    ),
    "run.recursionLimit": Hand(shows=_REGISTRY),
    "run.maxConcurrencyPerReplica": Hand(shows=_REGISTRY),
    "run.priority": Hand(shows=_REGISTRY),
    "run.retry": Hand(shows=_REGISTRY, base={"resumable": True}),
    "page.methods": Hand(
        good={"one": ["POST"], "both": ["POST", "GET"]},
        refused={"none": [], "another": ["PUT"], "three": ["GET", "POST", "GET"]},
        shows=_REGISTRY,
    ),
    "suspend": Hand(bad={"on": True}, shows=_REGISTRY, word="suspended"),
}
