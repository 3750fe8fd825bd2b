"""One pool per field: each case is applied, looked at when all is quiet, and taken back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from integration.control.apiserver import Api
from integration.control.conftest import OperatorProcess
from walks.fields import Case, State
from walks.hand import ALL_CHILDREN
from walks.snapshot import (
    NUDGE,
    Conditions,
    Snapshot,
    find_changed_kinds,
    find_new_reasons,
    list_differences,
    make_snapshot,
    read_conditions,
)
from walks.values import HANDS

_OURS: Final = "app.kubernetes.io/managed-by=graphwarden-operator"
_KINDS: Final = (*ALL_CHILDREN, "Job")
_QUIET_PASSES: Final = 2
_MOST_PASSES: Final = 12
# Of a machine that has much else to do; it is there to end, not to measure.
_PATIENCE_SECONDS: Final = 300.0
_VERSION: Final = "graphwarden.dev/v1alpha1"
# Reasons that say what is wrong with a spec.
_EXPLANATIONS: Final = frozenset(
    {
        "InvalidSpec",
        "InvalidPool",
        "ContextMissing",
        "Suspended",
        "ApplyRefused",
        "KEDANotEnabled",
    }
)


class Unsettled(Exception):
    """The operator did not come to rest, or did not look at all."""


@dataclass
class Result:
    """What one case came to; without deviations it is as it should be."""

    field: str
    case: str
    value: str
    state: str = ""
    children: list[str] = field(default_factory=list)
    said: str = ""
    deviations: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Scene:
    """A pool of two graphs and a GraphPool; `kind` is the one whose spec is walked."""

    api: Api
    number: int
    kind: str
    base: dict[str, Any]

    @property
    def pool(self) -> str:
        return f"walk-{self.number}"

    @property
    def subject(self) -> tuple[str, str]:
        """Kind and name of the object that is changed."""
        return self.kind, self.pool

    def make_body(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The subject with this spec."""
        meta = {"name": self.pool}
        return {"apiVersion": _VERSION, "kind": self.kind, "metadata": meta, "spec": spec}

    def set_up(self) -> dict[str, Any]:
        """Make all three; the subject's spec, to be changed and come back to."""
        graph = {"capability": self.pool, "module": "graphs.email_reply_graph"}
        bodies = {
            "other": ("GraphSpec", f"{self.pool}-other", graph),
            "graph": ("GraphSpec", self.pool, graph),
            "pool": ("GraphPool", self.pool, {}),
        }
        spec: dict[str, Any] = {}
        for role, (kind, name, own) in bodies.items():
            own = dict(own) | ({"assistantID": name} if kind == "GraphSpec" else {})
            if (kind, name) == self.subject and role != "other":
                own = spec = own | self.base
            meta = {"name": name}
            body = {"apiVersion": _VERSION, "kind": kind, "metadata": meta, "spec": own}
            self.api.apply(body)
        return spec

    def read(self) -> list[dict[str, Any]]:
        """The GraphSpec and the GraphPool."""
        return [self.api.get(kind, self.pool) for kind in ("GraphSpec", "GraphPool")]

    def take_down(self) -> None:
        """Delete all three."""
        self.api.delete("GraphSpec", f"{self.pool}-other")
        for kind in ("GraphSpec", "GraphPool"):
            self.api.delete(kind, self.pool)


