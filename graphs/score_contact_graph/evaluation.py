"""Contacts with the tier a salesperson gives, and a first attempt by the words of titles."""

from pathlib import Path

from graphs.sales.evaluation import Suite
from graphs.score_contact_graph import graph

SUITE = Suite(
    graph=graph,
    folder=Path(__file__).parent,
    labels=("A", "B", "C", "D"),
    output="tier",
    keywords={
        "A": ("ceo", "chief", "head", "director", "vp"),
        "B": ("manager", "lead"),
        "D": ("intern", "student", "junior"),
        "C": ("engineer", "agent"),
    },
    text=("contact",),
)
