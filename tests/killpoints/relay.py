"""An SMTP server that counts what it took, and keeps copies of sent mail as providers do."""

from __future__ import annotations

import imaplib
import threading
from collections import Counter
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mail_server import MailServer, free_port


class Relay:
    """Counts mails by Message-ID; with a mail server, puts a copy into the sender's `Sent`."""

    def __init__(self, sent: MailServer | None = None, sender: str = "") -> None:
        self.taken: Counter[str] = Counter()
        self._sent, self._sender = sent, sender
        self._lock = threading.Lock()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Count it; aiosmtpd answers with what is returned."""
        raw = envelope.original_content or b""
        with self._lock:
            self.taken[str(message_from_bytes(raw)["Message-ID"])] += 1
            if self._sent is not None:
                self._keep(self._sent, raw)
        return "250 2.0.0 queued"

    def _keep(self, server: MailServer, raw: bytes) -> None:
        with imaplib.IMAP4(server.host, server.imap_port) as imap:
            imap.login(self._sender, "any")
            imap.create("Sent")
            imap.append("Sent", "", "", raw)


def start_relay(relay: Relay) -> Controller:
    """A controller; `.port` and `.stop()`."""
    controller = Controller(relay, hostname="127.0.0.1", port=free_port(), ready_timeout=20)
    controller.start()
    return controller
