"""import_contacts: people of a CSV file, or of rows, into the database.

Every row is inserted, merged with who is there, or rejected with a reason. Who must not be written
to stays out, and the same list again changes nothing.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.lists.cells import InvalidCell, read_country
from graphs.sales.lists.importing import Report, import_sheet, make_sheet
from graphs.sales.lists.merging import Upload
from graphs.sales.lists.references import read_reference
from graphs.sales.lists.sheets import Sheet, read_sheet
from graphs.sales.settings import SalesContext, clean


class ImportInput(TypedDict, total=False):
    """`csv_ref` is a file of SALES_LISTS_DIR; or `rows`, objects whose keys are headers.

    `columns` maps headers that are not understood to fields, or to "" to leave them out. `source`
    is what the list is called; `country` (two letters) is where phone numbers without a code are.
    `existing`: `update` (the default) lets the list win over older values, `keep` fills what is
    empty. `basis` is the legal ground on which new people are kept. `now` stands in for the clock.
    """

    csv_ref: str
    rows: list[dict[str, Any]]
    columns: dict[str, str]
    encoding: str
    delimiter: str
    source: str
    country: str
    existing: Literal["update", "keep"]
    basis: str
    dry_run: bool
    now: str


class Left(TypedDict):
    """A row by its number (a spreadsheet's: the header is row 1; of `rows`, the first is 1)."""

    row: int
    reason: str


class ImportOutput(TypedDict, total=False):
    """`merged` are people who were there and got something new, `unchanged` who got nothing;
    `repeated` rows went in with the first row of the same person.

    `rejected` and `warnings` (cells that were left out) name the first thousand rows each.
    """

    inserted: int
    merged: int
    unchanged: int
    repeated: int
    rejected_count: int
    rejected: list[Left]
    warnings: list[Left]
    columns_read: dict[str, str]
    ignored_columns: list[str]
    encoding: str
    delimiter: str


class ImportState(ImportInput, ImportOutput, total=False):
    """Input and output together."""


async def import_list(state: ImportState, runtime: Runtime[SalesContext]) -> ImportState:
    """Read the list and merge it; what is wrong with it as a whole is told before any row is."""
    del runtime
    existing = state.get("existing") or "update"
    if existing not in ("update", "keep"):
        raise ValueError(f"existing is {existing!r}; send update or keep.")
    columns = state.get("columns") or {}
    if not isinstance(columns, dict) or not all(isinstance(each, str) for each in columns.values()):
        raise ValueError('columns is an object such as {"Your header": "email"}.')
    sheet = await _read_list(state)
    upload = Upload(
        source=clean(state.get("source")) or clean(state.get("csv_ref")) or "rows",
        now=read_now(state.get("now")),
        keep=existing == "keep",
        basis=clean(state.get("basis"))[:40] or "legitimate_interest",
    )
    report = await import_sheet(
        await open_database(),
        sheet,
        upload,
        columns=columns,
        country=_read_country(state.get("country")),
        dry_run=state.get("dry_run") is True,
    )
    return _show(report, sheet)


async def _read_list(state: ImportState) -> Sheet:
    reference, rows = clean(state.get("csv_ref")), state.get("rows")
    if bool(reference) == (rows is not None):
        raise ValueError("Send csv_ref, a file of SALES_LISTS_DIR, or rows, a list of objects.")
    if not reference:
        if not isinstance(rows, list):
            raise ValueError('rows is a list of objects, such as [{"email": "dana@acme.example"}].')
        return make_sheet(rows)
    data = await read_reference(reference)
    encoding, delimiter = clean(state.get("encoding")), str(state.get("delimiter") or "")
    return read_sheet(data, encoding or None, delimiter or None)


def _read_country(given: object) -> str | None:
    try:
        return read_country(given)
    except InvalidCell as error:
        raise ValueError(f"country {error}.") from None


def _show(report: Report, sheet: Sheet) -> ImportState:
    told = report.as_dict()
    return {
        "inserted": report.inserted,
        "merged": report.merged,
        "unchanged": report.unchanged,
        "repeated": report.repeated,
        "rejected_count": report.rejected_count,
        "rejected": told["rejected"],
        "warnings": told["warnings"],
        "columns_read": report.columns,
        "ignored_columns": report.ignored_columns,
        "encoding": sheet.encoding,
        "delimiter": sheet.delimiter,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        ImportState,
        context_schema=SalesContext,
        input_schema=ImportInput,
        output_schema=ImportOutput,
    )
    builder.add_node("import_list", import_list)
    builder.add_edge(START, "import_list")
    builder.add_edge("import_list", END)
    return builder.compile(checkpointer=checkpointer, name="import_contacts")


graph = build_graph()
