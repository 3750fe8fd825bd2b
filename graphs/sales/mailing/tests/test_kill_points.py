"""A send that is killed at its lines; `python -m killpoints` does it at each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graphs.sales.data.database import URL
from killpoints.loop import Loop
from mail_server import MailServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
# No divisor of anything: other lines are met as the code changes.
_STEP = 31


@pytest.fixture
def loop(
    tmp_path: Path, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Loop]:
    monkeypatch.setenv(URL, "set by the loop")
    loop = Loop(tmp_path, mail_server)
    yield loop
    loop.close()


def test_a_send_killed_at_any_line_mails_once_and_forgets_nothing(loop: Loop) -> None:
    deaths = list(loop.kill_at_every(_STEP))
    assert len(deaths) > 20
    assert [death for death in deaths if not death.is_good] == []
    assert max(loop.taken.values()) == 1
    assert len({death.place.partition(":")[0] for death in deaths}) > 3
