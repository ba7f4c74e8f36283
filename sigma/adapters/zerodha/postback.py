"""Kite's postback: the row of an order, posted to the app's address with a checksum (wire.md C, F)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal

from sigma.adapters.rows import Row, RowError
from sigma.adapters.zerodha import mapping
from sigma.adapters.zerodha.client import needed
from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import Denied, InvalidInput
from sigma.ports.broker import AdapterContext


def read_postback(credentials: Mapping[str, str], body: bytes, context: AdapterContext) -> BrokerOrder:
    """Return the order that a postback tells of.

    The checksum is sha256 of order id, order time and API secret (wire.md C): it proves which app the news is of, and of which
    order; not what is said of it, nor which of the app's clients placed it.

    Raises
    ------
    Denied
        The checksum is not one of this app's.
    InvalidInput
        It is no postback, or the account lacks its API secret.
    """
    needed(credentials, "api_secret")
    try:
        row = Row(json.loads(body, parse_float=Decimal))
        proof = row.word("order_id") + row.word("order_timestamp") + credentials["api_secret"]
        checksum = row.text("checksum").lower()
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This is no postback of Zerodha's: {_clipped(error)}.") from None
    if not hmac.compare_digest(hashlib.sha256(_bytes(proof)).hexdigest().encode(), _bytes(checksum)):
        raise Denied("The checksum of this postback is wrong.", hint="Is the account's API secret that of the app?")
    try:
        return mapping.order(row, context.instruments)
    except (RowError, ValueError, ArithmeticError) as error:
        raise InvalidInput(f"The order of this postback cannot be read: {_clipped(error)}.") from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _clipped(error: Exception) -> str:
    return str(error)[:200]
