"""`python -m graphs.sales.evaluation`: every classifier on examples it was not made on."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence

from graphs.sales.data.database import close_databases
from graphs.sales.evaluation.examples import InvalidExamples, Part
from graphs.sales.evaluation.report import Result, evaluate, render_json, render_table
from graphs.sales.evaluation.suites import Suite, list_suites
from graphs.sales.tasks import ModelFailed, ModelNotInstalled


def parse(arguments: Sequence[str], names: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m graphs.sales.evaluation", description=__doc__)
    parser.add_argument("classifiers", nargs="*", metavar="classifier", help=", ".join(names))
    parser.add_argument(
        "--part", choices=["held-out", "fresh", "training"], help="else the first two"
    )
    parser.add_argument("--output", choices=["table", "json"], default="table")
    parser.add_argument(
        "--mistakes", action="store_true", help="show them; of the training part only"
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.classifiers if name not in names]:
        parser.error(f"{unknown[0]} is none of {', '.join(names)}")
    if options.mistakes and options.part != "training":
        parser.error(
            "rules are not made on held-out examples: --mistakes goes with --part=training"
        )
    return options


async def run(suites: Sequence[Suite], options: argparse.Namespace) -> list[Result]:
    """Evaluate in turn."""
    try:
        return [
            await evaluate(suite, part)
            for suite in suites
            for part in ([options.part] if options.part else _list_parts(suite))
        ]
    finally:
        await close_databases()


def _list_parts(suite: Suite) -> list[Part]:
    """Those that tell something of a classifier, as far as the suite has them."""
    return ["held-out", "fresh"] if "fresh" in suite.files.values() else ["held-out"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for; 1 for examples or a model that cannot be used."""
    suites = {suite.name: suite for suite in list_suites()}
    options = parse(sys.argv[1:] if arguments is None else arguments, list(suites))
    chosen = [suites[name] for name in options.classifiers or suites]
    try:
        results = asyncio.run(run(chosen, options))
    except (InvalidExamples, ModelNotInstalled, ModelFailed) as error:
        print(error, file=sys.stderr)
        return 1
    if options.output == "json":
        print(json.dumps([render_json(result) for result in results], indent=1))
    else:
        print("\n\n".join(_show(result, options.mistakes) for result in results))
    return 0


def _show(result: Result, mistakes: bool) -> str:
    return "\n".join([render_table(result), *(_list_mistakes(result) if mistakes else ())])


def _list_mistakes(result: Result) -> Iterator[str]:
    for example, answer in result.wrong:
        given = json.dumps(example.input, ensure_ascii=False)
        yield f"  {example.id} {example.label} -> {answer}: {given[:300]}"


if __name__ == "__main__":
    raise SystemExit(main())
