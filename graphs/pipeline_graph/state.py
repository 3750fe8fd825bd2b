"""What pipeline takes, keeps and gives."""

import operator
from typing import Annotated, Any, Literal

from typing_extensions import TypedDict

from graphs.pipeline_graph.reports import Failure, Report, add_failures, add_reports
from graphs.pipeline_graph.selection import Rank

Status = Literal["running", "needs_approval", "done", "refused", "failed"]


class PipelineInput(TypedDict, total=False):
    """One of ``seed_query``, ``domains`` and ``vertical_slug``; the thread is ``pipeline-<id>``.

    ``campaign_id`` is the campaign that the chosen contacts go into, by default one of the
    pipeline's own id, made with ``product_id`` and ``mailbox_id``. ``limits``: {companies,
    contacts_per_company, contacts, min_score}. ``auto_confirm`` starts campaigns without asking.
    """

    pipeline_id: str
    seed_query: str
    domains: list[str]
    vertical_slug: str
    geography: str
    size: str
    campaign_id: str
    product_id: str
    mailbox_id: str
    limits: dict[str, Any]
    auto_confirm: bool


class Chosen(TypedDict):
    """A contact that may be written to, without name and address."""

    contact_id: str
    company_id: str
    company: str
    title: str
    score: float | None
    tier: str
    fit: str


class PipelineOutput(TypedDict, total=False):
    """``reports`` by stage, ``left_out`` by reason; ``threads`` are those of the campaigns."""

    status: Status
    reason: str | None
    campaign_id: str
    reports: Annotated[dict[str, Report], add_reports]
    failures: Annotated[list[Failure], add_failures]
    chosen: list[Chosen]
    left_out: dict[str, int]
    threads: list[str]


class PipelineState(PipelineInput, PipelineOutput, total=False):
    """``companies`` that discovery gave, the tier that each ``fits`` into, the ``ranks`` of their
    contacts by id, and the ``answer`` of whoever approved.
    """

    companies: list[str]
    fits: Annotated[dict[str, str], operator.or_]
    ranks: Annotated[dict[str, Rank], operator.or_]
    answer: dict[str, Any]


class One(TypedDict):
    """What a parallel step is about: a company, or a contact in its last stage."""

    pipeline_id: str
    campaign_id: str
    product_id: str
    company_id: str
    contact_id: str
