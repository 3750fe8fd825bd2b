"""Addresses of mail on a page, also as people hide them from programs that send junk. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from selectolax.lexbor import LexborNode

from graphs.sales.addresses import Address
from graphs.sales.data.ids import normalise_address
from graphs.sales.web.lines import read_lines
from graphs.sales.web.words import load_words

How = Literal["data", "mailto", "text", "spelled", "encoded"]

_LOCAL = r"[\w.%+'&-]{1,64}"
_LABEL = r"[\w](?:[\w-]{0,61}[\w])?"
_AT_WORD = r"(?:at|ät|aet|a|@|arroba|chiocciola|chez|kukac|snabel-?a|malpa|zavinac)"
_DOT_WORD = r"(?:dot|punkt|punto|point|ponto|pkt|\.)"
_PLAIN = re.compile(rf"(?<![\w.%+-]){_LOCAL}@{_LABEL}(?:\.{_LABEL})+")
_BRACKETED = re.compile(
    rf"(?<![\w.%+-])({_LOCAL})\s*[\[({{<]\s*{_AT_WORD}\s*[\])}}>]\s*"
    rf"({_LABEL}(?:\s*(?:\.|[\[({{<]\s*{_DOT_WORD}\s*[\])}}>]|\s(?:dot|punkt|punto|point)\s)\s*{_LABEL})+)",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    rf"(?<![\w.%+-])({_LOCAL})\s+(?:at|ät|arroba)\s+({_LABEL}(?:\s+(?:dot|punkt|punto|point)\s+{_LABEL})+)\b",
    re.IGNORECASE,
)
_DOT = re.compile(
    rf"\s*[\[({{<]\s*{_DOT_WORD}\s*[\])}}>]\s*|\s+(?:dot|punkt|punto|point)\s+|\s*\.\s*",
    re.IGNORECASE,
)
_TYPO3 = re.compile(r"(?:linkTo_)?UnCryptMailto\((?:'|%27|\")([^'\"]+?)(?:'|%27|\")", re.IGNORECASE)


@dataclass(frozen=True)
class FoundMail:
    """An address, normalised. `label` is the text of its link, where it has one."""

    address: str
    how: How
    label: str = ""

    @property
    def is_role(self) -> bool:
        """Whether it belongs to a desk and not to a person, by its first part."""
        local, _, domain = self.address.partition("@")
        return Address(local, domain).is_role


def find_mails(root: LexborNode) -> list[FoundMail]:
    """The addresses in an element, each once, the surest reading first."""
    found: dict[str, FoundMail] = {}
    for mail in (*_read_links(root), *_read_attributes(root), *_read_text(root)):
        found.setdefault(mail.address, mail)
    return list(found.values())


def read_address(text: str) -> str | None:
    """A normalised address, or None for what only looks like one."""
    address = normalise_address(unquote(text)).strip(".,;:<>\"'()[]")
    local, at, domain = address.partition("@")
    labels = domain.split(".")
    if not at or not re.fullmatch(_LOCAL, local) or len(address) > 254 or len(labels) < 2:
        return None
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    if not all(re.fullmatch(_LABEL, each) for each in labels):
        return None
    words, top = load_words(), labels[-1]
    if top in words.files or not re.fullmatch(r"[^\W\d_]{2,24}|xn--[a-z0-9-]+", top):
        return None
    if domain in words.placeholders or domain.endswith((".sentry.io", ".wixpress.com")):
        return None
    return None if re.fullmatch(r"[0-9a-f]{24,}", local) else address


def _read_links(root: LexborNode) -> Iterator[FoundMail]:
    for link in root.css("a[href], area[href]"):
        target = (link.attributes.get("href") or "").strip()
        label = " ".join(link.text().split())[:200]
        if target[:7].lower() == "mailto:":
            for part in unquote(target[7:].partition("?")[0]).split(","):
                address = read_address(part)
                if address is None:
                    address = next(_find_spelled(part), None)
                if address:
                    yield FoundMail(address, "mailto", "" if "@" in label else label)
        elif "/cdn-cgi/l/email-protection#" in target:
            yield from _as_encoded(_decode_cloudflare(target.rpartition("#")[2]), label)
        elif hidden := _TYPO3.search(unquote(target) + (link.attributes.get("onclick") or "")):
            yield from _as_encoded(_decode_shifted(hidden.group(1)), label)


def _read_attributes(root: LexborNode) -> Iterator[FoundMail]:
    for node in root.css("[data-cfemail]"):
        yield from _as_encoded(_decode_cloudflare(node.attributes.get("data-cfemail") or ""))
    for node in root.css("[data-mailto-token]"):
        yield from _as_encoded(_decode_shifted(node.attributes.get("data-mailto-token") or ""))
    for node in root.css("[data-user][data-domain], [data-name][data-domain]"):
        given = node.attributes
        local, domain = given.get("data-user") or given.get("data-name"), given.get("data-domain")
        top = given.get("data-tld")
        yield from _as_encoded(f"{local}@{domain}{'.' + top if top else ''}")
    for node in root.css("[style]"):
        if re.search(r"direction\s*:\s*rtl", node.attributes.get("style") or "", re.IGNORECASE):
            yield from _as_encoded(node.text().strip()[::-1])


def _read_text(root: LexborNode) -> Iterator[FoundMail]:
    for line in read_lines(root):
        if len(line) > 20_000:
            line = line[:20_000]
        for match in _PLAIN.finditer(line):
            if address := read_address(match.group()):
                yield FoundMail(address, "text")
        for address in _find_spelled(line):
            yield FoundMail(address, "spelled")


def _find_spelled(text: str) -> Iterator[str]:
    for pattern in (_BRACKETED, _SPELLED):
        for match in pattern.finditer(text):
            address = read_address(f"{match.group(1)}@{_DOT.sub('.', match.group(2))}")
            if address:
                yield address


def _as_encoded(text: str, label: str = "") -> Iterator[FoundMail]:
    address = read_address(text)
    if address:
        yield FoundMail(address, "encoded", "" if "@" in label else label)


def _decode_cloudflare(digits: str) -> str:
    """Each byte is mixed with the first one (exclusive or)."""
    try:
        key, *rest = bytes.fromhex(digits)
    except ValueError:
        return ""
    return bytes(each ^ key for each in rest).decode("utf-8", errors="replace")


def _decode_shifted(text: str) -> str:
    """TYPO3 moves every character of `mailto:...` by the same step within three ranges."""
    for step in range(-25, 26):
        moved = "".join(_shift(each, step) for each in text)
        if moved.startswith("mailto:"):
            return moved.removeprefix("mailto:")
    return ""


def _shift(character: str, step: int) -> str:
    for first, last in (("+", ":"), ("@", "Z"), ("a", "z")):
        if first <= character <= last:
            size = ord(last) - ord(first) + 1
            return chr((ord(character) - ord(first) + step) % size + ord(first))
    return character
