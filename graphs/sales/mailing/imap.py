"""Read a mailbox over IMAP (RFC 9051), in a thread. Nothing is ever deleted, moved or marked."""

from __future__ import annotations

import asyncio
import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphs.sales.mailing.smtp import Account
from graphs.sales.spans import span

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

_TIMEOUT_SECONDS = 30.0
# Names that servers without RFC 6154's \Sent give to the folder of sent mails.
_SENT_NAMES = ("Sent", "Sent Items", "Sent Messages", "INBOX.Sent", "[Gmail]/Sent Mail", "Gesendet")


class MailboxUnreachable(RuntimeError):
    """The server cannot be reached or does not let us in; the text says which, without secrets."""


@dataclass(frozen=True)
class Place:
    """How far a folder was read. Another `uid_validity` makes every UID void (RFC 9051, 2.3.1)."""

    uid_validity: int = 0
    last_uid: int = 0


@dataclass(frozen=True)
class Fetched:
    """One mail as it is stored."""

    uid: int
    raw: bytes


@dataclass(frozen=True)
class Batch:
    """The next mails of a folder, oldest first, and the place after them."""

    mails: Sequence[Fetched]
    place: Place


async def fetch_new(account: Account, folder: str, place: Place, limit: int) -> Batch:
    """Mails that came after `place`; from the start where the folder was made anew.

    Raises:
        MailboxUnreachable: the server cannot be asked, or has no such folder.
    """
    with span("imap fetch", {"server.address": account.host}, kind="client") as reading:
        batch = await asyncio.to_thread(_fetch, account, folder, place, limit)
        reading.set(mails=len(batch.mails))
        return batch


async def has_sent(account: Account, message_id: str, folder: str | None = None) -> bool:
    """Whether the folder of sent mails has this Message-ID.

    Raises:
        MailboxUnreachable: the server cannot be asked, or has no such folder.
    """
    with span("imap search", {"server.address": account.host}, kind="client"):
        return await asyncio.to_thread(_search, account, message_id, folder)


def _fetch(account: Account, folder: str, place: Place, limit: int) -> Batch:
    with _open(account) as box:
        box.folder.set(folder, readonly=True)
        status = box.folder.status(folder, ["UIDVALIDITY", "UIDNEXT"])
        validity = int(status["UIDVALIDITY"])
        last = place.last_uid if validity == place.uid_validity else 0
        if last + 1 >= int(status["UIDNEXT"]):
            return Batch([], Place(validity, last))
        # `n:*` holds the last mail even when its UID is below n.
        found = sorted(int(uid) for uid in box.uids(f"UID {last + 1}:*") if int(uid) > last)
        mails = [Fetched(uid, _read(box, uid)) for uid in found[:limit]]
        return Batch(mails, Place(validity, mails[-1].uid if mails else last))


def _read(box: BaseMailBox, uid: int) -> bytes:
    kind, data = box.client.uid("fetch", str(uid), "(BODY.PEEK[])")
    parts = [part[1] for part in data if isinstance(part, tuple)]
    if kind != "OK" or not parts:
        raise MailboxUnreachable(f"The server does not give the mail with UID {uid}.")
    return bytes(parts[0])


def _search(account: Account, message_id: str, folder: str | None) -> bool:
    from imap_tools import AND, Header

    with _open(account) as box:
        box.folder.set(folder or _find_sent(box), readonly=True)
        return bool(box.uids(AND(header=Header("Message-ID", message_id))))


def _find_sent(box: BaseMailBox) -> str:
    folders = box.folder.list()
    marked = [each.name for each in folders if any("\\sent" in f.lower() for f in each.flags)]
    named = [name for name in _SENT_NAMES if name in {each.name for each in folders}]
    if not marked and not named:
        raise MailboxUnreachable("There is no folder of sent mails: name it in imap.sent.")
    return (marked or named)[0]


@contextmanager
def _open(account: Account) -> Iterator[BaseMailBox]:
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted
    from imap_tools.errors import ImapToolsError

    kinds = {"none": MailBoxUnencrypted, "tls": MailBox, "starttls": MailBoxStartTls}
    secure = {} if account.security == "none" else {"ssl_context": ssl.create_default_context()}
    try:
        box = kinds[account.security](
            account.host, account.port, timeout=_TIMEOUT_SECONDS, **secure
        )
        with box.login(account.username, account.password, initial_folder=None) as opened:
            yield opened
    except (ImapToolsError, imaplib.IMAP4.error, OSError) as error:
        # The server's own words may quote the password or an address.
        raise MailboxUnreachable(
            f"{account.host}:{account.port} cannot be read as it is set up: {type(error).__name__}"
        ) from None
