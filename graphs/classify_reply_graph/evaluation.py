"""The labelled replies, and the words that a first attempt would look for."""

from pathlib import Path

from graphs.classify_reply_graph import graph
from graphs.sales.evaluation import Suite

SUITE = Suite(
    graph=graph,
    folder=Path(__file__).parent,
    labels=(
        "interested", "info_request", "referral", "not_now", "not_interested", "unsubscribe",
        "auto_reply", "bounce",
    ),
    keywords={
        "bounce": ("undeliver", "delivery", "could not be delivered", "mailer-daemon"),
        "unsubscribe": ("unsubscribe", "remove me", "stop", "opt out", "list"),
        "auto_reply": ("out of office", "out of the office", "automatic", "vacation", "on leave"),
        "not_interested": ("not interested", "no thank", "no need", "kein interesse"),
        "referral": ("colleague", "contact", "right person", "cc"),
        "not_now": ("later", "next year", "not now", "next quarter", "budget"),
        "info_request": ("price", "pricing", "how much", "information", "send me", "?"),
        "interested": ("interested", "call", "demo", "talk", "sounds good"),
    },
    text=("text",),
    files={"examples.jsonl": None, "seen.jsonl": "training", "fresh.jsonl": "fresh"},
)  # fmt: skip
