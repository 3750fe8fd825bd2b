"""The page's own files, read once, and the headers under which a browser runs nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

PREFIX = "/console"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_GUARDS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # A browser asks each time, and is answered 304 until the router is another one.
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page, and the headers of its answer."""

    body: bytes
    headers: Mapping[str, str]


def load_assets() -> dict[str, Asset]:
    """The files by path; the page itself is `/console/`."""
    folder = resources.files(__package__) / "page"
    found = {
        f"{PREFIX}/{file.name}": _make_asset(file.name, file.read_bytes())
        for file in folder.iterdir()
        if file.is_file()
    }
    return {**found, f"{PREFIX}/": found[f"{PREFIX}/index.html"]}


def _make_asset(name: str, body: bytes) -> Asset:
    suffix = name[name.rindex(".") :]
    tag = hashlib.sha256(body).hexdigest()[:16]
    return Asset(body, {"content-type": _TYPES[suffix], "etag": f'"{tag}"', **_GUARDS})
