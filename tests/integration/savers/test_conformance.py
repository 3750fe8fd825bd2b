"""LangGraph's own tests of checkpoint savers."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from integration.savers.place import Place

pytestmark = pytest.mark.integration


async def test_the_savers_do_what_langgraph_asks_of_one(place: Place) -> None:
    @checkpointer_test(name=place.storage.kind)
    async def saver():  # type: ignore[no-untyped-def]
        yield place.saver

    report = await validate(saver)
    failures = {name: result.failures for name, result in report.results.items() if result.failures}
    assert failures == {}
    assert report.passed_all_base()
    assert report.results["prune"].passed
