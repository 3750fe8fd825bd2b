from __future__ import annotations

import pytest

from graphwarden.local.up import make_router_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8123"),
        ("0.0.0.0", "http://127.0.0.1:8123"),
        ("::", "http://[::1]:8123"),
        ("fd00::7", "http://[fd00::7]:8123"),
        ("graphs.internal", "http://graphs.internal:8123"),
    ],
)
def test_workers_are_told_an_address_at_which_they_find_the_router(host: str, url: str) -> None:
    assert make_router_url(host, 8123) == url
