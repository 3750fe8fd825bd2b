"""Where webhooks may go."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from graphwarden.worker.egress import Allowed, BlockedHost, check_url, parse_allowed
from graphwarden.worker.webhooks import plan_pause

PUBLIC = "93.184.215.14"


def resolving(*addresses: str):  # type: ignore[no-untyped-def]
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.com/hook?x=1", "example.com", "/hook?x=1"),
        ("http://example.com:8080", "example.com:8080", "/"),
        ("https://EXAMPLE.com:443/", "example.com", "/"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example", "/"),
        ("https://example.com/a b\x01?c=\u00e4", "example.com", "/a%20b%01?c=%C3%A4"),
        ("https://example.com/%2F?a=%26", "example.com", "/%2F?a=%26"),
    ],
)
async def test_a_public_host_is_called_at_the_address_that_was_checked(
    url: str, authority: str, path: str
) -> None:
    target = await check_url(url, Allowed(), resolving(PUBLIC))
    assert (target.address, target.authority, target.path) == (PUBLIC, authority, path)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.3.4", "private"),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fd00::1", "private"),
        ("fd00:ec2::254", "private"),
        ("fec0::1", "site-local"),
        ("::127.0.0.1", "reserved"),
        ("64:ff9b:1::a00:1", "reserved"),
        ("2001::1", "translated"),
        ("100.100.100.200", "non-public"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("2002:7f00:1::", "loopback"),
        ("64:ff9b::7f00:1", "translated"),
        ("0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("100.64.0.1", "non-public"),
        ("240.0.0.1", "private"),
    ],
)
async def test_an_address_inside_is_not_called(address: str, reason: str) -> None:
    with pytest.raises(BlockedHost, match=rf"^Webhook host blocked: {reason} IP range$"):
        await check_url("http://inner.example/", Allowed(), resolving(address))


async def test_one_inner_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(BlockedHost):
        await check_url("http://mixed.example/", Allowed(), resolving(PUBLIC, "127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("notaurl", "Invalid webhook hostname ''"),
        ("http://", "Invalid webhook hostname ''"),
        ("ftp://example.com/", "scheme"),
        ("file:///etc/passwd", "hostname"),
        ("http://user:secret@example.com/", "password"),
        ("http://example.com:99999/", "Invalid webhook URL"),
        ("http://[::1/", "Invalid webhook URL"),
        ("http://a..b/", "Invalid webhook hostname 'a..b'"),
        ("http://example.com/\ud800", "Invalid webhook URL"),
    ],
)
async def test_what_is_no_url_of_a_webhook_is_refused(url: str, words: str) -> None:
    with pytest.raises(BlockedHost, match=words):
        await check_url(url, Allowed(), resolving(PUBLIC))


async def test_a_name_that_is_bound_anew_is_not_called_at_its_new_address() -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    first = await check_url("http://rebound.example/", Allowed(), rebinding)
    with pytest.raises(BlockedHost, match="loopback"):
        await check_url("http://rebound.example/", Allowed(), rebinding)
    assert (first.host, first.address) == ("rebound.example", PUBLIC)


async def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(BlockedHost, match="cannot be resolved"):
        await check_url("http://nobody.example/", Allowed(), resolving())


@pytest.mark.parametrize("text", ["inner.example", "10.0.0.0/8", "x.example, 10.0.0.1"])
async def test_what_is_allowed_by_name_or_network_is_called(text: str) -> None:
    allowed = parse_allowed(text)
    target = await check_url("http://inner.example/", allowed, resolving("10.0.0.1"))
    assert target.address == "10.0.0.1"


def test_pauses_grow_and_end() -> None:
    pauses = [plan_pause(attempts, chance=1.0) for attempts in range(1, 13)]
    seconds = [pause.total_seconds() for pause in pauses if pause is not None]
    assert seconds[:3] == [2, 4, 8]
    assert seconds == sorted(seconds)
    assert pauses[-1] is None
    assert 3000 < sum(seconds) < 5400
