"""SmartAPI's answers, and the table of those that prove a refusal (wire.md B2; docs/adr/0003-reading-broker-answers.md).

SmartAPI sends refusals with HTTP 200 or a 4xx alike; the code counts. AB1004, AB2000 and AB2001 ("something went wrong",
internal error) say nothing about the order and are in no row.
"""

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
    calls,
    codes,
    json_body,
    statuses,
    succeeded,
)
from sigma.adapters.transport import HttpAnswer
from sigma.domain.orders import CommandKind

_SAID = statuses(200, 400, 401, 403)
SESSION_CODES = codes("AG8001", "AG8002", "AG8003", "AB1010", "AB1011", "AB8050", "AB8051")
# What the person entered was wrong: only a login is answered so.
LOGIN_CODES = codes("AB1000", "AB1050")
REFUSAL_CODES = codes(
    "AG8004",  # unknown API key: the gateway's, like the other AG codes
    "AB1005",  # user type
    "AB1006",  # client blocked
    "AB1008",  # variety
    "AB1009",  # symbol
    "AB1012",  # product
    "AB1018",  # symbol details
    "AB2002",  # ROBO blocked
    "AB4008",  # ordertag too long
)
ADDRESS_CODES = codes("AG7002")  # request from an unregistered IP
_TOO_FAST = re.compile(r"^\s*access denied because of exceeding access rate", re.IGNORECASE)

PROOFS = (
    Proof(Meaning.SESSION, _SAID, SESSION_CODES),
    Proof(Meaning.SESSION, _SAID, LOGIN_CODES, only=calls(None)),
    Proof(Meaning.ADDRESS, _SAID, ADDRESS_CODES),
    Proof(Meaning.REFUSED, _SAID, REFUSAL_CODES),
    # "Order not found": it is not there to be changed. To a new order it would mean nothing.
    Proof(Meaning.REFUSED, _SAID, codes("AB1013"), only=calls(CommandKind.MODIFY, CommandKind.CANCEL)),
    # A conversion's error; only its text can prove a refusal.
    Proof(Meaning.REFUSED, _SAID, codes("AB1017"), text=REFUSING_WORDS, unless=DOUBT, only=calls(CommandKind.CONVERT)),
    # The order system's own word for any error, lost answers included: only its text can prove a refusal.
    Proof(Meaning.REFUSED, _SAID, codes("AB1007"), text=REFUSING_WORDS, unless=DOUBT),
    Proof(Meaning.RATE, statuses(403), text=_TOO_FAST),
)


def understand(answer: HttpAnswer) -> Said:
    """Return what an answer says: ``{"status", "message", "errorcode"}``, or the gateway's ``{"success", "errorCode"}``."""
    body = json_body(answer)
    if not isinstance(body, dict):
        return Said(answer.status, text=body_text(answer))
    code, message = body.get("errorcode") or body.get("errorCode"), body.get("message")
    flag = body.get("status", body.get("success"))
    return Said(
        answer.status,
        success=succeeded(answer.status) and body.get("status") is True,
        refusal=flag is False and isinstance(code, str),
        code=code if isinstance(code, str) else "",
        text=message if isinstance(message, str) else "",
        data=body.get("data"),
    )


def order_id(data: object) -> object:
    """Return the ``orderid`` of an accepted write, None when there is none."""
    return data.get("orderid") if isinstance(data, dict) else None


DIALECT = Dialect("AngelOne", understand, order_id, PROOFS)
