"""CSV files of many programs: encodings, delimiters, quotes, preambles, and what is no CSV."""

from __future__ import annotations

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.lists import sheets
from graphs.sales.lists.sheets import InvalidSheet, read_sheet

_GERMAN = 'Vorname;Nachname;E-Mail-Adresse\nJürgen;Müller;j@m.example\n"Groß; ä";Weiß;g@m.example\n'
_POLISH = "Imię;Nazwisko;Adres e-mail\nŁukasz;Żółć;l@a.example\nŚcibor;Kowal;s@a.example\n"
_RUSSIAN = "Имя;Фамилия;Email\nИван;Петров;i@a.example\n"


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (_GERMAN, "utf-8", "utf-8"),
        (_GERMAN, "utf-8-sig", "utf-8"),
        (_GERMAN, "utf-16", "utf-16"),
        (_GERMAN, "utf-16-le", "utf-16-le"),
        (_GERMAN, "utf-16-be", "utf-16-be"),
        (_GERMAN, "utf-32", "utf-32"),
        (_GERMAN, "cp1252", "cp1252"),
        (_POLISH, "cp1250", "cp1250"),
        (_RUSSIAN, "cp1251", "cp1251"),
    ],
)
def test_the_encoding_is_found_out(text: str, encoding: str, found: str) -> None:
    sheet = read_sheet(text.encode(encoding))
    assert sheet.encoding == found
    assert [*sheet.header] == text.split("\n")[0].split(";")
    assert sheet.rows[0].cells[0] == text.split("\n")[1].split(";")[0]


def test_an_encoding_that_is_named_is_taken() -> None:
    sheet = read_sheet("Name,Email\nДаня,d@a.example\n".encode("koi8-r"), encoding="koi8-r")
    assert sheet.rows[0].cells == ["Даня", "d@a.example"]


@pytest.mark.parametrize("delimiter", list(sheets.DELIMITERS))
def test_the_delimiter_is_found_out_though_cells_hold_others(delimiter: str) -> None:
    header = delimiter.join(["Company", "Email", "Notes"])
    row = delimiter.join(["Acme", "d@a.example", '"a, b; c | d\te"'])
    sheet = read_sheet(f"{header}\n{row}\n".encode())
    assert sheet.delimiter == delimiter
    assert sheet.rows[0].cells == ["Acme", "d@a.example", "a, b; c | d\te"]


def test_a_list_of_one_column_needs_no_delimiter() -> None:
    sheet = read_sheet(b"Email\nd@a.example\n")
    assert (sheet.header, sheet.rows[0].cells) == (["Email"], ["d@a.example"])


def test_excels_line_about_the_delimiter_is_no_row() -> None:
    sheet = read_sheet(b"sep=|\r\nname|email\r\nDana|d@a.example\r\n")
    assert (sheet.rows[0].number, sheet.rows[0].cells) == (2, ["Dana", "d@a.example"])


def test_words_above_the_header_are_passed_over_and_counted() -> None:
    text = (
        'Notes:\n"When exporting, some are left out."\n\nFirst Name,URL,Email Address\nDana,,d@a\n'
    )
    sheet = read_sheet(text.encode())
    assert sheet.header == ["First Name", "URL", "Email Address"]
    assert sheet.rows[0].number == 5


def test_line_breaks_quotes_and_spaces_in_cells_are_kept() -> None:
    first = 'd@a.example, "Reyes, ""D""","two\r\nlines"'
    text = f"Email,Name,Notes\r\n{first}\r\n,,\r\n\r\nb@a.example,Bo,\r\n"
    sheet = read_sheet(text.encode())
    assert [(row.number, row.cells[1]) for row in sheet.rows] == [(2, 'Reyes, "D"'), (5, "Bo")]
    assert sheet.rows[0].cells[2] == "two\r\nlines"


def test_a_row_that_breaks_off_costs_itself_and_no_other() -> None:
    lines = [
        "Name,Email",
        'a"b,a@x.example',
        '"a"b,b@x.example',
        '"open,c@x.example',
        "d,d@x.example",
    ]
    rows = read_sheet("\n".join(lines).encode()).rows
    assert [row.problem for row in rows] == [
        None,
        "a quote stands inside a cell; write it twice",
        "a quote is opened and not closed",
        None,
    ]
    assert rows[3].cells == ["d", "d@x.example"]


def test_a_row_may_be_shorter_than_the_header_and_not_longer() -> None:
    rows = read_sheet(b"Name,Email\nDana\nBo,b@x.example,,\nUna,u@x.example,,!\n").rows
    assert [row.problem for row in rows] == [None, None, "it has more cells than the header's 2"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"PK\x03\x04...", "an Excel or zip file; save it as CSV"),
        (b"\xd0\xcf\x11\xe0...", "an old Excel file"),
        (b"Email\nd@a\0.example\n", "bytes of zero"),
        (b"dana@acme.example,Dana\nbo@acme.example,Bo\n", "No row names a column such as email"),
        (b"Email," + b"x," * 300 + b"\n", "302 columns; 200 is the most"),
        (b"Email\n" + b"\n" * 500_001, "more than 500000 lines"),
        (b"x" * (sheets.MOST_BYTES + 1), "more than 10 MiB"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_what_is_no_list_is_told_in_words(data: bytes, words: str) -> None:
    with pytest.raises(InvalidSheet, match=words):
        read_sheet(data)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("rot13", "encoding is 'rot13'"),
        ("utf-99", "encoding is 'utf-99'"),
        ("ascii", "The file is not in ascii"),
    ],
)
def test_an_encoding_that_does_not_fit_is_told(encoding: str, words: str) -> None:
    with pytest.raises(InvalidSheet, match=words):
        read_sheet("Email\nä@a.example\n".encode(), encoding=encoding)


def test_a_delimiter_is_one_character() -> None:
    with pytest.raises(InvalidSheet, match="delimiter is '::'"):
        read_sheet(b"Email::Name\n", delimiter="::")


def test_a_list_is_refused_whole_when_it_has_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    assert len(read_sheet(b"Email\na\nb\n").rows) == 2
    with pytest.raises(InvalidSheet, match="3 rows; 2 is the most: split it"):
        read_sheet(b"Email\na\nb\nc\n")


def test_a_cell_that_is_too_long_rejects_its_row_alone() -> None:
    rows = read_sheet(f"Email,Notes\na@x.example,{'x' * 10_001}\nb@x.example,x\n".encode()).rows
    assert [row.problem for row in rows] == ["a cell has more than 10000 characters", None]


_CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(
    ["a,b", "a;b", 'a"b', '"', "a\nb", "a\r\nb", "=1", "\t"]
)


@given(
    st.lists(st.tuples(_CELL, _CELL), max_size=8),
    st.sampled_from(sheets.DELIMITERS),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_pythons_csv_writes_is_read_back(
    cells: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows(
        [("Email", "First name", "Notes"), *((f"{n}@x", *c) for n, c in enumerate(cells))]
    )
    sheet = read_sheet(file.getvalue().encode(encoding))
    assert sheet.delimiter == delimiter
    assert [tuple(row.cells[1:]) for row in sheet.rows] == cells


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fall(data: bytes) -> None:
    with contextlib.suppress(InvalidSheet):
        sheet = read_sheet(b"Email,Name\n" + data)
        assert all(row.problem or any(row.cells) for row in sheet.rows)
