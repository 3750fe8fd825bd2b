from __future__ import annotations

from pathlib import Path

from graphwarden.local.process import read_tail
from graphwarden.local.tail import LogTail


def test_lines_are_told_once_they_are_whole_and_old_ones_are_not(tmp_path: Path) -> None:
    log = tmp_path / "router.log"
    log.write_text("old\n")
    tail = LogTail(tmp_path)
    with log.open("a") as out:
        out.write("new\nhal")
    assert tail.read_lines() == [("router", "new")]
    with log.open("a") as out:
        out.write("f\n")
    assert tail.read_lines() == [("router", "half")]
    assert tail.read_lines() == []


def test_a_log_that_comes_later_is_told_from_its_start(tmp_path: Path) -> None:
    tail = LogTail(tmp_path)
    (tmp_path / "worker-a.log").write_text("first\n")
    assert tail.read_lines() == [("worker-a", "first")]


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("".join(f"{n}\n" for n in range(9999)))
    assert read_tail(log, lines=2) == ["  | 9997", "  | 9998"]


def test_a_log_that_does_not_exist_has_no_tail(tmp_path: Path) -> None:
    assert read_tail(tmp_path / "x.log") == []
