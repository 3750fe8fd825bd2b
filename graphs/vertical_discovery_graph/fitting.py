"""Whether a company belongs to a vertical, by the first page of its site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from graphs.sales.prompts import load_prompt
from graphs.sales.tasks import Task
from graphs.sales.web import Page
from graphs.vertical_discovery_graph.definitions import Vertical

_MOST_TEXT = 6000


class Fit(BaseModel):
    """The answer of the task. `signs` are words of the page that decided."""

    fits: bool
    confidence: float = Field(ge=0, le=1)
    signs: list[str] = Field(max_length=20)
    reason: str = Field(max_length=300)


def fit_by_rules(variables: Mapping[str, Any]) -> Fit:
    """Count the words of the trade that the page has."""
    page = variables["page"].lower()
    signs = _find(variables["signs"], page)
    against = _find(variables["against"], page)
    if against:
        return Fit(
            fits=False, confidence=0.8, signs=against[:20], reason=f"It says {against[0]!r}."
        )
    least = variables["least"]
    fits = len(signs) >= least
    few = f"It has {len(signs)} of the words of the trade, and {least} are asked for."
    return Fit(
        fits=fits,
        confidence=min(0.95, 0.4 + 0.15 * len(signs)) if fits else 0.6,
        signs=signs[:20],
        reason=f"It says {', '.join(signs[:5])}." if fits else few,
    )


def check_signs(fit: Fit, variables: Mapping[str, Any]) -> list[str]:
    """What is quoted from the page is on it."""
    page = " ".join(variables["page"].lower().split())
    return [
        f"The page does not say {sign!r}."
        for sign in fit.signs
        if " ".join(sign.lower().split()) not in page
    ]


def make_variables(vertical: Vertical, page: Page) -> dict[str, Any]:
    """What the task is given."""
    said = [page.title, page.description, *page.headings, page.text]
    return {
        "vertical": vertical.name,
        "signs": list(vertical.signs),
        "against": list(vertical.against),
        "least": vertical.least,
        "page": "\n".join(filter(None, said))[:_MOST_TEXT],
    }


def _find(words: list[str], text: str) -> list[str]:
    """The words that a text has, at the start of a word of it; `pick` is not in `spick`."""
    return [each for each in words if re.search(rf"(?<!\w){re.escape(each.lower())}", text)]


TASK = Task(
    name="vertical_fit",
    version="1",
    schema=Fit,
    prompt=load_prompt(__file__),
    rules=fit_by_rules,
    checks=(check_signs,),
    untrusted=frozenset({"page"}),
)
