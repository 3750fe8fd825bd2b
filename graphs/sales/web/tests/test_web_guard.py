"""What may be connected to: by tables, and against name servers that lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import DnsServer, running_dns_server
from graphs.sales.dns import SERVERS
from graphs.sales.web import FetchFailed, InvalidWebSetting, open_web, read_web_settings
from graphs.sales.web.addresses import is_public
from graphs.sales.web.settings import ALLOW, CONNECT_TO, GAP, USER_AGENT
from site_server import running_site_server


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::7f00:1",
        "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001::1", "100::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_internet_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "172.32.0.1",
        "2606:4700:4700::1111",
        "::ffff:1.1.1.1",
        "2002:101:101::",
    ],
)
def test_an_address_of_the_internet_is_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_the_same_however_it_is_carried(address: Any) -> None:
    packed = int(address)
    for carried in (
        ip_address((0xFFFF << 32) | packed),
        ip_address((0x64FF9B << 96) | packed),
        ip_address((0x2002 << 112) | (packed << 80)),
    ):
        assert is_public(carried) == is_public(address)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    with running_dns_server({}) as server:
        monkeypatch.setenv(SERVERS, server.address)
        monkeypatch.setenv(GAP, "0")
        yield server


async def read(url: str) -> str:
    async with open_web() as web:
        try:
            return (await web.get(url)).text
        except FetchFailed as failure:
            return failure.reason


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
async def test_a_name_that_leads_inside_is_refused(names: DnsServer, address: str) -> None:
    names.records["inside.example", "A"] = [address]
    assert await read("http://inside.example/") == "PrivateAddress"


async def test_a_name_that_leads_inside_by_the_other_protocol_is_refused(names: DnsServer) -> None:
    names.records["inside.example", "AAAA"] = ["::1"]
    assert await read("http://inside.example/") == "PrivateAddress"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "localhost", "0"]
)
async def test_an_address_spelled_out_is_refused(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SERVERS, raising=False)
    assert await read(f"http://{host}/") in ("PrivateAddress", "Unreachable", "InvalidUrl")


class Changing(dict[tuple[str, str], Sequence[str] | None]):
    """Records that are others each time they are asked for."""

    def __init__(self, key: tuple[str, str], *answers: Sequence[str]) -> None:
        super().__init__({key: answers[0]})
        self._answers = iter(answers)

    def get(self, key: tuple[str, str], default: Any = None) -> Any:
        return next(self._answers) if key in self else default


async def test_a_name_that_leads_elsewhere_the_second_time_gains_nothing(
    names: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.2 stands for a public address, and has the site; 127.0.0.1 is inside."""
    monkeypatch.setenv(ALLOW, "127.0.0.2")
    with running_site_server(address="127.0.0.2") as site:
        names.records = Changing(
            ("acme.example", "A"), ["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]
        )
        url = f"http://acme.example:{site.port}/pricing"
        # Each connection is to the address that was judged: the name is asked once for both.
        assert "<h1>Pricing</h1>" in await read(url)
        assert [kind for name, kind in names.asked] == ["A", "AAAA"]
        assert await read(url) == "PrivateAddress"


async def test_only_the_allowed_ones_of_several_addresses_are_used(
    names: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOW, "127.0.0.2/32")
    names.records["acme.example", "A"] = ["127.0.0.1", "127.0.0.2"]
    with running_site_server(address="127.0.0.2") as site:
        assert "Pricing" in await read(f"http://acme.example:{site.port}/pricing")


async def test_a_name_that_leads_nowhere_is_unreachable(names: DnsServer) -> None:
    assert await read("http://gone.example/") == "Unreachable"
    names.records["broken.example", "A"] = None
    assert await read("http://broken.example/") == "Unreachable"


async def test_a_port_that_no_web_site_has_is_refused(names: DnsServer) -> None:
    names.records["acme.example", "A"] = ["1.1.1.1"]
    assert await read("http://acme.example:25/") == "PrivateAddress"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (ALLOW, "10.0.0.0/99", "networks such as"),
        (CONNECT_TO, "acme.example", "host=address:port"),
        (CONNECT_TO, "acme.example=127.0.0.1:99999", "host=address:port"),
        (USER_AGENT, "two\nlines", "one line of ASCII"),
        (GAP, "soon", "0 to 60"),
        (GAP, "nan", "0 to 60"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(InvalidWebSetting, match=words) as failed:
        read_web_settings({name: value})
    assert name in str(failed.value)


def test_settings_say_which_hosts_and_networks_are_ours() -> None:
    settings = read_web_settings(
        {ALLOW: "10.1.0.0/16, wiki.intra", CONNECT_TO: "*.example=[::1]:8731, one.test=10.0.0.1:80"}
    )
    assert settings.allows(ip_address("10.1.2.3"))
    assert not settings.allows(ip_address("10.2.2.3"))
    assert settings.hosts == {"wiki.intra"}
    assert settings.find_place("a.b.example") == ("::1", 8731)
    assert settings.find_place("one.test") == ("10.0.0.1", 80)
    assert settings.find_place("example") is None
