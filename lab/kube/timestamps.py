"""Times as Kubernetes writes them: RFC 3339, in UTC, to the second."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """A moment, whose time zone is UTC, as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    """The present moment."""
    return timestamp(datetime.now(UTC))


def moment_of(text: object) -> datetime | None:
    """The moment that a timestamp of an object names; None for what is no timestamp."""
    if not isinstance(text, str):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def seconds_since(text: str) -> float:
    """Age in seconds of a timestamp that this API server has written."""
    return datetime.now(UTC).timestamp() - datetime.fromisoformat(text).timestamp()
