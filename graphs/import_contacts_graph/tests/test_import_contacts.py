"""import_contacts: what of a list goes into the database, and who stays out of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from graphs.import_contacts_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.__main__ import main
from graphs.sales.data.database import URL
from graphs.sales.data.erase import erase_contact
from graphs.sales.data.load import load_rows
from graphs.sales.data.provenance import set_field
from graphs.sales.data.suppression import (
    make_person_keys,
    suppress_address,
    suppress_domain,
    suppress_person,
)
from graphs.sales.data.tables import Company, Contact
from graphs.sales.lists import importing
from graphs.sales.lists.merging import merge_entry
from graphs.sales.lists.references import FOLDER

_CSV = """\
Vorname;Nachname;E-Mail;Firma;Position;Telefon;Land;Notiz
Dana;Reyes;Dana@acme.example;Acme;Head of Support;030 901820;Deutschland;x
Bo;Li;bo@gmail.com;;CTO;;;
;;nobody;;;;;
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of lists."""
    path = tmp_path / "lists"
    path.mkdir()
    monkeypatch.setenv(FOLDER, str(path))
    return path


async def _import(now: datetime, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {**({"rows": list(rows)} if rows else {}), "now": now.isoformat(), **more}
    answer: dict[str, Any] = await graph.ainvoke(given)
    return answer


def _count(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[each] for each in ("inserted", "merged", "unchanged", "rejected_count"))


async def _list(database: Database) -> list[Contact]:
    async with database.read() as session:
        return [*(await session.scalars(select(Contact).order_by(Contact.email)))]


async def test_a_csv_file_goes_in_with_its_provenance(
    database: Database, now: datetime, folder: Path
) -> None:
    (folder / "fair.csv").write_bytes(_CSV.encode("cp1252"))
    answer = await _import(now, csv_ref="fair.csv", country="DE", source="Fair 2026")
    assert _count(answer) == (2, 0, 0, 1)
    assert answer["rejected"] == [{"row": 4, "reason": "email is no mail address"}]
    assert (answer["ignored_columns"], answer["delimiter"]) == (["Notiz"], ";")
    bo, dana = await _list(database)
    assert (dana.name, dana.title, dana.phone, dana.country, dana.source) == (
        "Dana Reyes", "Head of Support", "+4930901820", "DE", "Fair 2026",
    )  # fmt: skip
    assert dana.provenance["title"] == {
        "source": "person", "at": now.isoformat(), "confidence": 1.0, "origin": "Fair 2026",
    }  # fmt: skip
    async with database.read() as session:
        company = await session.get_one(Company, dana.company_id)
    assert (company.name, company.domain) == ("Acme", "acme.example")
    assert company.provenance["domain"]["source"] == "mail address"
    assert (bo.name, bo.company_id) == ("Bo Li", None)


async def test_the_same_list_again_changes_nothing(database: Database, now: datetime) -> None:
    rows = [
        {
            "email": "a@acme.example",
            "name": "Ana",
            "company": "Acme",
            "title": "CEO",
            "optin": "yes",
        },
        {"email": "A@acme.example", "title": "CFO"},
        {"name": "Bo Li", "company": "Acme"},
        {"linkedin": "linkedin.com/in/cy", "website": "cy.example"},
    ]
    assert _count(await _import(now, *rows)) == (3, 0, 0, 0)
    before = await _list(database)
    again = await _import(now + timedelta(days=1), *rows)
    assert (_count(again), again["repeated"]) == ((0, 0, 3, 0), 1)
    for one, other in zip(before, await _list(database), strict=True):
        assert (one.provenance, one.updated_at, one.consent) == (
            other.provenance, other.updated_at, other.consent,
        )  # fmt: skip
    async with database.read() as session:
        assert len((await session.scalars(select(Company))).all()) == 2


async def test_a_list_wins_over_what_programs_found_and_older_lists(
    database: Database, now: datetime
) -> None:
    await _import(now, {"email": "a@acme.example", "title": "CFO"}, source="old list")
    async with database.begin() as session:
        contact = (await session.scalars(select(Contact))).one()
        set_field(contact, "name", "A. Noe", source="https://acme.example", now=now)
        contact.email_status = "valid"
    row = {"email": "a@acme.example", "title": "CEO", "name": "Ana Noe"}
    assert _count(await _import(now, row)) == (0, 1, 0, 0)
    (contact,) = await _list(database)
    assert (contact.title, contact.name) == ("CEO", "Ana Noe")
    assert (contact.email_status, contact.source) == ("valid", "old list")


async def test_a_list_may_fill_only_what_is_empty(database: Database, now: datetime) -> None:
    await _import(now, {"email": "a@acme.example", "title": "CFO"})
    row = {"email": "a@acme.example", "title": "CEO", "phone": "+4930901820"}
    assert _count(await _import(now, row, existing="keep")) == (0, 1, 0, 0)
    (contact,) = await _list(database)
    assert (contact.title, contact.phone) == ("CFO", "+4930901820")


async def test_a_dry_run_says_the_same_and_writes_nothing(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_CHUNK", 5)
    rows = [{"email": f"{n % 13}@acme.example", "company": "Acme"} for n in range(25)]
    dry = await _import(now, *rows, dry_run=True)
    assert await _list(database) == []
    assert dry == await _import(now, *rows)
    assert (_count(dry), dry["repeated"]) == ((13, 0, 0, 0), 12)


async def test_who_must_not_be_written_to_stays_out(database: Database, now: datetime) -> None:
    await _import(now, {"email": "old@acme.example", "linkedin": "linkedin.com/in/una"})
    salt = await database.read_salt()
    async with database.begin() as session:
        await suppress_address(session, "old@acme.example", salt, reason="objected", now=now)
        await suppress_address(session, "bo@acme.example", salt, reason="unsubscribed", now=now)
        await suppress_domain(session, "rival.example", reason="manual", now=now)
    answer = await _import(
        now,
        {"email": "BO@acme.example", "company": "Newly"},
        {"email": "x@mail.rival.example"},
        {"email": "new@acme.example", "linkedin": "linkedin.com/in/una"},
    )
    assert [(note["row"], note["reason"]) for note in answer["rejected"]] == [
        (1, "suppressed: they unsubscribed"),
        (2, "suppressed: somebody here suppressed the address or its domain"),
        (3, "suppressed: they objected to our mail"),
    ]
    assert [each.email for each in await _list(database)] == ["old@acme.example"]
    async with database.read() as session:
        assert await session.scalar(select(Company).where(Company.name == "Newly")) is None


async def test_who_was_erased_does_not_come_back(database: Database, now: datetime) -> None:
    row = {"email": "dana@acme.example", "name": "Dana Reyes", "company": "Acme"}
    await _import(now, row)
    (contact,) = await _list(database)
    await erase_contact(database, contact.id, now)
    answer = await _import(now, row)
    assert answer["rejected"][0]["reason"].startswith("suppressed: they asked to be erased")
    assert await _list(database) == []


async def test_people_are_found_by_profile_and_by_name_in_their_company(
    database: Database, now: datetime
) -> None:
    await _import(
        now,
        {"name": "Dana Reyes", "company": "Acme"},
        {"name": "Bo Li", "linkedin": "https://linkedin.com/in/bo"},
    )
    answer = await _import(
        now,
        {"name": "DANA REYES", "company": "acme", "email": "dana@acme.example"},
        {"linkedin": "linkedin.com/in/bo/?x=1", "email": "bo@b.example"},
    )
    assert _count(answer) == (0, 2, 0, 0)
    assert [each.email for each in await _list(database)] == ["bo@b.example", "dana@acme.example"]


async def test_a_name_that_several_bear_is_not_guessed_at(
    database: Database, now: datetime
) -> None:
    rows = [{"email": f"{each}@acme.example", "name": "Dana", "company": "Acme"} for each in "ab"]
    await _import(now, *rows)
    answer = await _import(now, {"name": "Dana", "company": "Acme"})
    assert answer["rejected"][0]["reason"].startswith("several people of this name")
    other = {"email": "c@acme.example", "name": "Dana", "company": "Acme"}
    assert _count(await _import(now, other)) == (1, 0, 0, 0)


async def test_merged_people_and_companies_are_the_ones_they_became(
    database: Database, now: datetime
) -> None:
    rows = """
