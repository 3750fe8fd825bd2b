"""`python -m demo [--output json] [--keep FOLDER]`: the sales workflows on real servers, told."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from demo.stage import FleetFailed, running_stage
from demo.story import Step, StoryFailed, play
from mail_server import MailServerFailed, MailServerMissing

FAILED, UNUSABLE = 1, 2


def main() -> int:
    """Tell the story; 0 when it came to its end, 1 when it did not, 2 when it could not begin."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("--keep", type=Path, help="keep databases and logs in this folder")
    options = parser.parse_args()
    began, told = time.monotonic(), []
    try:
        with use_folder(options.keep) as folder, running_stage(folder) as stage:
            for step in play(stage):
                told.append({**asdict(step), "seconds": round(time.monotonic() - began, 1)})
                if options.output == "text":
                    print_step(step, len(told))
    except MailServerMissing as missing:
        print(f"The demo needs a mail server: {missing}.", file=sys.stderr)
        return UNUSABLE
    except (FleetFailed, MailServerFailed, StoryFailed) as failed:
        print(f"The demo did not come to its end: {failed}", file=sys.stderr)
        return FAILED
    seconds = round(time.monotonic() - began, 1)
    if options.output == "json":
        print(json.dumps({"steps": told, "seconds": seconds}, indent=1, ensure_ascii=False))
    else:
        print(f"\nThat took {seconds:g} s. No model was used: rules wrote and read every mail.")
    return 0


@contextlib.contextmanager
def use_folder(kept: Path | None) -> Iterator[Path]:
    """A folder of one's own, or one that is gone afterwards."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="graphwarden-demo-") as name:
        yield Path(name)


def print_step(step: Step, number: int) -> None:
    """One step for a reader."""
    print(f"\n{number}. {step.title}\n", flush=True)
    for line in step.lines:
        print(f"   {line}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
