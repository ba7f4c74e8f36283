"""Kite Connect v3 envelopes, number and time forms, and error answers (wire.md B1)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sigma.domain.times import to_ist
from sigma.simulator.http import Response, json_response


class KiteError(Exception):
    """An error answer: HTTP status, error_type and message as Kite words them."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message

    def response(self) -> Response:
        """Return the answer on the wire: all four keys, or the official client crashes (wire.md A1)."""
        return error(self.status, self.error_type, self.message)


BAD_TOKEN = KiteError(403, "TokenException", "Incorrect `api_key` or `access_token`.")


def error(status: int, error_type: str, message: str) -> Response:
    """Return an error envelope."""
    return json_response({"status": "error", "message": message, "data": None, "error_type": error_type}, status)


def success(data: object) -> Response:
    """Return a success envelope."""
    return json_response({"status": "success", "data": data})


def success_rows(rows: list[str]) -> Response:
    """Return a success envelope around rows that are JSON texts already."""
    return Response(200, ('{"status":"success","data":[' + ",".join(rows) + "]}").encode())


def number(value: Decimal | int) -> int | float:
    """Return a price as Kite's JSON has it: whole ones without a fraction (72, not 72.0)."""
    return int(value) if value == int(value) else float(value)


def rounded(value: Decimal, places: int = 6) -> int | float:
    """Return a computed average or sum with at most `places` decimals."""
    return number(round(value, places))


def stamp(moment: datetime) -> str:
    """Return a naive IST text, as all of Kite's REST times are."""
    return f"{to_ist(moment):%Y-%m-%d %H:%M:%S}"


def clock_time(moment: datetime) -> str:
    """Return the time of day only, as `order_timestamp` in lists of executions."""
    return f"{to_ist(moment):%H:%M:%S}"