companies:
  - {id: new, name: Acme Group, domain: group.example}
  - {id: old, name: Acme, domain: acme.example}
contacts:
  - {id: one, email: one@acme.example, company_id: new}
  - {id: two, email: two@acme.example}
"""
    await load_rows(database, rows, now)
    async with database.begin() as session:
        (await session.get_one(Company, "old")).merged_into = "new"
        (await session.get_one(Contact, "two")).merged_into = "one"
    await _import(now, {"email": "two@acme.example", "title": "CEO", "website": "acme.example"})
    async with database.read() as session:
        one = await session.get_one(Contact, "one")
        two = await session.get_one(Contact, "two")
    assert (one.title, one.company_id, two.title) == ("CEO", "new", None)
    assert (one.email, two.email) == ("one@acme.example", "two@acme.example")


async def test_a_new_address_is_not_known_to_be_good(database: Database, now: datetime) -> None:
    await _import(now, {"email": "a@acme.example", "linkedin": "linkedin.com/in/a"})
    async with database.begin() as session:
        (await session.scalars(select(Contact))).one().email_status = "valid"
    await _import(now, {"email": "b@acme.example", "linkedin": "linkedin.com/in/a"})
    (contact,) = await _list(database)
    assert (contact.email, contact.email_status) == ("b@acme.example", None)


async def test_a_crash_in_the_middle_is_mended_by_the_same_call(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"email": f"{n:02}@acme.example"} for n in range(25)]
    monkeypatch.setattr(importing, "_CHUNK", 10)

    async def crash(session: Any, entry: Any, *rest: Any) -> Any:
        if entry.email.startswith("15"):
            raise ConnectionError("the pod went away")
        return await merge_entry(session, entry, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(importing, "merge_entry", crash)
        with pytest.raises(ConnectionError):
            await _import(now, *rows)
    assert len(await _list(database)) == 10
    assert _count(await _import(now, *rows)) == (15, 0, 10, 0)


async def test_a_hundred_rows_take_a_few_queries_and_not_some_each(
    database: Database, now: datetime
) -> None:
    queries: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        queries.append(statement)

    rows = [
        {"email": f"{n}@{n % 20}.example", "name": f"Dana {n}", "company": f"Company {n % 20}"}
        for n in range(100)
    ]
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    for expected in ((100, 0, 0, 0), (0, 0, 100, 0)):
        queries.clear()
        assert _count(await _import(now, *rows)) == expected
        assert len(queries) < 20


@pytest.mark.parametrize("chunk", [1, 2, 100])
async def test_rows_of_one_list_meet_whatever_goes_in_with_them(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(importing, "_CHUNK", chunk)
    rows = [
        {"email": "dana@acme.example", "name": "Dana Reyes", "company": "Acme"},
        {"name": "Bo Li", "company": "ACME", "linkedin": "linkedin.com/in/bo"},
        {"email": "bo@acme.example", "name": "bo li", "website": "acme.example"},
        {"email": "ola@moeller.example", "name": "Ola Berg", "company": "MÖLLER"},
        {"name": "Cy Noe", "company": "MÖLLER", "linkedin": "linkedin.com/in/cy"},
    ]
    answer = await _import(now, *rows)
    assert (_count(answer), answer["repeated"]) == ((4, 1, 0, 0), 0)
    async with database.read() as session:
        names = (await session.scalars(select(Company.name).order_by(Company.name))).all()
    assert names == ["Acme", "MÖLLER"]


@pytest.mark.parametrize("chunk", [1, 100])
async def test_who_was_erased_is_known_by_a_name_that_another_row_gives_the_company(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(importing, "_CHUNK", chunk)
    keys = make_person_keys(
        await database.read_salt(), name="Dana Reyes", companies=["Acme Robotics"]
    )
    async with database.begin() as session:
        await suppress_person(session, keys, now=now)
    answer = await _import(
        now,
        {"email": "bo@acme.example", "company": "Acme Robotics"},
        {"email": "dana@acme.example", "name": "Dana Reyes"},
    )
    assert _count(answer) == (1, 0, 0, 1)
    assert "asked to be erased" in answer["rejected"][0]["reason"]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("../secret.csv", "not below SALES_LISTS_DIR"),
        ("/etc/passwd", "not below SALES_LISTS_DIR"),
        ("link.csv", "not below SALES_LISTS_DIR"),
        ("none.csv", "No list none.csv"),
        ("a\0b", "No list"),
        (".", "is no file"),
        ("pipe", "is no file"),
        ("ftp://acme.example/a.csv", "is a file of SALES_LISTS_DIR"),
        ("file:///etc/passwd", "is a file of SALES_LISTS_DIR"),
    ],
)
async def test_no_file_outside_the_folder_is_read(
    database: Database, now: datetime, folder: Path, reference: str, words: str
) -> None:
    (folder.parent / "secret.csv").write_text("Email\nd@a.example\n")
    (folder / "link.csv").symlink_to(folder.parent / "secret.csv")
    os.mkfifo(folder / "pipe")
    with pytest.raises(ValueError, match=words):
        await _import(now, csv_ref=reference)


async def test_links_within_the_folder_are_followed_as_volumes_have_them(
    database: Database, now: datetime, folder: Path
) -> None:
    (folder / "..2026").mkdir()
    (folder / "..2026" / "a.csv").write_text("Email\nd@a.example\n")
    (folder / "..data").symlink_to("..2026")
    (folder / "a.csv").symlink_to("..data/a.csv")
    assert _count(await _import(now, csv_ref="a.csv")) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send csv_ref, a file of SALES_LISTS_DIR, or rows"),
        ({"csv_ref": "a.csv", "rows": []}, "Send csv_ref"),
        ({"csv_ref": "a.csv"}, "csv_ref needs SALES_LISTS_DIR"),
        ({"rows": "x"}, "rows is a list of objects"),
        ({"rows": ["x"]}, "rows is a list of objects"),
        ({"rows": []}, "No column says who"),
        ({"rows": [{"email": "a@b.example"}], "existing": "drop"}, "existing is 'drop'"),
        ({"rows": [{"email": "a@b.example"}], "country": "Narnia"}, "country is no country"),
        ({"rows": [{"email": "a@b.example"}], "columns": {"x": "name"}}, "no column 'x'"),
        ({"rows": [{"email": "a@b.example"}], "columns": ["x"]}, "columns is an object"),
        ({"rows": [{"email": "a@b.example"}], "now": "soon"}, "now is 'soon'"),
    ],
)
async def test_invalid_input_says_what_to_send(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
    assert await _list(database) == []


def _run(
    file: Path, *options: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int | str | None, str, str]:
    monkeypatch.setattr(sys, "argv", ["graphs.sales.data", "import", str(file), *options])
    try:
        code: int | str | None = main()
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def url(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of the command's own: it opens and closes it."""
    shutil.copy(migrated, tmp_path / "sales.db")
    monkeypatch.setenv(URL, f"sqlite:///{tmp_path / 'sales.db'}")


