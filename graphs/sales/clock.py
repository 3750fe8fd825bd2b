"""The one place where the sales graphs read the time."""

from datetime import UTC, datetime


def read_now(given: object = None) -> datetime:
    """``given`` (ISO 8601 text or a datetime) when there is one, else the clock; always UTC."""
    if isinstance(given, datetime):
        moment = given
    elif isinstance(given, str) and given:
        try:
            moment = datetime.fromisoformat(given)
        except ValueError as error:
            raise ValueError(
                f"now is {given!r}; send an ISO 8601 time such as 2026-11-23T09:00:00Z."
            ) from error
    else:
        return datetime.now(UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
