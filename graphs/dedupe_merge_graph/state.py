"""What dedupe_merge takes, keeps and gives."""

from typing import Literal

from typing_extensions import TypedDict


class Decision(TypedDict):
    """What a person says of a pair."""

    left_id: str
    right_id: str
    same: bool


class DedupeInput(TypedDict, total=False):
    """`ids`: look only for duplicates of these rows, at most 1000; all rows without it.

    `decisions` are noted first, at most 1000: a pair that is the same is merged, one that is not
    is never proposed again. `now` (ISO 8601) stands in for the clock.
    """

    entity: Literal["contact", "company"]
    ids: list[str]
    decisions: list[Decision]
    now: str


class ReviewPair(TypedDict):
    """Two rows that may be one; `score` is 0 to 1."""

    left_id: str
    right_id: str
    score: float
    reason: str


class MergedPair(TypedDict):
    """The row that stays, and the one that stands for it from now on."""

    kept_id: str
    merged_id: str


class DedupeOutput(TypedDict, total=False):
    """`merged` counts; `pairs` are the first 200 of them. `review_pairs` are at most 200 that wait

    for a decision, the likeliest first, of `open_reviews`. `busy` pairs had a mail under way, and
    are merged the next time. `skipped_keys`: so many rows shared them that they tell nothing.
    """

    merged: int
    pairs: list[MergedPair]
    review_pairs: list[ReviewPair]
    open_reviews: int
    busy: int
    skipped_keys: int


class DedupeState(DedupeInput, DedupeOutput, total=False):
    """Input and output together."""
