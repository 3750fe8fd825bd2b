"""What a pipeline decides without asking anybody: requests, reports, who is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from graphs.pipeline_graph.companies import read_ranks
from graphs.pipeline_graph.discovery import list_ids, list_rejected, make_call
from graphs.pipeline_graph.reports import (
    MOST_FAILURES,
    add_failures,
    add_reports,
    make_failure,
    make_report,
)
from graphs.pipeline_graph.request import read_limits, read_request
from graphs.pipeline_graph.selection import Candidate, choose_contacts, narrow


def make(contact_id: str, **more: Any) -> Candidate:
    fields: dict[str, Any] = {
        "company_id": "acme", "company": "Acme", "title": "CTO", "has_address": True,
        "email_status": "valid", "score": 0.5, "tier": "B", "decides": False, "authority": 0.0,
        "fit": "warm",
    }  # fmt: skip
    return Candidate(contact_id, **{**fields, **more})


def choose(*candidates: Candidate, **limits: Any) -> tuple[list[str], dict[str, int]]:
    selection = choose_contacts(candidates, read_limits(limits))
    return [each.contact_id for each in selection.chosen], dict(selection.left_out)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"barred": "Suppressed", "has_address": False}, "Suppressed"),
        ({"has_address": False}, "NoAddress"),
        ({"email_status": "invalid"}, "NotVerified"),
        ({"email_status": "unknown"}, "NotVerified"),
        ({"email_status": ""}, "NotVerified"),
        ({"fit": "disqualified"}, "Disqualified"),
        ({"score": 0.39}, "LowScore"),
        ({"score": None}, "NoScore"),
    ],
)
def test_who_is_left_out_is_counted_by_reason(more: dict[str, Any], reason: str) -> None:
    assert choose(make("a", **more), min_score=0.4) == ([], {reason: 1})


def test_without_a_least_score_a_contact_that_nobody_scored_is_taken() -> None:
    assert choose(make("a", score=None)) == (["a"], {})


def test_deciders_come_first_then_scores_then_authority() -> None:
    ranked = [
        make("c", score=0.9), make("d", score=0.5, authority=0.9), make("e", score=0.5),
        make("a", decides=True, score=0.8), make("b", decides=True, score=0.1),
    ]  # fmt: skip
    assert choose(*ranked, contacts_per_company=5)[0] == ["a", "b", "c", "d", "e"]


def test_each_company_and_the_whole_have_a_limit() -> None:
    people = [make(f"{firm}{n}", company_id=firm, score=n / 10) for firm in "xy" for n in range(4)]
    two_each = choose(*people, contacts_per_company=2)
    three = choose(*people, contacts_per_company=2, contacts=3)
    assert two_each == (["x3", "y3", "x2", "y2"], {"CompanyLimit": 4})
    assert three == (["x3", "y3", "x2"], {"Limit": 5})


def test_a_person_may_name_some_of_the_chosen_only() -> None:
    chosen = [{"contact_id": "a"}, {"contact_id": "b"}]
    assert narrow(chosen, ["b"]) == [{"contact_id": "b"}]
    assert narrow(chosen, None) == chosen
    for wanted in (["c"], "a", {"a": 1}):
        with pytest.raises(ValueError, match="out of those that were chosen"):
            narrow(chosen, wanted)


def test_reports_add_up_in_the_order_of_the_stages() -> None:
    left = {"verify": make_report(2, 1, 0)}
    added = add_reports(left, {"discover": make_report(1), "verify": make_report(1, 1, 1)})
    assert list(added.items()) == [
        ("discover", make_report(1)),
        ("verify", make_report(3, 2, 1)),
    ]


def test_failures_are_short_and_not_more_than_can_be_kept() -> None:
    failure = make_failure("enrich", "x" * 999, "y" * 999)
    assert (len(failure["item"]), len(failure["reason"])) == (200, 300)
    assert len(add_failures([failure] * 150, [failure] * 150)) == MOST_FAILURES


def test_the_thread_names_the_pipeline_and_domains_are_read_out_of_urls() -> None:
    given = {"domains": ["https://www.Acme.example/about", "acme.example", "b.example"]}
    request = read_request(given, "pipeline-7")
    assert (request.pipeline_id, request.domains) == ("7", ("acme.example", "b.example"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seed_query": "x" * 301}, "at most 300"),
        ({"domains": [""]}, "no domain"),
        ({"domains": [7]}, "no domain"),
        ({"seed_query": "x", "vertical_slug": "y"}, "Send one of"),
        ({"seed_query": "x", "pipeline_id": "p" * 41}, "at most 40"),
        ({"seed_query": "x", "limits": 3}, "limits is an object"),
        ({"seed_query": "x", "limits": {"contacts": True}}, "from 1 to 500"),
        ({"seed_query": "x", "limits": {"min_score": 2}}, "from 0 to 1"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_request(given, "pipeline-1")


def test_the_graph_that_looks_goes_by_what_was_given() -> None:
    by_query = read_request({"seed_query": "desks", "geography": "DE"}, "pipeline-1")
    by_vertical = read_request({"vertical_slug": "dental"}, "pipeline-1")
    assert make_call(by_query) == (
        "company_discovery",
        {"seed_query": "desks", "geography": "DE", "limit": 25},
    )
    assert make_call(by_vertical) == (
        "vertical_discovery",
        {"vertical_slug": "dental", "limit": 25},
    )


def test_ids_and_rejections_are_read_as_discovery_gives_them() -> None:
    assert list_ids(["a", "b", None]) == ["a", "b"]
    assert list_ids(None) == []
    assert list_rejected(None) == []
    told = [{"domain": "x.example", "reason": "Parked", "message": "it is for sale"}]
    assert list_rejected(told) == [make_failure("discover", "x.example", "Parked: it is for sale")]


def test_ranks_are_read_as_find_decision_maker_gives_them() -> None:
    ranked = [{"contact_id": "a", "authority": 0.9, "decides": True, "reasons": []}]
    left_out = [{"contact_id": "b", "reason": "Suppressed"}]
    assert read_ranks({"ranked": ranked, "left_out": left_out}) == {
        "a": {"decides": True, "authority": 0.9, "barred": ""},
        "b": {"decides": False, "authority": 0.0, "barred": "Suppressed"},
    }
    assert read_ranks({}) == {}
