"""Companies beside profiles with the tier a salesperson gives, and a first attempt by words."""

from pathlib import Path

from graphs.icp_fit_graph import graph
from graphs.sales.evaluation import Suite

SUITE = Suite(
    graph=graph,
    folder=Path(__file__).parent,
    labels=("hot", "warm", "cold", "disqualified"),
    output="tier",
    keywords={
        "disqualified": ("gambling", '"ru"', "medsuite"),
        "hot": ("zendesk", "trucks", "healthcare"),
        "warm": ("software", "logistics"),
        "cold": ("finance", "education"),
    },
    text=("company",),
)
