"""The official client, unmodified, on a session of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma.adapters.answers import Line
from sigma.adapters.transport import Redactor, WatchedSession
from sigma.adapters.zerodha.answers import DIALECT
from sigma.domain.errors import InvalidInput
from sigma.ports.broker import AdapterContext


def needed(credentials: Mapping[str, str], *names: str) -> None:
    """Refuse credentials that lack one of `names` with InvalidInput."""
    if missing := [name for name in names if not credentials.get(name, "").strip()]:
        raise InvalidInput(f"The Zerodha account lacks {' and '.join(missing)}.", hint="Enter it at the account's settings.")


def kite(
    api_key: str, context: AdapterContext, clean: Redactor, *, token: str = "", writes: bool = False, login: bool = False
) -> tuple[Any, Line]:
    """Return a KiteConnect and the line that its calls are made on. No network call.

    Parameters
    ----------
    token : str
        The session's access token; empty before login.
    """
    from kiteconnect import KiteConnect  # here and not above: it takes half a second and loads Twisted

    session = WatchedSession(context, writes=writes)
    client = KiteConnect(api_key=api_key, access_token=token or None, root=context.url or None, timeout=context.timeout_s)
    client.reqsession = session
    if context.url:
        client._default_login_uri = f"{context.url.rstrip('/')}/connect/login"
    # The client's CSV parser fails on a blank number and reads floats; instruments.py parses the bytes instead.
    client._parse_instruments = lambda data: data
    # It reads each candle's time by guessing, a second for 60 days of minutes; mapping reads the answer instead.
    client._format_historical = lambda data: data
    return client, Line(DIALECT, session, clean, login=login)
