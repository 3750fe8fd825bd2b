"""Prompts: Jinja text beside each graph, rendered in a sandbox, nothing left unresolved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)


@lru_cache(maxsize=64)
def load_prompt(package_file: str) -> str:
    """The text of `prompt.md` in the folder of `package_file` (a module's `__file__`)."""
    return (Path(package_file).parent / "prompt.md").read_text(encoding="utf-8")


def make_prompt_version(template: str) -> str:
    """Twelve hex digits naming the text of a template, so that an answer names its prompt."""
    return hashlib.sha256(template.encode()).hexdigest()[:12]


def render_prompt(template: str, variables: Mapping[str, Any]) -> str:
    """`template` with `variables` filled in.

    Raises ValueError when the template is malformed, names a variable that does not exist, or
    reaches for something the sandbox forbids: a prompt may come from a ConfigMap.
    """
    try:
        return _ENVIRONMENT.from_string(template).render(variables)
    except TemplateError as error:
        raise ValueError(f"The prompt cannot be rendered: {error}") from error
