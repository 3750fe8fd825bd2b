"""The harness: its figures on small tables, its command line, and every suite against baselines."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from graphs.classify_intent_graph import graph as intent
from graphs.sales.evaluation import __main__ as command
from graphs.sales.evaluation.__main__ import main
from graphs.sales.evaluation.baselines import make_keywords, make_majority
from graphs.sales.evaluation.examples import (
    Example,
    InvalidExamples,
    Part,
    choose_part,
    read_examples,
)
from graphs.sales.evaluation.metrics import (
    measure_auc,
    measure_brier,
    measure_log_loss,
    score_labels,
)
from graphs.sales.evaluation.report import evaluate
from graphs.sales.evaluation.suites import Suite, list_suites

_SUITES = list(list_suites())
_GOALS = {"classify_reply": 0.85}


def _example(label: str, text: str = "") -> Example:
    return Example(id=text or label, label=label, input={"text": text}, part="training")


def test_precision_recall_and_f1_are_those_of_the_book() -> None:
    scores = score_labels([("a", "a"), ("a", "a"), ("a", "b"), ("b", "a"), ("b", "?")], ["a", "b"])
    assert scores.labels["a"].precision == pytest.approx(2 / 3)
    assert scores.labels["a"].recall == pytest.approx(2 / 3)
    assert (scores.labels["b"].precision, scores.labels["b"].f1) == (0, 0)
    assert scores.macro_f1 == pytest.approx(1 / 3)
    assert (scores.accuracy, scores.n) == (0.4, 5)


def test_a_label_that_nobody_has_is_no_part_of_the_average() -> None:
    assert score_labels([("a", "a")], ["a", "b"]).macro_f1 == 1


def test_probabilities_are_measured() -> None:
    pairs = [(1, 0.8), (0, 0.4), (1, 0.4), (0, 0.1)]
    assert measure_log_loss([(1, 0.5), (0, 0.5)]) == pytest.approx(math.log(2))
    assert measure_brier([(1, 1.0), (0, 0.5)]) == pytest.approx(0.125)
    assert measure_auc(pairs) == pytest.approx(3.5 / 4)
    assert measure_auc([(1, 0.3)]) is None


def test_certainty_that_was_wrong_costs_much_but_not_everything() -> None:
    assert 10 < measure_log_loss([(1, 0.0)]) < math.inf


def test_no_outcome_is_no_measure() -> None:
    with pytest.raises(ValueError, match="no outcome"):
        measure_brier([])


def test_baselines_know_the_training_part_alone() -> None:
    training = [_example("b", "1"), _example("b", "2"), _example("a", "3")]
    assert make_majority(training)({}) == "b"
    guess = make_keywords({"a": ["yes"]}, ["text"], training)
    assert (guess({"text": "Oh YES"}), guess({"text": "no"})) == ("a", "b")


def test_the_part_of_an_example_hangs_on_its_id_alone() -> None:
    parts = [choose_part(f"reply-{number}") for number in range(1000)]
    assert parts == [choose_part(f"reply-{number}") for number in range(1000)]
    assert 350 < parts.count("held-out") < 450


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "a.jsonl:1"),
        ('{"id": "1", "label": "x", "input": {}}', "x is none of a, b"),
        ('{"id": "1", "label": "a"}', "KeyError"),
        ('{"id": "1", "label": "a", "input": {}}\n' * 2, "1 is there twice"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(InvalidExamples, match=words):
        read_examples(tmp_path / "a.jsonl", ("a", "b"))


@pytest.mark.parametrize("suite", _SUITES, ids=lambda suite: suite.name)
async def test_rules_beat_both_baselines_on_held_out_examples(suite: Suite) -> None:
    result = await evaluate(suite, "held-out")
    assert result.ours.macro_f1 >= _GOALS.get(suite.name, 0.5)
    assert result.ours.macro_f1 > result.keywords.macro_f1
    assert result.ours.macro_f1 > result.majority.macro_f1
    assert all(score.support for score in result.ours.labels.values())


async def test_rules_beat_both_baselines_on_replies_that_came_after_them() -> None:
    (suite,) = [suite for suite in _SUITES if suite.name == "classify_reply"]
    result = await evaluate(suite, "fresh")
    assert result.ours.macro_f1 >= 0.7
    assert result.ours.macro_f1 > 2 * max(result.keywords.macro_f1, result.majority.macro_f1)


def test_no_text_is_an_example_twice() -> None:
    for suite in _SUITES:
        texts = [json.dumps(example.input, sort_keys=True) for example in suite.read()]
        assert len(texts) == len(set(texts)), suite.name


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite of few examples, the only one that there is."""
    texts = {"buying": "We need a CRM system.", "none": "Nice weather."}
    for name in ("examples.jsonl", "fresh.jsonl"):
        rows = [
            {"id": f"{label}-{number}", "label": label, "input": {"posts": [text]}}
            for label, text in texts.items()
            for number in range(8)
        ]
        (tmp_path / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    files: dict[str, Part | None] = {"examples.jsonl": None, "fresh.jsonl": "fresh"}
    suite = Suite(intent, tmp_path, tuple(texts), {}, ("posts",), output="kind", files=files)
    monkeypatch.setattr(command, "list_suites", lambda: iter([suite]))
    return suite


def test_the_table_is_for_people_and_json_for_programs(
    small: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([small.name]) == 0
    assert "macro-F1 1.000" in capsys.readouterr().out
    assert main([small.name, "--output", "json"]) == 0
    held, fresh = json.loads(capsys.readouterr().out)
    assert (held["classifier"], held["part"], held["engine"]) == (small.name, "held-out", "rules")
    assert (fresh["part"], fresh["n"], fresh["macro_f1"]) == ("fresh", 16, 1.0)
    assert set(held["baselines"]) == {"majority", "keywords"}


def test_mistakes_are_shown_of_the_training_part(
    small: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"id": "wrong", "label": "buying", "input": {"posts": ["Good morning."]}}
    with (small.folder / "examples.jsonl").open("a") as file:
        file.write("".join(json.dumps({**row, "id": f"wrong-{n}"}) + "\n" for n in range(9)))
    assert main(["--part", "training", "--mistakes"]) == 0
    assert "buying -> none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--mistakes"], "not made on held-out"), (["nothing"], "is none of")],
)
def test_the_command_line_refuses_in_words(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert words in capsys.readouterr().err
