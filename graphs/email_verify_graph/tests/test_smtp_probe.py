"""The question to a mail server, to one that answers by a script, and who is never asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from dns_server import DnsServer, running_dns_server
from graphs.email_verify_graph import graph
from graphs.email_verify_graph.probing import ask_server, read_refusal
from graphs.sales.addresses import parse_address
from graphs.sales.data import Database
from graphs.sales.dns import SERVERS
from graphs.sales.web.settings import CONNECT_TO

_CONTEXT = {"smtp_probe": True, "probe_sender": "check@northwind.example"}
_RECORDS = {
    ("acme.example", "MX"): ["10 mx.acme.example."],
    ("mx.acme.example", "A"): ["127.0.0.1"],
}


@dataclass
class Script:
    """Answers to RCPT: the first pattern that the address has; `lines` is all that was said."""

    answers: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            text = line.decode().strip()
            self.lines.append(text)
            answer = "250 2.0.0 ok"
            if text.upper().startswith("RCPT"):
                answer = next((a for p, a in self.answers.items() if re.search(p, text)), answer)
            if answer == "drop":
                break
            writer.write(f"{answer}\r\n".encode())
        writer.close()


@pytest.fixture(autouse=True)
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    with running_dns_server(_RECORDS) as server:
        monkeypatch.setenv(SERVERS, server.address)
        yield server


@pytest_asyncio.fixture
async def script(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Script]:
    script = Script()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv(CONNECT_TO, f"mx.acme.example=127.0.0.1:{script.port}")
    async with server:
        yield script


@pytest.mark.parametrize(
    ("answers", "status", "reason", "catch_all"),
    [
        ({"dana": "250 ok", ".": "550 5.1.1 unknown"}, "valid", "ServerTookIt", False),
        ({".": "250 ok"}, "risky", "CatchAll", True),
        ({".": "550 5.1.1 no such user"}, "invalid", "MailboxRefused", False),
        ({".": "550 unknown user"}, "invalid", "MailboxRefused", False),
        ({".": "550 5.7.1 you are listed"}, "valid", "DomainTakesMail", None),
        ({".": "451 4.7.1 greylisted"}, "valid", "DomainTakesMail", None),
        ({".": "drop"}, "valid", "DomainTakesMail", None),
    ],
)
async def test_the_answer_of_a_server_is_evidence(
    database: Database,
    script: Script,
    answers: dict[str, str],
    status: str,
    reason: str,
    catch_all: bool | None,
) -> None:
    script.answers = answers
    answer = await graph.ainvoke({"email": "dana@acme.example"}, context=_CONTEXT)
    assert (answer["status"], answer["reasons"][0]) == (status, reason)
    assert answer["catch_all"] is catch_all


async def test_no_mail_is_sent(database: Database, script: Script) -> None:
    await graph.ainvoke({"email": "dana@acme.example"}, context=_CONTEXT)
    assert "MAIL FROM:<check@northwind.example>" in [
        line.split(" SIZE")[0] for line in script.lines
    ]
    assert not [line for line in script.lines if line.upper().startswith("DATA")]


@pytest.mark.parametrize("context", [None, {"smtp_probe": False, "probe_sender": "a@b.example"}])
async def test_no_server_is_asked_unless_the_context_says_so(
    database: Database, script: Script, context: dict[str, object] | None
) -> None:
    await graph.ainvoke({"email": "dana@acme.example"}, context=context)
    assert script.lines == []


async def test_a_server_of_a_private_network_is_never_asked(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CONNECT_TO)
    address = parse_address("dana@acme.example")
    found = await ask_server(address, ["mx.acme.example"], "check@northwind.example")
    assert (found.asked, script.lines) == ("unclear", [])


async def test_a_sender_is_asked_for(database: Database) -> None:
    with pytest.raises(ValueError, match="smtp_probe needs probe_sender"):
        await graph.ainvoke({"email": "dana@acme.example"}, context={"smtp_probe": True})


@pytest.mark.parametrize(
    ("code", "message", "answer"),
    [
        (550, "5.1.1 unknown", "refused"),
        (550, "5.7.1 spam", "unclear"),
        (550, "go away", "refused"),
        (554, "no", "unclear"),
        (450, "4.2.1 later", "unclear"),
    ],
)
def test_a_refusal_counts_only_where_it_is_about_the_mailbox(
    code: int, message: str, answer: str
) -> None:
    assert read_refusal(code, message) == answer
