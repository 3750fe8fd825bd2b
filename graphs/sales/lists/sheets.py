"""A CSV file as rows, whatever program wrote it: encoding, delimiter, quotes, preamble. Pure.

sheet = read_sheet(data)
sheet.header                      # ["Email", "First Name", ...]
sheet.rows[0].number              # 2: as a spreadsheet counts, the header is row 1
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from graphs.sales.lists.columns import count_known

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 200
MOST_LETTERS = 10_000

DELIMITERS = ",;\t|"
# What is tried for a file that is no UTF, Western first; another one has to be named.
_ENCODINGS = ("cp1252", "cp1250", "cp1251")
_NAMED = re.compile(
    r"(?:utf|cp|windows|iso|latin|mac|koi8|gb|big5|shift|euc|ascii)[a-z0-9_-]{0,20}"
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = (
    (b"PK\x03\x04", "an Excel or zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF"),
)
_MOST_LINES = 500_000
_PREAMBLE_ROWS = 10
_LOOK_ROWS = 20
_MOST_UNCLOSED = 100


class InvalidSheet(ValueError):
    """The file as a whole cannot be read; the text says what to do."""


@dataclass(frozen=True)
class Row:
    """`number` is what a spreadsheet shows. `problem` says why there are no usable cells."""

    number: int
    cells: Sequence[str] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Sheet:
    """A file's header and what stands below it; empty rows are left out."""

    header: Sequence[str]
    rows: Sequence[Row] = field(default=())
    encoding: str = "utf-8"
    delimiter: str = ","


def read_sheet(data: bytes, encoding: str | None = None, delimiter: str | None = None) -> Sheet:
    """Read a file; encoding and delimiter are found out unless they are named.

    The header is the first of the first ten rows that names a column this project knows: exports
    often begin with a few lines of words.

    Raises:
        InvalidSheet: it is empty, too large, no text, or has no header.
    """
    if len(data) > MOST_BYTES:
        raise InvalidSheet(f"The file has more than {MOST_BYTES // 2**20} MiB: split it.")
    text, encoding = decode(data, encoding)
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.strip("\r")) == len("sep=,"):
        delimiter, text = delimiter or first[4], rest
    if not text.strip():
        raise InvalidSheet("The file is empty.")
    if text.count("\n") + text.count("\r") > _MOST_LINES:
        raise InvalidSheet(f"The file has more than {_MOST_LINES} lines: split it.")
    lines = list(io.StringIO(text, newline=""))
    delimiter = delimiter or choose_delimiter(lines)
    if len(delimiter) != 1:
        raise InvalidSheet(f"delimiter is {delimiter!r}; send one character, such as ;")
    rows = list(_list_rows(lines, delimiter))
    at = _find_header(rows)
    header = [cell.strip() for cell in rows[at].cells]
    if len(header) > MOST_COLUMNS:
        raise InvalidSheet(f"The file has {len(header)} columns; {MOST_COLUMNS} is the most.")
    below = [_judge(row, len(header)) for row in rows[at + 1 :] if row.problem or any(row.cells)]
    if len(below) > MOST_ROWS:
        raise InvalidSheet(f"The file has {len(below)} rows; {MOST_ROWS} is the most: split it.")
    return Sheet(header, below, encoding, delimiter)


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text of a file, and the encoding that it is in.

    Raises:
        InvalidSheet: it is no text, or not in the encoding that was named.
    """
    for magic, kind in _NO_TEXT:
        if data.startswith(magic):
            raise InvalidSheet(f"This is {kind}; save it as CSV first.")
    if encoding and not _NAMED.fullmatch(encoding.lower()):
        raise InvalidSheet(f"encoding is {encoding!r}; send one such as utf-8 or cp1252.")
    encoding = encoding or _find_encoding(data)
    try:
        text = data.decode(encoding)
    except LookupError:
        raise InvalidSheet(f"encoding is {encoding!r}; send one such as utf-8 or cp1252.") from None
    except UnicodeError:
        raise InvalidSheet(
            f"The file is not in {encoding}; name its encoding, such as utf-8 or cp1252."
        ) from None
    if "\0" in text:
        raise InvalidSheet("The file is no text: it has bytes of zero in it.")
    return text.removeprefix("\ufeff"), "utf-8" if encoding == "utf-8-sig" else encoding


def _find_encoding(data: bytes) -> str:
    """By its mark, else UTF-8 if it is that, else what its letters make likely."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    if data[1::2].count(0) > len(data) // 4:
        return "utf-16-le"
    if data[0::2].count(0) > len(data) // 4:
        return "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return max(_ENCODINGS, key=lambda each: _weigh(data[:200_000], each))
    return "utf-8"