class Walker:
    """Walks in one namespace, with the operator that looks after it."""

    def __init__(self, api: Api, program: OperatorProcess) -> None:
        self._api, self._program = api, program
        self._numbers = itertools.count()
        self._http = httpx.Client(timeout=10)
        self._nudges = itertools.count()
        for name in ("prompts", "more-prompts"):
            meta, data = {"name": name}, {"prompt": name}
            api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})

    def close(self) -> None:
        self._http.close()

    def walk(self, cases: Sequence[Case]) -> Iterator[Result]:
        """The cases of one field. What one leaves behind is not counted against the next."""
        rest = list(cases)
        while rest:
            scene = Scene(self._api, next(self._numbers), rest[0].kind, dict(rest[0].base))
            spec = scene.set_up()
            try:
                self._settle(scene)
            except Unsettled as trouble:
                yield Result(rest[0].field, "before any", "", deviations=[str(trouble)])
                return
            before, conditions = self._take_snapshot(), read_conditions(*scene.read())
            clean = True
            while rest and clean:
                result = self._try(scene, rest.pop(0), spec, before, conditions)
                clean = not result.deviations
                if not rest or not clean:
                    result.deviations += self._end(scene)
                yield result

    def _try(
        self,
        scene: Scene,
        case: Case,
        spec: dict[str, Any],
        before: Snapshot,
        conditions: Conditions,
    ) -> Result:
        started, log_size = time.monotonic(), len(self._program.log.read_text())
        text = repr(case.value)
        result = Result(case.field, case.name, text if len(text) < 160 else text[:157] + "...")
        answer = self._api.try_apply(scene.make_body(case.make_spec(spec)))
        try:
            self._settle(scene)
            self._judge(case, result, answer, before, conditions, scene)
            scene.api.apply(scene.make_body(spec))
            self._settle(scene)
        except Unsettled as trouble:
            result.deviations.append(str(trouble))
        else:
            left = list_differences(before, self._take_snapshot())
            result.deviations += [f"after the undoing, {text}" for text in left]
            said = find_new_reasons(conditions, read_conditions(*scene.read()))
            result.deviations += [f"after the undoing, {text}" for text in said]
        if "Traceback" in self._program.log.read_text()[log_size:]:
            result.deviations.append("a traceback in the operator's log")
        if not self._program.is_ready():
            result.deviations.append("the operator is not ready")
        result.seconds = round(time.monotonic() - started, 2)
        return result

    def _judge(
        self,
        case: Case,
        result: Result,
        answer: httpx.Response,
        before: Snapshot,
        conditions: Conditions,
        scene: Scene,
    ) -> None:
        after = self._take_snapshot()
        changed = find_changed_kinds(before, after)
        reasons = find_new_reasons(conditions, read_conditions(*scene.read()))
        explained = [r for r in reasons if r.partition(", ")[2].partition(":")[0] in _EXPLANATIONS]
        if not answer.is_success:
            state, result.said = State.REFUSED, str(answer.json().get("message", answer.text))
        elif explained:
            state, result.said = State.EXPLAINED, " | ".join(explained)
        else:
            state = State.CHANGED if changed else State.UNCHANGED
        result.state, result.children = state.value, sorted(changed)
        result.deviations += find_deviations(case, state, changed, result.said)
        result.said = result.said[:600]

    def _settle(self, scene: Scene) -> None:
        """Wait until the status is of this generation and two passes wrote nothing."""
        self._wait(lambda: all(_is_observed(body) for body in scene.read()), "status is behind")
        quiet, written = 0, list[str]()
        for _ in range(_MOST_PASSES):
            writes, size = self._program.count_writes(), len(self._program.log.read_text())
            self._pass_again(scene)
            if self._program.count_writes() == writes:
                quiet += 1
                if quiet == _QUIET_PASSES:
                    return
            else:
                quiet = 0
                lines = self._program.log.read_text()[size:].splitlines()
                written = [line for line in lines if "applying" in line or "deleting" in line]
        why = f"; the last were: {written[-3:]}" if written else ""
        raise Unsettled(f"the operator went on writing for {_MOST_PASSES} passes{why}")

    def _pass_again(self, scene: Scene) -> None:
        passes = self._count_passes()
        patch = {"metadata": {"annotations": {NUDGE: str(next(self._nudges))}}}
        self._api.patch("GraphPool", scene.pool, patch, manager="nudge")
        self._wait(lambda: self._count_passes() > passes, "the operator does not look")

    def _count_passes(self) -> float:
        return self._program.count_passes()

    def _take_snapshot(self) -> Snapshot:
        children = [
            {**item, "kind": kind}
            for kind in _KINDS
            for item in self._api.list(kind, labelSelector=_OURS)
        ]
        return make_snapshot(children)

    def _end(self, scene: Scene) -> list[str]:
        scene.take_down()
        try:
            self._wait(lambda: not self._take_snapshot(), "children outlive their pool")
        except Unsettled as trouble:
            left = ", ".join(self._take_snapshot())
            return [f"{trouble}: {left}"]
        return []

    def _wait(self, look: Callable[[], bool], trouble: str) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not look():
            if time.monotonic() > end:
                raise Unsettled(trouble)
            time.sleep(0.05)


def find_deviations(case: Case, state: State, changed: Iterable[str], said: str) -> list[str]:
    """What is not as the case says. Pure."""
    found = []
    if state not in case.right:
        expected = " or ".join(sorted(case.right))
        found.append(f"{state} instead of {expected}" + (f": {said[:300]}" if said else ""))
    elif said and not any(w.lower() in said.lower() for w in case.find_words(state)):
        names = " or ".join(dict.fromkeys(case.find_words(state)))
        found.append(f"{state}, but the message does not name {names}: {said[:300]}")
    if surplus := set(changed) - set(case.shows):
        found.append(f"children of other kinds changed: {', '.join(sorted(surplus))}")
    if state is State.REFUSED and changed:
        found.append("children changed although the API server refused")
    return found


def find_silent_fields(cases: Iterable[Case], results: Iterable[Result]) -> list[str]:
    """Fields that children should show, and of which no value did. Pure.

    Of a group only what is around its fields was tried: nothing, null, what it does not know.
    """
    shown = {result.field for result in results if result.children}
    return sorted({case.field for case in cases if case.shows and case.field in HANDS} - shown)


def _is_observed(body: dict[str, Any]) -> bool:
    seen = body.get("status", {}).get("observedGeneration")
    return bool(seen == body["metadata"]["generation"])
