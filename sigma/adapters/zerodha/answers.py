"""Kite's answers, and the table of those that prove a refusal (wire.md A1, B1; docs/adr/0003-reading-broker-answers.md)."""

from __future__ import annotations

import re

from sigma.adapters.answers import (
    DOUBT,
    REFUSING_WORDS,
    Dialect,
    Meaning,
    Proof,
    Said,
    body_text,
    codes,
    json_body,
    statuses,
    succeeded,
)
from sigma.adapters.transport import HttpAnswer

# "IP (1.2.3.4) is not allowed to place orders for this app. …", "No IPs configured for this app. …" [wire.md G].
_ADDRESS = re.compile(r"\bIPs?\b")
# OrderException is used for refusals and for lost answers alike, GeneralException and DataException for anything.
PROOFS = (
    Proof(Meaning.SESSION, statuses(400, 401, 403), codes("TokenException")),
    Proof(Meaning.RATE, statuses(429), codes("NetworkException")),
    Proof(Meaning.ADDRESS, statuses(403), codes("PermissionException"), text=_ADDRESS, unless=DOUBT),
    Proof(Meaning.REFUSED, statuses(403), codes("PermissionException"), unless=DOUBT),
    Proof(Meaning.REFUSED, statuses(400, 403), codes("InputException", "MarginException", "HoldingException"), unless=DOUBT),
    Proof(Meaning.REFUSED, statuses(400, 403), codes("OrderException"), text=REFUSING_WORDS, unless=DOUBT),
)


def understand(answer: HttpAnswer) -> Said:
    """Return what an answer says: ``{"status": "success", "data"}`` or ``{"status": "error", "message", "error_type"}``."""
    if succeeded(answer.status) and "csv" in answer.content_type:
        return Said(answer.status, success=True)
    body = json_body(answer) if "json" in answer.content_type else None
    if not isinstance(body, dict):
        return Said(answer.status, text=body_text(answer))
    code, message = body.get("error_type"), body.get("message")
    return Said(
        answer.status,
        success=succeeded(answer.status) and body.get("status") == "success" and not code,
        refusal=body.get("status") == "error" and isinstance(code, str) and isinstance(message, str),
        code=code if isinstance(code, str) else "",
        text=message if isinstance(message, str) else "",
        data=body.get("data"),
    )


def order_id(data: object) -> object:
    """Return the ``order_id`` of an accepted write, None when there is none."""
    return data.get("order_id") if isinstance(data, dict) else None


DIALECT = Dialect("Zerodha", understand, order_id, PROOFS)
