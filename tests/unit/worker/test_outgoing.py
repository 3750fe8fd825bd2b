"""What calls by HTTP carry of a trace, on the way from one host to the next."""

from __future__ import annotations

import httpx
import pytest

from graphwarden.worker.outgoing import tell

OURS = {"traceparent": "00-1-2-01", "baggage": "assistant_id=a,thread_id=deal-7"}
_NEXT = {"one": "http://two/", "two": "https://vendor.example/"}


class Hosts:
    """Two that are ours, each of which leads to the next, and one that is not."""

    def __init__(self) -> None:
        self.heard: dict[str, httpx.Headers] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        tell(request, OURS if request.url.host in _NEXT else {})
        self.heard[request.url.host] = request.headers.copy()
        where = _NEXT.get(request.url.host)
        return httpx.Response(302, headers={"location": where}) if where else httpx.Response(200)


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


def visit(hosts: Hosts, **headers: str) -> None:
    transport = httpx.MockTransport(hosts)
    with httpx.Client(transport=transport, follow_redirects=True, headers=headers) as client:
        assert client.get("http://one/").status_code == 200


def test_a_host_that_leads_elsewhere_leads_nobody_into_the_trace(hosts: Hosts) -> None:
    visit(hosts)
    assert hosts.heard["two"].items() >= OURS.items()
    assert not hosts.heard["vendor.example"].keys() & OURS.keys()


def test_what_a_graph_says_itself_goes_on_to_each_host_once(hosts: Hosts) -> None:
    visit(hosts, baggage="langsmith-project=p")
    assert hosts.heard["one"]["baggage"] == f"langsmith-project=p,{OURS['baggage']}"
    assert hosts.heard["two"]["baggage"] == f"langsmith-project=p,{OURS['baggage']}"
    assert hosts.heard["vendor.example"]["baggage"] == "langsmith-project=p"


def test_a_request_that_is_sent_again_carries_the_trace_once() -> None:
    request = httpx.Request("GET", "http://one/")
    for _ in range(3):
        tell(request, OURS)
    assert request.headers["baggage"] == OURS["baggage"]
