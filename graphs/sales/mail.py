"""Inbound mail: raw RFC 5322 text, or just the words of a mail, as one value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_string, policy
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from graphs.sales.quoting import remove_quoted

_HEADER = re.compile(r"^[A-Za-z][A-Za-z0-9-]*:[ \t]?\S?")
_TELLING = re.compile(
    r"^(?:from|to|subject|date|message-id|received|return-path|mime-version|delivered-to):",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Inbound:
    """``text`` is the whole body, ``new_text`` what its sender wrote; header names lower case."""

    text: str
    new_text: str
    subject: str = ""
    from_name: str = ""
    from_address: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


def parse_mail(source: str) -> Inbound:
    """Parse raw RFC 5322 text; text without a header block is taken as the body alone."""
    source = source.replace("\r\n", "\n").lstrip("\ufeff\n")
    if not looks_raw(source):
        return Inbound(text=source.strip(), new_text=remove_quoted(source))
    return read_message(message_from_string(source, policy=policy.default))


def read_message(message: EmailMessage) -> Inbound:
    """A mail that is parsed already, from bytes or from text."""
    text = read_body(message)
    name, address = parseaddr(str(message.get("From", "")))
    return Inbound(
        text=text,
        new_text=remove_quoted(text),
        subject=" ".join(str(message.get("Subject", "")).split()),
        from_name=name.strip(),
        from_address=address.lower(),
        message_id=str(message.get("Message-ID", "")).strip(),
        references=tuple(re.findall(r"<[^<>\s]+>", str(message.get("References", "")))),
        content_type=message.get_content_type(),
        headers={key.lower(): str(value) for key, value in message.items()},
    )


def join_headers(text: str, headers: Mapping[str, Any]) -> str:
    """A raw mail of a body and the headers that came beside it; the body alone without any.

    Raises ValueError for names and values that no mail has.
    """
    if not headers:
        return text
    for name, value in headers.items():
        if not re.fullmatch(r"[!-9;-~]+", str(name)) or re.search(r"[\r\n]", str(value)):
            raise ValueError("headers maps names such as Auto-Submitted to values of one line.")
    known = {str(name).lower() for name in headers}
    # A block without any of these would be read as a part of the body.
    head = {**({} if known & {"from", "subject"} else {"Subject": ""}), **headers}
    return "".join(f"{name}: {value}\n" for name, value in head.items()) + f"\n{text}"


def looks_raw(source: str) -> bool:
    """True when the text begins with a header block that names a sender, subject or the like."""
    head = source.split("\n\n", 1)[0]
    first = head.split("\n", 1)[0]
    return bool(_HEADER.match(first)) and len(_TELLING.findall(head)) >= 1


def read_body(message: EmailMessage) -> str:
    """The plain text part, else the HTML part as text, else the texts of a delivery report."""
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        parts = [p for p in message.walk() if p.get_content_maintype() == "text"]
        return "\n".join(str(p.get_payload()) for p in parts).strip()
    content = read_part(part)
    return html_to_text(content) if part.get_content_subtype() == "html" else content.strip()


def read_part(part: MIMEPart) -> str:
    """The text of one part.

    The source is text already, so a part without transfer encoding stands in it as it is, whatever
    charset it declares; only base64 and quoted-printable are decoded, unknown charsets as UTF-8.
    """
    encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
    if encoding not in ("base64", "quoted-printable"):
        return str(part.get_payload())
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset() or "utf-8", errors="replace")
    except LookupError:
        return data.decode("utf-8", errors="replace")


class _Text(HTMLParser):
    """Collects the words of an HTML mail; quoted blocks, scripts and styles are left out."""

    _SILENT = frozenset({"blockquote", "script", "style", "head"})
    _BREAKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._silent += tag in self._SILENT
        if tag in self._BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT and self._silent:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)


def html_to_text(html: str) -> str:
    """The visible words of an HTML mail, one paragraph a line."""
    parser = _Text()
    parser.feed(html)
    lines = (" ".join(line.split()) for line in "".join(parser.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def find_message(folder: str, message_id: str) -> str | None:
    """The raw text of the ``.eml`` file in ``folder`` with this Message-ID, or None."""
    wanted = message_id.strip().strip("<>")
    for path in sorted(Path(folder).glob("*.eml")):
        raw = path.read_text(encoding="utf-8", errors="replace")
        found = message_from_string(raw, policy=policy.default).get("Message-ID", "")
        if str(found).strip().strip("<>") == wanted:
            return raw
    return None
