"""Labelled posts, and the words that a first attempt would look for."""

from pathlib import Path

from graphs.classify_intent_graph import graph
from graphs.sales.evaluation import Suite

SUITE = Suite(
    graph=graph,
    folder=Path(__file__).parent,
    labels=("buying", "hiring", "scaling", "none"),
    output="kind",
    keywords={
        "hiring": ("hiring", "job", "join", "career"),
        "scaling": ("raised", "growth", "new office", "funding"),
        "buying": ("recommend", "looking for", "vendor"),
        "none": ("happy", "thanks", "great"),
    },
    text=("posts",),
)
