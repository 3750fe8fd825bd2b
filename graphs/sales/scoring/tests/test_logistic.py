"""Learning example by example, on data whose truth is known."""

from __future__ import annotations

import json
import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.sales.evaluation.metrics import measure_auc, measure_log_loss
from graphs.sales.scoring.logistic import Weights, learn, predict, predict_all, read_weights

_TRUTH = Weights(-1.0, {"a": 3.0, "b": -2.0, "noise": 0.0})


def _draw(n: int, seed: int) -> list[tuple[dict[str, float], int]]:
    chance = Random(seed)
    found = []
    for _ in range(n):
        features = {name: chance.random() for name in _TRUTH.of}
        found.append((features, int(chance.random() < predict(_TRUTH, features))))
    return found


def test_it_finds_what_the_data_was_made_of() -> None:
    learned = learn(_draw(3000, 1), Weights(0.0))
    assert learned.of["a"] > 1.5
    assert learned.of["b"] < -1.0
    assert abs(learned.of["noise"]) < 0.6
    held = _draw(1500, 2)
    best = measure_log_loss(predict_all(_TRUTH, held))
    assert measure_log_loss(predict_all(learned, held)) < best + 0.02
    auc = measure_auc(predict_all(learned, held))
    assert auc is not None
    assert auc > 0.65


def test_the_same_examples_and_seed_give_the_same_weights() -> None:
    examples = _draw(100, 3)
    assert learn(examples, Weights(0.0), seed=5) == learn(examples, Weights(0.0), seed=5)


def test_no_example_changes_nothing() -> None:
    assert learn([], _TRUTH) == _TRUTH


@settings(deadline=None, max_examples=30)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1))
def test_a_prediction_is_a_probability(bias: float, weight: float, value: float) -> None:
    assert 0 <= predict(Weights(bias, {"a": weight}), {"a": value}) <= 1


def test_weights_survive_json() -> None:
    assert read_weights(json.loads(json.dumps(_TRUTH.as_json()))) == _TRUTH


@pytest.mark.parametrize(
    "value", [{}, {"bias": "x", "of": {}}, {"bias": math.inf, "of": {}}, {"bias": 1, "of": [1]}]
)
def test_weights_that_are_no_numbers_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="finite"):
        read_weights(value)
