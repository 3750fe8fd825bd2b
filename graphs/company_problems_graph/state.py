"""What company_problems takes, keeps and gives."""

from typing_extensions import TypedDict

from graphs.sales.tasks import Provenance


class ProblemsInput(TypedDict, total=False):
    """`company_id` of the database; `product_id` says what the problems should be good for.

    `max_pages` of the site are read, 1 to 20, 8 by default. `now` (ISO 8601) stands in for the
    clock.
    """

    company_id: str
    product_id: str
    max_pages: int
    now: str


class FoundProblem(TypedDict):
    """`evidence` is quoted from the page `source`; `angle` says how to bring it up."""

    problem: str
    evidence: str
    angle: str
    source: str
    confidence: float


class ProblemsOutput(TypedDict, total=False):
    """The surest first. `unread` says why the site could not be read; `dropped` counts answers

    whose evidence stands in no page.
    """

    problems: list[FoundProblem]
    sources: list[str]
    unread: str | None
    dropped: int
    provenance: Provenance | None


class ProblemsState(ProblemsInput, ProblemsOutput, total=False):
    """Input and output together."""
