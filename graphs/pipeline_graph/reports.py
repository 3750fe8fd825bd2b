"""What each stage of a pipeline did. Pure; parallel steps add theirs up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import TypedDict

STAGES = ("discover", "enrich", "verify", "score", "start")
MOST_FAILURES = 200


class Report(TypedDict):
    """``processed``: what the stage looked at; ``created``: what is there because of it.

    discover: companies, and those that are new. enrich: companies, and contacts that are new.
    verify: contacts, and those whose address takes mail. score: contacts, and those chosen.
    start: contacts, and campaigns that began. ``errors`` are in ``failures``, each with its reason.
    """

    processed: int
    created: int
    errors: int


class Failure(TypedDict):
    """What went wrong with one item; ``item`` is an id, or what the caller sent."""

    stage: str
    item: str
    reason: str


Reports = dict[str, Report]


def make_report(processed: int = 0, created: int = 0, errors: int = 0) -> Report:
    """A report of numbers."""
    return Report(processed=processed, created=created, errors=errors)


def make_failure(stage: str, item: str, reason: object) -> Failure:
    """A failure, short enough to be kept."""
    return Failure(stage=stage, item=item[:200], reason=str(reason)[:300])


def add_reports(left: Mapping[str, Report], right: Mapping[str, Report]) -> Reports:
    """Reports of the same stage as one, in the order of the stages."""
    empty = make_report()
    added: Reports = {}
    for stage in (stage for stage in STAGES if stage in left or stage in right):
        one, other = left.get(stage, empty), right.get(stage, empty)
        added[stage] = make_report(
            one["processed"] + other["processed"],
            one["created"] + other["created"],
            one["errors"] + other["errors"],
        )
    return added


def add_failures(left: Sequence[Failure], right: Sequence[Failure]) -> list[Failure]:
    """The first ones; the reports count all."""
    return [*left, *right][:MOST_FAILURES]
