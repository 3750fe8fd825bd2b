"""When a campaign sends, waits and stops. Pure; time comes in as an argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from graphs.sales.mail import parse_mail
from graphs.sales.reply_rules import classify

DEFAULT_DELAYS_DAYS = (0.0, 3.0, 4.0, 7.0, 7.0, 14.0)
_DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class Policy:
    """``delays_seconds[i]`` is the wait before touch i+1; its length is the number of touches."""

    delays_seconds: tuple[float, ...]
    require_approval: bool = False
    paused: bool = False


def read_policy(value: object, context: Mapping[str, Any]) -> Policy:
    """Read {touches, delays_days | delays_seconds, require_approval, paused}.

    The default is six touches, the first at once. Fewer delays than touches: the last repeats.
    Raises ValueError for delays that are no numbers, negative, or no touch at all.
    """
    given = value if isinstance(value, Mapping) else {}
    factor = 1.0 if given.get("delays_seconds") is not None else _DAY_SECONDS
    raw = given.get("delays_seconds")
    raw = given.get("delays_days") if raw is None else raw
    raw = DEFAULT_DELAYS_DAYS if raw is None else raw
    try:
        delays = [float(delay) for delay in raw]
    except (TypeError, ValueError) as error:
        raise ValueError("policy.delays_days (or delays_seconds) is a list of numbers.") from error
    touches = given.get("touches", len(delays))
    if not isinstance(touches, int) or not 1 <= touches <= 50 or not delays or min(delays) < 0:
        raise ValueError("policy needs 1 to 50 touches and delays that are not negative.")
    delays = (delays + [delays[-1]] * touches)[:touches]
    return Policy(
        delays_seconds=tuple(delay * factor for delay in delays),
        require_approval=bool(given.get("require_approval", context.get("require_approval"))),
        paused=bool(given.get("paused")),
    )


def plan_wake(policy: Policy, touches_sent: int, now: datetime) -> datetime | None:
    """When the next touch is due, or None when all were sent."""
    if touches_sent >= len(policy.delays_seconds):
        return None
    return now + timedelta(seconds=policy.delays_seconds[touches_sent])


def find_stop_reason(event: Mapping[str, Any]) -> str | None:
    """Replied, Unsubscribed, Bounced, or None. An automatic reply does not stop a campaign."""
    if event.get("unsubscribed") or event.get("unsubscribe"):
        return "Unsubscribed"
    if event.get("bounced") or event.get("bounce"):
        return "Bounced"
    reply = event.get("reply")
    if not reply:
        return None
    if isinstance(reply, Mapping):
        text = next((str(reply[k]) for k in ("original_email", "text", "body") if reply.get(k)), "")
        kind = str(reply.get("intent") or "")
    else:
        text, kind = str(reply), ""
    kind = kind or (classify(parse_mail(text))[0] if text.strip() else "unclear")
    reasons = {"unsubscribe": "Unsubscribed", "bounce": "Bounced", "auto_reply": None}
    return reasons.get(kind, "Replied")
