"""Labelled companies, and the words that a first attempt would look for."""

from pathlib import Path

from graphs.classify_company_graph import graph
from graphs.sales.categories import CATEGORIES
from graphs.sales.evaluation import Suite

SUITE = Suite(
    graph=graph,
    folder=Path(__file__).parent,
    labels=CATEGORIES,
    output="category",
    keywords={
        "software": ("software", "saas", "platform"),
        "it_services": ("it services", "managed", "web"),
        "manufacturing": ("manufactur", "machine", "hersteller"),
        "retail": ("shop", "store"),
        "finance": ("bank", "insurance", "capital"),
        "healthcare": ("health", "clinic", "medical"),
        "education": ("school", "university", "course"),
        "logistics": ("logistic", "transport"),
        "hospitality": ("hotel", "restaurant", "travel"),
        "media_marketing": ("agency", "media", "marketing"),
        "construction_real_estate": ("construction", "real estate", "homes"),
        "energy": ("energy", "solar", "power"),
        "professional_services": ("consult", "law", "recruit"),
        "public_nonprofit": ("charity", "government", "foundation"),
        "food_agriculture": ("food", "farm", "wine"),
        "telecom": ("telecom", "mobile", "internet"),
    },
    text=("name", "description"),
)
