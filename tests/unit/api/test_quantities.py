from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.api.quantities import parse_bytes, parse_duration, parse_quantity, render_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("500ms", 0.5), ("0s", 0)]
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "15 m", "1.5h", "-3s", "1d"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example 90s"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**6))
def test_rendering_a_duration_loses_nothing(seconds: int) -> None:
    assert parse_duration(render_duration(seconds)) == seconds


@pytest.mark.parametrize(("text", "count"), [("64Mi", 67108864), ("1k", 1000), ("12", 12)])
def test_a_byte_count_is_read_in_bytes(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "64MB", "-1", "1.5Gi"])
def test_what_is_no_byte_count_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example 64Mi"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", Decimal("0.25")),
        ("1Gi", Decimal(2**30)),
        ("1.5Gi", Decimal(3 * 2**29)),
        ("1e3", Decimal(1000)),
        ("1E", Decimal(10**18)),
        ("1Ei", Decimal(2**60)),
        (".5", Decimal("0.5")),
        (2, Decimal(2)),
        (0.5, Decimal("0.5")),
        ("100n", Decimal("1e-7")),
        ("1x", None),
        ("1e99999999", None),
        ("", None),
        (True, None),
    ],
)
def test_quantities_are_read_as_the_api_machinery_reads_them(
    text: object, value: Decimal | None
) -> None:
    assert parse_quantity(text) == value
