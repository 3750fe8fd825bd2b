"""A pipeline through the real router and five pools: found, checked, chosen, approved, started."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from graphs.sales.clock import read_now
from graphs.sales.data.load import load_rows
from graphs.sales.data.tables import Company, Contact, Touch
from integration.orchestration.conftest import Sales
from worker_process import WorkerProcess, until

# Processes start slowly where everybody starts some.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]


async def run(sales: Sales, name: str, **given: Any) -> dict[str, Any]:
    answer = await sales.fleet.sdk.runs.wait(
        f"pipeline-{name}", "pipeline", input=given, if_not_exists="create"
    )
    assert isinstance(answer, dict)
    return answer


async def resume(sales: Sales, name: str, value: Any) -> dict[str, Any]:
    answer = await sales.fleet.sdk.runs.wait(
        f"pipeline-{name}", "pipeline", command={"resume": value}
    )
    assert isinstance(answer, dict)
    return answer


async def list_touches(sales: Sales, campaign_id: str) -> list[tuple[str | None, str]]:
    async with sales.database.read() as session:
        query = select(Touch).where(Touch.campaign_id == campaign_id).order_by(Touch.contact_id)
        return [(touch.contact_id, touch.state) for touch in await session.scalars(query)]


async def test_a_pipeline_asks_before_it_writes_to_anybody(sales: Sales) -> None:
    domains = ["one.example", "two.example", "parked.example"]
    asked = await run(sales, "a", domains=domains, limits={"contacts_per_company": 1})
    value = asked["__interrupt__"][0]["value"]
    before = await list_touches(sales, "a")
    done = await resume(sales, "a", {"approved": True})
    assert value["reports"] == {
        "discover": {"processed": 3, "created": 2, "errors": 1},
        "enrich": {"processed": 2, "created": 4, "errors": 0},
        "verify": {"processed": 4, "created": 4, "errors": 0},
        "score": {"processed": 4, "created": 2, "errors": 0},
    }
    assert [each["contact_id"] for each in value["chosen"]] == ["one-boss", "two-boss"]
    assert value["left_out"] == {"CompanyLimit": 1, "Suppressed": 1}
    assert before == []
    assert (done["status"], done["threads"]) == (
        "done",
        ["campaign-a-one-boss", "campaign-a-two-boss"],
    )
    assert done["reports"]["start"] == {"processed": 2, "created": 2, "errors": 0}
    assert done["failures"] == [
        {"stage": "discover", "item": "parked.example", "reason": "Parked: it is for sale"}
    ]
    assert await list_touches(sales, "a") == [("one-boss", "planned"), ("two-boss", "planned")]


async def test_a_person_may_take_some_of_the_chosen(sales: Sales) -> None:
    await run(sales, "b", domains=["three.example"])
    done = await resume(sales, "b", {"approved": True, "contact_ids": ["three-intern"]})
    assert done["threads"] == ["campaign-b-three-intern"]
    assert await list_touches(sales, "b") == [("three-intern", "planned")]


async def test_nobody_is_written_to_when_a_person_refuses(sales: Sales) -> None:
    await run(sales, "c", domains=["four.example"])
    done = await resume(sales, "c", {"approved": False})
    again = await run(sales, "c", domains=["four.example"])
    assert (done["status"], done["reason"]) == ("refused", "ApprovalRefused")
    assert again["status"] == "refused"
    assert await list_touches(sales, "c") == []


async def test_an_answer_that_says_nothing_is_asked_again(sales: Sales) -> None:
    await run(sales, "d", domains=["five.example"])
    asked = await resume(sales, "d", {"look": True})
    other = await resume(sales, "d", {"approved": True, "contact_ids": ["somebody"]})
    done = await resume(sales, "d", {"approved": True, "contact_ids": ["five-boss"]})
    assert asked["__interrupt__"][0]["value"]["status"] == "needs_approval"
    assert "out of those that were chosen" in other["__interrupt__"][0]["value"]["reason"]
    assert done["threads"] == ["campaign-d-five-boss"]


async def test_what_fails_for_one_company_is_told_and_the_others_go_on(sales: Sales) -> None:
    domains = ["failing.example", "six.example", "gone.example"]
    done = await run(sales, "e", domains=domains, auto_confirm=True)
    failed = [each for each in done["failures"] if each["stage"] == "enrich"]
    assert done["reports"]["enrich"] == {"processed": 3, "created": 4, "errors": 1}
    assert [each["item"] for each in failed] == ["failing"]
    assert "the site has no page about people" in failed[0]["reason"]
    assert done["left_out"] == {"NotVerified": 2}
    assert done["threads"] == ["campaign-e-six-boss", "campaign-e-six-intern"]


async def test_companies_that_do_not_fit_the_product_are_left_out(sales: Sales) -> None:
    rows = (
        "products: [{id: desk, name: Desk}]\ncampaigns: [{id: spring, name: S, product_id: desk}]"
    )
    await load_rows(sales.database, rows, read_now())
    domains = ["tiny.example", "seven.example"]
    given = {"domains": domains, "campaign_id": "spring", "limits": {"min_score": 0.5}}
    done = await run(sales, "f", **given, auto_confirm=True)
    assert done["left_out"] == {"Disqualified": 2, "LowScore": 1}
    assert done["threads"] == ["campaign-spring-seven-boss"]


async def test_a_second_pipeline_over_the_same_companies_makes_nothing_new(sales: Sales) -> None:
    given = {"domains": ["eight.example"], "campaign_id": "twice", "auto_confirm": True}
    first = await run(sales, "g", **given)
    second = await run(sales, "h", **given)
    assert first["reports"]["start"]["created"] == 2
    assert {name: each["created"] for name, each in second["reports"].items()} == {
        "discover": 0, "enrich": 0, "verify": 2, "score": 2, "start": 0,
    }  # fmt: skip
    assert len(await list_touches(sales, "twice")) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send one of seed_query, domains"),
        ({"domains": ["x.example"], "seed_query": "desks"}, "Send one of seed_query, domains"),
        ({"domains": "x.example"}, "domains is a list"),
        ({"domains": ["x.example"] * 201}, "at most 200 domains"),
        ({"domains": ["x.example"], "limits": {"companies": 0}}, "from 1 to 200"),
        ({"domains": ["x.example"], "limits": {"people": 3}}, "people is none of"),
        ({"domains": ["x.example"], "product_id": "none"}, "No product none"),
        ({"domains": ["x.example"], "mailbox_id": "none"}, "No mailbox none"),
    ],
)
async def test_invalid_input_says_what_to_send(
    sales: Sales, given: dict[str, Any], words: str, request: pytest.FixtureRequest
) -> None:
    name = f"bad-{abs(hash(request.node.name)) % 10**8}"
    with pytest.raises(Exception, match=words):
        await run(sales, name, **given)


async def test_a_fleet_without_room_is_waited_for(sales: Sales) -> None:
    await sales.fleet.route(others={"concurrency_per_replica": 1, "max_queued": 0})
    domains = [f"room{number}.example" for number in range(4)]
    done = await run(sales, "r", domains=domains, auto_confirm=True)
    await sales.fleet.route()
    refused = 'graphwarden_router_requests_total{capability="others",outcome="rejected"}'
    assert done["failures"] == []
    assert done["reports"]["verify"] == {"processed": 8, "created": 8, "errors": 0}
    assert await sales.fleet.router.gauge(refused) > 0


async def test_a_killed_worker_repeats_nothing_that_shows(sales: Sales) -> None:
    sdk, thread = sales.fleet.sdk, "pipeline-k"
    given = {"domains": [f"slow{number}.example" for number in range(5)], "auto_confirm": True}
    await sdk.threads.create(thread_id=thread, graph_id="pipeline")
    created = await sdk.runs.create(thread, "pipeline", input=given)

    async def all_are_asked() -> bool:
        return sum(call.startswith("company_enrichment slow") for call in sales.calls()) == 5

    await until(all_are_asked)
    (busy,) = [w for w in sales.fleet.pools["orchestration"] if await _is_busy(w)]
    await busy.kill()
    await sales.fleet.route()
    sales.open_gate()
    done = await sdk.runs.join(thread, created["run_id"])
    assert isinstance(done, dict)
    assert done["status"] == "done"
    assert done["reports"]["start"] == {"processed": 10, "created": 10, "errors": 0}
    assert await _count(sales, Company.id, "slow%") == 5
    assert await _count(sales, Contact.company_id, "slow%") == 10
    assert len(await list_touches(sales, "k")) == 10
    assert sales.calls()["company_discovery 5"] == 1


async def _is_busy(worker: WorkerProcess) -> bool:
    return any(graph["in_flight"] for graph in (await worker.graphs()).values())


async def _count(sales: Sales, column: Any, pattern: str) -> int:
    async with sales.database.read() as session:
        found = select(func.count()).where(column.like(pattern))
        return int(await session.scalar(found) or 0)
