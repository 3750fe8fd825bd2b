"""`PYTHONPATH=tests python -m killpoints`: a send killed before each of its lines.

Twice: with a provider that keeps sent mails in a folder, and with one that does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from killpoints.loop import Loop
from mail_server import MailServerMissing, running_mail_server


def main() -> int:
    """1 when a mail went out twice, or a touch was lost."""
    parser = argparse.ArgumentParser(prog="python -m killpoints", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="only each n-th line")
    parser.add_argument("--report", type=Path, help="write JSON here")
    options = parser.parse_args()
    try:
        rows = [_run(options.step, keeps_sent) for keeps_sent in (True, False)]
    except MailServerMissing as missing:
        print(f"error: {missing}", file=sys.stderr)
        return 2
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(json.dumps(rows, indent=1))
    return 1 if any(row["broken"] for row in rows) else 0


def _run(step: int, keeps_sent: bool) -> dict[str, Any]:
    states: Counter[str] = Counter()
    broken, deaths = [], 0
    server = running_mail_server() if keeps_sent else nullcontext()
    with server as sent, TemporaryDirectory() as folder:
        loop = Loop(Path(folder), sent)
        for death in loop.kill_at_every(step):
            deaths += 1
            states[f"{death.state}, {death.mails} mails"] += 1
            if not death.is_good:
                broken.append(f"{death.place}: {death.state}, {death.mails} mails")
            print(f"\r{deaths} kills", end="", file=sys.stderr, flush=True)
        loop.close()
    print(file=sys.stderr)
    kind = "sent mails are kept" if keeps_sent else "sent mails are not kept"
    print(f"{kind}: {deaths} kills; {dict(states)}; broken promises: {broken or 'none'}")
    return {"keeps_sent": keeps_sent, "kills": deaths, "states": states, "broken": broken}


if __name__ == "__main__":
    sys.exit(main())