@pytest.mark.usefixtures("url")
def test_the_command_line_prints_what_became_of_each_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fair.csv").write_text(_CSV)
    options = ("--country", "Germany", "--column", "Notiz=", "--column", "Position=title")
    reports = []
    for more in (["--dry-run"], [], []):
        run = _run(tmp_path / "fair.csv", *options, *more, monkeypatch=monkeypatch, capsys=capsys)
        assert (run[0], run[2]) == (0, "")
        reports.append(json.loads(run[1]))
    dry, first, second = reports
    assert (first["inserted"], first["rejected_count"], first["columns"]["Vorname"]) == (
        2, 1, "first_name",
    )  # fmt: skip
    assert dry == {"dry_run": True, **first}
    assert (second["inserted"], second["unchanged"]) == (0, 2)


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (None, [], "No such file"),
        ("", [], "The file is empty"),
        ("a,b\n", [], "No row names a column"),
        (_CSV, ["--country", "Narnia"], "'Narnia' is no country"),
        (_CSV, ["--column", "Notiz"], "'Notiz' is not HEADER=FIELD"),
        (_CSV, ["--column", "Notiz=x"], "'x' is none of email"),
        (_CSV, ["--encoding", "klingon"], "encoding is 'klingon'"),
    ],
)
def test_the_command_line_says_what_is_wrong_in_words(
    tmp_path: Path,
    text: str | None,
    options: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if text is not None:
        (tmp_path / "a.csv").write_text(text)
    code, out, err = _run(tmp_path / "a.csv", *options, monkeypatch=monkeypatch, capsys=capsys)
    assert (code in (1, 2), out) == (True, "")
    assert words in err
