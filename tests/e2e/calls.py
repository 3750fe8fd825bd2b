"""Calls of the repository's graphs, and what their answers hold."""

from __future__ import annotations

from typing import Any

INPUTS: dict[str, dict[str, Any]] = {
    "email_compose": {
        "recipient": "Ana Petrova <ana@acme.test>",
        "company": "Acme",
        "instructions": "Offer a short call next week",
    },
    "email_reply": {"original_email": "Hi, what does it cost for 40 people?\n\nBest,\nAna"},
    "email_outreach": {
        "contact": {"name": "Ana Petrova", "email": "ana@acme.test", "title": "Head of Sales"},
        "company": {"name": "Acme"},
        "touch_no": 1,
    },
    "email_opportunity": {
        "opportunity_id": "opp-7",
        "opportunity": {
            "id": "opp-7",
            "title": "40 seats for Acme",
            "stage": "proposal",
            "company": {"name": "Acme"},
            "contact": {"name": "Ana Petrova", "email": "ana@acme.test"},
        },
        "contact": {"name": "Ana Petrova", "email": "ana@acme.test"},
        "company": {"name": "Acme"},
    },
}


def make_run(assistant_id: str) -> dict[str, Any]:
    """The body of `/runs/wait` for one of the graphs."""
    return {"assistant_id": assistant_id, "input": INPUTS[assistant_id]}
