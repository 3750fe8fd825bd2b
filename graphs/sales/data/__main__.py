"""`python -m graphs.sales.data`: what the owner of the sales database does to it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from graphs.sales.data.database import (
    URL,
    DatabaseMissing,
    close_databases,
    make_engine,
    normalise_url,
    open_database,
)
from graphs.sales.data.erase import erase_contact
from graphs.sales.data.load import load_rows
from graphs.sales.data.migrate import upgrade
from graphs.sales.data.roles import GRANTS, apply_roles

_EPILOG = f"The database is the one in {URL}; without it, .graphwarden/sales.db of this folder."


async def _migrate(options: argparse.Namespace) -> Mapping[str, Any]:
    del options
    engine = make_engine(normalise_url(os.environ.get(URL) or "sqlite:///.graphwarden/sales.db"))
    try:
        await upgrade(engine)
    finally:
        await engine.dispose()
    return {"schema": "up to date"}


async def _roles(options: argparse.Namespace) -> Mapping[str, Any]:
    del options
    database = await open_database()
    if database.is_sqlite:
        raise DatabaseMissing(f"SQLite has no roles; {URL} names no PostgreSQL database")
    names = {each: f"SALES_PASSWORD_{each.upper()}" for each in GRANTS}
    passwords = {each: os.environ[name] for each, name in names.items() if os.environ.get(name)}
    return {"roles": await apply_roles(database.engine, passwords), "login": sorted(passwords)}


async def _erase(options: argparse.Namespace) -> Mapping[str, Any]:
    done = await erase_contact(await open_database(), options.contact, datetime.now(UTC))
    return {
        "contact_id": done.contact_id,
        "messages": done.messages,
        "touches": done.touches,
        "facts": done.facts,
        "suppressed": done.suppressed,
        "delete_these_threads": list(done.threads),
        "look_at_these_messages": list(done.mentions),
    }


async def _load(options: argparse.Namespace) -> Mapping[str, Any]:
    text = await asyncio.to_thread(Path(options.file).read_text, encoding="utf-8")
    return await load_rows(await open_database(), text, datetime.now(UTC))


async def _import(options: argparse.Namespace) -> Mapping[str, Any]:
    from graphs.sales.lists.importing import import_sheet
    from graphs.sales.lists.merging import Upload
    from graphs.sales.lists.sheets import MOST_BYTES, read_sheet

    def read() -> bytes:
        with open(options.file, "rb") as file:
            return file.read(MOST_BYTES + 1)

    sheet = read_sheet(await asyncio.to_thread(read), options.encoding, options.delimiter)
    upload = Upload(options.source or Path(options.file).name, datetime.now(UTC), options.keep)
    report = await import_sheet(
        await open_database(),
        sheet,
        upload,
        columns=dict(options.column),
        country=options.country,
        dry_run=options.dry_run,
    )
    read_as = {"encoding": sheet.encoding, "delimiter": sheet.delimiter}
    return {**({"dry_run": True} if options.dry_run else {}), **report.as_dict(), **read_as}


def _read_column(text: str) -> tuple[str, str]:
    header, equals, field = text.rpartition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEADER=FIELD")
    return header, field


def _read_country(text: str) -> str | None:
    from graphs.sales.lists.cells import InvalidCell, read_country

    try:
        return read_country(text)
    except InvalidCell as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def make_parser() -> argparse.ArgumentParser:
    """Commands and their arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m graphs.sales.data", description=__doc__, epilog=_EPILOG
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("migrate", help="bring the tables up to date")
    command.set_defaults(run=_migrate)
    command = commands.add_parser(
        "roles",
        help="make one PostgreSQL role per pool, with the rights of its graphs; roles with a "
        "password in SALES_PASSWORD_<CAPABILITY> may log in",
    )
    command.set_defaults(run=_roles)
    command = commands.add_parser(
        "load", help="add or change products, mailboxes, campaigns, companies, contacts from YAML"
    )
    command.add_argument("file", help="a YAML file; see docs/sales.md")
    command.set_defaults(run=_load)
    command = commands.add_parser(
        "import", help="merge people of a CSV file into the database; prints what became of each"
    )
    command.add_argument("file", help="a CSV file with a header row; see docs/sales.md")
    command.add_argument("--dry-run", action="store_true", help="say the same, and write nothing")
    command.add_argument("--keep", action="store_true", help="fill what is empty, replace nothing")
    command.add_argument("--source", help="what the list is called; the file's name by default")
    command.add_argument(
        "--column", action="append", default=[], type=_read_column, metavar="HEADER=FIELD",
        help="what a column is that is not understood; an empty FIELD leaves it out",
    )  # fmt: skip
    command.add_argument(
        "--country", type=_read_country, help="where phone numbers without a code are, such as DE"
    )
    command.add_argument("--encoding", help="such as cp1252, where it is not found out")
    command.add_argument("--delimiter", help="such as ;, where it is not found out")
    command.set_defaults(run=_import)
    command = commands.add_parser("erase", help="erase a contact everywhere (GDPR Art. 17)")
    command.add_argument("contact", help="the contact's id")
    command.set_defaults(run=_erase)
    return parser


async def _run(
    run: Callable[[argparse.Namespace], Awaitable[Mapping[str, Any]]], options: argparse.Namespace
) -> int:
    try:
        print(json.dumps(await run(options), indent=1))
    except (DatabaseMissing, ValueError, LookupError) as error:
        print(f"error: {error.args[0]}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        print(f"error: the database refused: {reason}", file=sys.stderr)
        return 1
    finally:
        await close_databases()
    return 0


def main() -> int:
    """0, or 1 with one line that says what was wrong."""
    options = make_parser().parse_args()
    return asyncio.run(_run(options.run, options))


if __name__ == "__main__":
    sys.exit(main())
