"""deliverability_check on a real DNS server, and its judgements by tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import DnsServer, running_dns_server
from graphs.deliverability_check_graph import graph
from graphs.deliverability_check_graph.findings import (
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
    read_tags,
)
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.dns import SERVERS

_KEY = "v=DKIM1; k=rsa; p=" + "A" * 392
_GOOD = {
    ("good.example", "MX"): ["10 mx1.good.example.", "20 mx2.good.example."],
    ("good.example", "TXT"): ['"v=spf1 include:_spf.good.example " "-all"', '"unrelated"'],
    ("s1._domainkey.good.example", "TXT"): [f'"{_KEY[:200]}" "{_KEY[200:]}"'],
    ("_dmarc.good.example", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:d@good.example"'],
    ("bare.example", "A"): ["192.0.2.1"],
    ("nomail.example", "MX"): ["0 ."],
    ("broken.example", "MX"): None,
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    with running_dns_server(_GOOD) as server:
        monkeypatch.setenv(SERVERS, server.address)
        yield server


async def test_a_domain_that_is_set_up_well_is_good(server: DnsServer) -> None:
    answer = await graph.ainvoke({"domain": "https://www.Good.example/x", "selector": "s1"})
    assert answer["verdict"] == "good"
    assert answer["fixes"] == []
    assert answer["mx"]["record"] == "mx1.good.example, mx2.good.example"
    assert answer["spf"]["record"] == "v=spf1 include:_spf.good.example -all"


async def test_a_selector_may_come_from_the_context(server: DnsServer) -> None:
    answer = await graph.ainvoke({"domain": "good.example"}, context={"dkim_selector": "s1"})
    assert answer["dkim"]["mark"] == "pass"


async def test_a_bare_domain_is_told_what_it_lacks(server: DnsServer) -> None:
    answer = await graph.ainvoke({"domain": "bare.example"})
    assert answer["verdict"] == "bad"
    marks = [answer[kind]["mark"] for kind in ("mx", "spf", "dkim", "dmarc")]
    assert marks == ["warn", "fail", "warn", "fail"]
    assert "v=spf1" in answer["fixes"][0]


async def test_a_domain_that_takes_no_mail_is_told_so(server: DnsServer) -> None:
    assert (await graph.ainvoke({"domain": "nomail.example"}))["mx"]["mark"] == "fail"


async def test_a_dns_that_fails_says_nothing_about_the_domain(server: DnsServer) -> None:
    answer = await graph.ainvoke({"domain": "broken.example"})
    assert answer["verdict"] == "unknown"


async def test_a_mailbox_stands_for_its_domain(
    database: Database, now: datetime, server: DnsServer
) -> None:
    await load_rows(database, "mailboxes: [{id: sam, address: sam@good.example}]", now)
    assert (await graph.ainvoke({"mailbox_id": "sam"}))["domain"] == "good.example"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send domain, or mailbox_id"),
        ({"domain": "localhost"}, r"such as acme\.example"),
        ({"mailbox_id": "nobody"}, "no mailbox nobody"),
    ],
)
async def test_what_is_missing_is_said(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        ([], "fail"),
        (["v=spf10 -all"], "fail"),
        (["v=spf1 -all", "v=spf1 mx -all"], "fail"),
        (["v=spf1 +all"], "fail"),
        (["v=spf1 all"], "fail"),
        (["v=spf1 mx ?all"], "warn"),
        (["v=spf1 mx"], "warn"),
        (["v=spf1 redirect=_spf.x.example"], "pass"),
        (["v=spf1 ip4:192.0.2.0/24 ~all"], "pass"),
        (["V=SPF1 MX -ALL"], "pass"),
        (["v=spf1 " + " ".join(f"include:{n}.example" for n in range(11)) + " -all"], "fail"),
        (["v=spf1 " + " ".join(f"include:{n}.example" for n in range(10)) + " -all"], "pass"),
    ],
)
def test_spf_is_judged_by_what_it_allows(texts: list[str], mark: str) -> None:
    assert judge_spf(texts).mark == mark


@pytest.mark.parametrize(
    ("selector", "texts", "mark"),
    [
        (None, [], "warn"),
        ("s", [], "fail"),
        ("s", ["v=DKIM1; p="], "fail"),
        ("s", ["v=DKIM1; p=" + "A" * 216], "warn"),
        ("s", ["v=DKIM1; k=ed25519; p=" + "A" * 44], "pass"),
        ("s", ["v=DKIM1; t=y; p=" + "A" * 392], "warn"),
        ("s", [_KEY], "pass"),
    ],
)
def test_dkim_is_judged_by_its_key(selector: str | None, texts: list[str], mark: str) -> None:
    assert judge_dkim(selector, texts).mark == mark


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        ([], "fail"),
        (["v=DMARC1"], "fail"),
        (["v=DMARC1; p=maybe"], "fail"),
        (["v=DMARC1; p=none"], "warn"),
        (["v=DMARC1;p=quarantine"], "pass"),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], "fail"),
    ],
)
def test_dmarc_is_judged_by_its_policy(texts: list[str], mark: str) -> None:
    assert judge_dmarc(texts).mark == mark


@given(st.lists(st.text(max_size=80), max_size=4), st.booleans())
def test_no_record_is_too_strange_to_be_judged(texts: list[str], flag: bool) -> None:
    found = [judge_spf(texts), judge_dmarc(texts), judge_dkim("s", texts), judge_mx(texts, flag)]
    assert all(each.fix or each.mark == "pass" for each in found)


@given(
    st.dictionaries(
        st.from_regex("[a-z]{1,3}", fullmatch=True), st.from_regex(r"[a-z:@.]{1,9}", fullmatch=True)
    )
)
def test_tags_are_read_as_they_were_written(tags: dict[str, str]) -> None:
    assert read_tags("; ".join(f"{name} = {value}" for name, value in tags.items())) == tags
