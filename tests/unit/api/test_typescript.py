from __future__ import annotations

import ast
from pathlib import Path

import pytest

from graphwarden.api import errors, typescript
from graphwarden.api.errors import NOT_STARTED, Reason, list_reasons
from graphwarden.api.typescript import render_errors

_PACKAGE = Path(errors.__file__).parents[1]


def test_every_reason_has_a_class() -> None:
    text = render_errors()
    for reason in list_reasons():
        assert f"export class {reason}Error extends GraphwardenError {{" in text
        assert f"  {reason}: {reason}Error,\n" in text
    assert set(list_reasons()) > NOT_STARTED


def test_what_a_server_refuses_as_not_started_may_be_sent_again() -> None:
    refused = {
        reason
        for path in _PACKAGE.glob("*/**/*.py")
        for reason in _find_reasons(ast.parse(path.read_text()))
    }
    assert Reason.AT_CAPACITY in refused
    assert Reason.QUEUE_FULL in refused
    assert refused <= NOT_STARTED


def _find_reasons(tree: ast.Module) -> set[str]:
    """The reasons that are given to the functions which answer that nothing has begun."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", "") in _REFUSING]
    return {
        getattr(Reason, argument.attr)
        for call in named
        for argument in call.args
        if isinstance(argument, ast.Attribute) and getattr(argument.value, "id", "") == "Reason"
    }


_REFUSING = ("not_started", "retry_later")


def test_a_file_that_differs_fails_the_check_and_is_written_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reasons.ts"
    file.write_text("// old\n")

    def run(*flags: str) -> int:
        monkeypatch.setattr("sys.argv", ["typescript", *flags, str(file)])
        return typescript.main()

    assert run("--check") == 1
    assert capsys.readouterr().err == f"out of date: {file}; run `make generate`\n"
    assert file.read_text() == "// old\n"
    assert run() == 0
    assert run("--check") == 0