def _weigh(data: bytes, encoding: str) -> tuple[int, int]:
    """How well a text reads in an encoding: headers known; no symbols and mixed scripts in words.

    Of encodings that read equally well, the first of the list is taken.
    """
    text = data.decode(encoding, errors="replace")
    lines = text.splitlines()[:_PREAMBLE_ROWS]
    known = max(
        count_known(line.split(delimiter)) for line in lines or [""] for delimiter in DELIMITERS
    )
    odd = sum(ord(each) > 127 and not each.isalpha() for each in text)
    mixed = len(re.findall(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]", text))
    return known, -odd - mixed


def choose_delimiter(lines: Sequence[str]) -> str:
    """The one under which a row names the most columns that we know, then the most cells."""
    look = lines[: _PREAMBLE_ROWS + _LOOK_ROWS]

    def weigh(delimiter: str) -> tuple[int, int]:
        rows = [row.cells for row in _list_rows(look, delimiter)]
        known = max((count_known(cells) for cells in rows[:_PREAMBLE_ROWS]), default=0)
        return known, sum(len(cells) > 1 for cells in rows)

    return max(DELIMITERS, key=weigh)


def _find_header(rows: Sequence[Row]) -> int:
    counts = [count_known(row.cells) for row in rows[:_PREAMBLE_ROWS]]
    if not any(counts):
        raise InvalidSheet(
            "No row names a column such as email, name or company: put a header row on top, or "
            "send columns, a mapping of your headers to ours."
        )
    return counts.index(max(counts))


def _list_rows(lines: Sequence[str], delimiter: str) -> Iterator[Row]:
    """Every row, also empty ones. One that breaks off is told, and the next line is a new row."""
    start, number, unclosed = 0, 0, 0
    while start < len(lines):
        left = (lines[index] for index in range(start, len(lines)))
        reader = csv.reader(left, delimiter=delimiter, strict=True, skipinitialspace=True)
        read = 0
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                unclosed += _is_unclosed(error)
                if unclosed > _MOST_UNCLOSED:
                    raise InvalidSheet("The quotes of the file do not match.") from None
                yield Row(number, problem=_name_problem(error))
                # Only the line on which it began is lost.
                start += read + 1
                break
            yield Row(number, cells)
            read = reader.line_num


def _is_unclosed(error: csv.Error) -> bool:
    """Whether the row ran on to the end of the file, or as far as a cell may."""
    return "unexpected end" in str(error) or "field limit" in str(error)


def _name_problem(error: csv.Error) -> str:
    if _is_unclosed(error):
        return "a quote is opened and not closed"
    return "a quote stands inside a cell; write it twice"


def _judge(row: Row, columns: int) -> Row:
    """The row, or what is wrong with its shape. Empty cells beyond the header are no harm."""
    if row.problem:
        return row
    if any(cell.strip() for cell in row.cells[columns:]):
        return Row(row.number, problem=f"it has more cells than the header's {columns}")
    if any(len(cell) > MOST_LETTERS for cell in row.cells):
        return Row(row.number, problem=f"a cell has more than {MOST_LETTERS} characters")
    return row
