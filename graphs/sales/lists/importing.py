"""A whole list into the database, in small transactions, with a report of every row left out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data.database import Database
from graphs.sales.lists.columns import map_columns
from graphs.sales.lists.entries import Entry, Rejected
from graphs.sales.lists.known import Known
from graphs.sales.lists.merging import Outcome, Upload, merge_entry
from graphs.sales.lists.people import Note, read_people
from graphs.sales.lists.sheets import (
    MOST_COLUMNS,
    MOST_LETTERS,
    MOST_ROWS,
    InvalidSheet,
    Row,
    Sheet,
)
from graphs.sales.spans import span

MOST_TOLD = 1000
_CHUNK = 100
_ATTEMPTS = 3
_LOCK_KEY = 0x6C69737473  # "lists", an advisory lock of its own
_DEADLOCK = frozenset({"40P01", "40001"})


@dataclass
class Report:
    """What became of the rows. `columns` are the headers that were understood, and as what.

    `repeated` rows tell of somebody again, and went in with their first row. `warnings` are rows
    that went in without some of their cells. Of the two lists, the first thousand rows are here;
    the counts are of all.
    """

    inserted: int = 0
    merged: int = 0
    unchanged: int = 0
    repeated: int = 0
    rejected_count: int = 0
    rejected: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """One row more that went in."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def make_sheet(rows: Sequence[Mapping[str, object]]) -> Sheet:
    """Rows that came as JSON objects, as a sheet; the first one is row 1.

    Raises:
        InvalidSheet: they are no objects, too many, or have too many different keys.
    """
    if len(rows) > MOST_ROWS:
        raise InvalidSheet(f"rows has {len(rows)} rows; {MOST_ROWS} is the most: split it.")
    if not all(isinstance(row, Mapping) for row in rows):
        raise InvalidSheet('rows is a list of objects, such as [{"email": "dana@acme.example"}].')
    header = list(dict.fromkeys(str(key) for row in rows for key in row))
    if len(header) > MOST_COLUMNS:
        raise InvalidSheet(f"rows has {len(header)} different keys; {MOST_COLUMNS} is the most.")
    return Sheet(header, [_make_row(number, row, header) for number, row in enumerate(rows, 1)])


async def import_sheet(
    database: Database,
    sheet: Sheet,
    upload: Upload,
    *,
    columns: Mapping[str, str] | None = None,
    country: str | None = None,
    dry_run: bool = False,
) -> Report:
    """Merge every row; a dry run reports the same and writes nothing.

    Rows go in by a hundred: after a crash in the middle, the same call again ends the work.

    Raises:
        ValueError: the sheet or `columns` cannot be used; nothing was written.
    """
    people = await asyncio.to_thread(read_people, sheet, columns, country)
    report, salt = _describe(sheet, columns), await database.read_salt()
    rejected = people.rejected
    entries = iter(people.entries.items())
    with span("import list", {"list.rows": len(sheet.rows), "list.dry_run": dry_run}) as importing:
        while chunk := list(islice(entries, _CHUNK)):
            for number, outcome in await _merge(database, chunk, upload, salt, dry_run):
                if isinstance(outcome, Rejected):
                    rejected.append(Note(number, str(outcome)))
                else:
                    report.count(outcome)
        importing.set({"list.inserted": report.inserted, "list.rejected": len(rejected)})
    report.repeated, report.rejected_count = people.repeated, len(rejected)
    report.rejected = sorted(rejected, key=lambda note: note.row)[:MOST_TOLD]
    report.warnings = people.warnings[:MOST_TOLD]
    return report


def _describe(sheet: Sheet, columns: Mapping[str, str] | None) -> Report:
    places = map_columns(sheet.header, columns)
    known = {place: name for name, several in places.items() for place in several}
    headers = list(enumerate(sheet.header))
    return Report(
        columns={header: known[place] for place, header in headers if place in known},
        ignored_columns=[header for place, header in headers if header and place not in known],
    )


def _make_row(number: int, row: Mapping[str, object], header: Sequence[str]) -> Row:
    cells = [row.get(key) for key in header]
    if any(isinstance(cell, (list, dict)) for cell in cells):
        return Row(number, problem="a cell is a list or an object")
    texts = ["" if cell is None else str(cell) for cell in cells]
    if any(len(text) > MOST_LETTERS for text in texts):
        return Row(number, problem=f"a cell has more than {MOST_LETTERS} characters")
    return Row(number, texts)


async def _merge(
    database: Database,
    people: Sequence[tuple[int, Entry]],
    upload: Upload,
    salt: str,
    dry_run: bool,
) -> list[tuple[int, Outcome | Rejected]]:
    """One transaction; once more where another process was in the way of it."""
    for attempt in range(_ATTEMPTS):
        try:
            async with database.begin() as session:
                await _take_turn(session)
                known = Known(session, salt)
                # New companies go in before the people who work there.
                with session.no_autoflush:
                    await known.read([entry for _, entry in people])
                    done = [
                        (number, await _merge_one(known, entry, upload)) for number, entry in people
                    ]
                    await known.write()
                if dry_run:
                    await session.rollback()
            return done
        except (IntegrityError, OperationalError) as error:
            if attempt == _ATTEMPTS - 1 or not _is_passing(error):
                raise
    raise AssertionError("the last attempt returns or raises")


async def _merge_one(known: Known, entry: Entry, upload: Upload) -> Outcome | Rejected:
    try:
        return await merge_entry(known, entry, upload)
    except Rejected as reason:
        return reason


async def _take_turn(session: AsyncSession) -> None:
    """On PostgreSQL one import's transaction at a time: two would wait for each other's rows."""
    if session.get_bind().dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:key)")
        await session.execute(lock, {"key": _LOCK_KEY})


def _is_passing(error: IntegrityError | OperationalError) -> bool:
    """Whether another process's row came in between, or both waited for each other."""
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", "") in _DEADLOCK
