"""Bad input, as an API server and the operator refuse it."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.kube import CommandFailed, Kube, make_graphspec

Fleet = dict[str, dict[str, Any]]


def test_a_precompiled_graph_that_is_resumable_is_refused_with_the_reason(kube: Kube) -> None:
    spec = make_graphspec("both", "both", "email", precompiled=True, resumable=True)
    with pytest.raises(CommandFailed, match="without a checkpointer, so they cannot be resumable"):
        kube.apply(spec)


@pytest.mark.parametrize("capability", ["E-Mail", "mail_out", "-mail", "m" * 41])
def test_a_capability_that_is_no_dns_label_is_refused(kube: Kube, capability: str) -> None:
    with pytest.raises(CommandFailed, match=r"spec\.capability"):
        kube.apply(make_graphspec("label", "label", capability))


def test_an_assistant_id_cannot_be_changed(kube: Kube, fleet: Fleet) -> None:
    changed = {"spec": {**fleet["email_reply"]["spec"], "assistantID": "other"}}
    with pytest.raises(CommandFailed, match="assistantID is immutable"):
        kube.apply({**fleet["email_reply"], **changed})


def test_the_older_of_two_graphs_keeps_the_assistant_id_and_the_other_takes_over_after_it(
    kube: Kube, fleet: Fleet
) -> None:
    kube.apply(make_graphspec("first-owner", "shared", "email"))
    kube.until_ready("first-owner")
    kube.apply(make_graphspec("second-owner", "shared", "email"))
    try:
        refused = kube.until_condition("second-owner", "Accepted", "False", "AssistantIDConflict")
        kube.delete("graphspec", "first-owner")
        kube.until_ready("second-owner")
    finally:
        kube.delete("graphspec", "first-owner", "second-owner")
    assert f"{kube.namespace}/first-owner" in refused["message"]


def test_a_module_outside_the_allowed_prefixes_is_not_accepted(kube: Kube) -> None:
    kube.apply(make_graphspec("shell", "shell", "email", module="subprocess"))
    try:
        refused = kube.until_condition("shell", "Accepted", "False", "ModuleNotAllowed")
    finally:
        kube.delete("graphspec", "shell")
    assert "graphs." in refused["message"]
