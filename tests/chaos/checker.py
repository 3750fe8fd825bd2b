"""Whether runs survived what was done to their workers. Pure: evidence in, findings out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.evidence import Disturbance, Evidence, Execution

# How long a worker that was stopped may go on, once it wakes, before it notices.
_WAKING_SECONDS = 5.0
# How long after a restart of the database a worker may still find a connection broken, or be told
# that its session, and with it its life, had ended.
_RECONNECTING_SECONDS = 5.0
# Steps of an asynchronously durable run whose checkpoints may be on their way at once.
_STEPS_UNDER_WAY = {"sync": 1, "async": 3}


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found. `problems` are sentences; none means that every promise was kept."""

    runs: int
    executions: int
    extra_executions: int
    given_up: int
    problems: tuple[str, ...]


def check(evidence: Evidence) -> Findings:
    """Hold the evidence against what is promised."""
    extra = list(_find_extra(evidence))
    given_up = [run for run in evidence.runs if run.error == "WorkerLost"]
    problems = (
        *_check_runs(evidence),
        *_check_extra(evidence, extra),
        *_check_effects(evidence),
        *_check_checkpoints(evidence),
        *_check_events(evidence),
        *_check_states(evidence),
    )
    return Findings(
        len(evidence.runs), len(evidence.executions), len(extra), len(given_up), problems
    )


def _check_runs(evidence: Evidence) -> Iterator[str]:
    stored = {run.run: run for run in evidence.runs}
    for accepted in evidence.accepted:
        run = stored.get(accepted.run)
        if run is None:
            yield f"run {accepted.run} of {accepted.request} was accepted and is not stored"
    by_request = defaultdict(set)
    for run in evidence.runs:
        by_request[run.request].add(run.run)
        if run.status != "success":
            yield f"run {run.run} of {run.request} ended as {run.status} ({run.error})"
    for request, names in by_request.items():
        if len(names) > 1:
            yield f"{request} was run {len(names)} times: {sorted(names)}"


def _find_extra(evidence: Evidence) -> Iterator[tuple[Execution, Execution]]:
    """Each execution of a node that came again, with the one before it."""
    by_node = defaultdict(list)
    for execution in sorted(evidence.executions, key=lambda e: e.at):
        by_node[execution.request, execution.node].append(execution)
    for executions in by_node.values():
        yield from pairwise(executions)


def _check_extra(evidence: Evidence, extra: Sequence[tuple[Execution, Execution]]) -> Iterator[str]:
    """Every repetition needs a disturbance of its own, and none excuses more than its share."""
    repeated: dict[tuple[str, Disturbance], list[str]] = defaultdict(list)
    for before, again in extra:
        name = f"{again.node} of {again.request}"
        excuses = [d for d in evidence.disturbances if _excuses(d, before, again)]
        unused = [d for d in excuses if again.node not in repeated[again.request, d]]
        if not excuses:
            yield (
                f"{name} was repeated by {again.worker} (attempt {again.attempt}) after "
                f"{before.worker} (attempt {before.attempt}), though nothing was done to it"
            )
        elif not unused:
            yield f"{name} was repeated more than once for one {excuses[0].kind}"
        else:
            repeated[again.request, unused[0]].append(again.node)
    most = evidence.branches * _STEPS_UNDER_WAY[evidence.durability]
    for (request, disturbance), nodes in repeated.items():
        if len(nodes) > most:
            yield f"one {disturbance.kind} had {len(nodes)} nodes of {request} repeated: {nodes}"


def _excuses(disturbance: Disturbance, before: Execution, again: Execution) -> bool:
    until = disturbance.until
    if disturbance.kind == "restart":
        until += _RECONNECTING_SECONDS
    if disturbance.kind == "stop":
        # It wakes, runs its node on until the next write, and may even begin another run, which
        # it hands on, before it notices that it was taken for dead.
        until += _WAKING_SECONDS
        if disturbance.worker == again.worker and disturbance.since <= again.at <= until:
            return True
    if disturbance.worker not in (None, before.worker):
        return False
    return before.at <= until and disturbance.since <= again.at


def _check_effects(evidence: Evidence) -> Iterator[str]:
    found = defaultdict(list)
    for run, node, request in evidence.effects:
        found[request, node].append(run)
    for accepted in evidence.accepted:
        for node in accepted.nodes:
            times = len(found[accepted.request, node])
            if times != 1:
                yield f"the effect of {node} of {accepted.request} is there {times} times"


def _check_checkpoints(evidence: Evidence) -> Iterator[str]:
    """No attempt stores anything once the next one has."""
    newest: dict[tuple[str, str, str], int] = {}
    for row in sorted(evidence.checkpoints, key=lambda c: (c.thread, c.checkpoint)):
        key = (row.thread, row.space, row.run)
        if row.attempt < newest.get(key, 0):
            yield (
                f"checkpoint {row.checkpoint} of run {row.run} is of attempt {row.attempt}, after "
                f"one of attempt {newest[key]}"
            )
        newest[key] = max(row.attempt, newest.get(key, 0))


def _check_events(evidence: Evidence) -> Iterator[str]:
    newest: dict[str, int] = {}
    for event in sorted(evidence.events, key=lambda e: (e.thread, e.seq)):
        if event.attempt < newest.get(event.run, 0):
            yield f"event {event.seq} of run {event.run} is of attempt {event.attempt}, too late"
        newest[event.run] = max(event.attempt, newest.get(event.run, 0))


def _check_states(evidence: Evidence) -> Iterator[str]:
    for thread in {accepted.thread for accepted in evidence.accepted}:
        found = evidence.states.get(thread)
        if found != evidence.undisturbed:
            yield f"thread {thread} holds {found}, undisturbed it is {evidence.undisturbed}"
