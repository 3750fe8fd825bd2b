"""Evaluate suites, and tell of it as tables or as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphs.sales.evaluation.baselines import make_keywords, make_majority
from graphs.sales.evaluation.examples import Example, Part
from graphs.sales.evaluation.metrics import Scores, score_labels
from graphs.sales.evaluation.suites import Suite


@dataclass(frozen=True)
class Result:
    """One suite on one part. `wrong` are the examples that got another label, with that label."""

    suite: Suite
    part: Part
    ours: Scores
    majority: Scores
    keywords: Scores
    wrong: Sequence[tuple[Example, str]]


async def evaluate(suite: Suite, part: Part) -> Result:
    """Ask the graph for every example of a part; the baselines know the training part alone."""
    examples = suite.read()
    training = [example for example in examples if example.part == "training"]
    asked = [example for example in examples if example.part == part]
    majority = make_majority(training)
    keywords = make_keywords(suite.keywords, suite.text, training)
    answers = [await suite.answer(example.input) for example in asked]
    labels = [example.label for example in asked]
    return Result(
        suite=suite,
        part=part,
        ours=score_labels(zip(labels, answers, strict=True), suite.labels),
        majority=score_labels(((e.label, majority(e.input)) for e in asked), suite.labels),
        keywords=score_labels(((e.label, keywords(e.input)) for e in asked), suite.labels),
        wrong=[(e, answer) for e, answer in zip(asked, answers, strict=True) if answer != e.label],
    )


def render_table(result: Result) -> str:
    """What a person reads of one suite."""
    ours = result.ours
    width = max(len(label) for label in result.suite.labels)
    lines = [
        f"{result.suite.name}, {result.part}: {ours.n} examples, engine {name_engine()}",
        f"  {'label':<{width}}  precision  recall     F1    n",
        *(
            f"  {label:<{width}}  {one.precision:9.3f}  {one.recall:6.3f}  {one.f1:5.3f}"
            f"  {one.support:3d}"
            for label, one in ours.labels.items()
        ),
        f"  macro-F1 {ours.macro_f1:.3f}, accuracy {ours.accuracy:.3f}"
        f" (keywords {result.keywords.macro_f1:.3f}, majority {result.majority.macro_f1:.3f})",
        *_render_confusion(ours),
    ]
    return "\n".join(lines)


def render_json(result: Result) -> dict[str, Any]:
    """The same for programs."""
    return {
        "classifier": result.suite.name,
        "part": result.part,
        "engine": name_engine(),
        "n": result.ours.n,
        "macro_f1": round(result.ours.macro_f1, 4),
        "accuracy": round(result.ours.accuracy, 4),
        "baselines": {
            "majority": {"macro_f1": round(result.majority.macro_f1, 4)},
            "keywords": {"macro_f1": round(result.keywords.macro_f1, 4)},
        },
        "labels": {
            label: {
                "precision": round(one.precision, 4),
                "recall": round(one.recall, 4),
                "f1": round(one.f1, 4),
                "support": one.support,
            }
            for label, one in result.ours.labels.items()
        },
        "confusion": [
            {"label": label, "answer": answer, "n": count}
            for (label, answer), count in sorted(result.ours.confusion.items())
        ],
    }


def name_engine(environment: Mapping[str, str] = os.environ) -> str:
    """`rules`, or the model that MODEL names."""
    return environment.get("MODEL") or "rules"


def _render_confusion(scores: Scores) -> Iterator[str]:
    """Who is taken for whom, the commonest mistake first."""
    mistakes = [
        (count, label, answer)
        for (label, answer), count in scores.confusion.items()
        if label != answer
    ]
    for count, label, answer in sorted(mistakes, key=lambda each: (-each[0], each[1:])):
        yield f"    {count:3d} x {label} taken for {answer}"
