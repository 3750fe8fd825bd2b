"""`python -m graphs.classify_reply_graph.learn`: count words in the training part, anew."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from graphs.classify_reply_graph.evaluation import SUITE
from graphs.sales.mail import parse_mail
from graphs.sales.reply_guess import COUNTS, count_features


def render_counts() -> str:
    """What `counts.weights` holds: one feature a line, nothing of any part but training."""
    counts = count_features(
        (example.label, parse_mail(example.input["text"]).new_text)
        for example in SUITE.read()
        if example.part == "training"
    )
    lines = (
        f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(of)}"
        for name, of in counts["features"].items()
    )
    head = json.dumps(counts["labels"])
    return f'{{"labels": {head},\n "features": {{\n' + ",\n".join(lines) + "\n }}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the counts; with --check, 1 when they are not those of the examples."""
    parser = argparse.ArgumentParser(prog="python -m graphs.classify_reply_graph.learn")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    text = render_counts()
    if not options.check:
        COUNTS.write_text(text, encoding="utf-8")
    elif COUNTS.read_text(encoding="utf-8") != text:
        print("counts.weights is old: python -m graphs.classify_reply_graph.learn", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
