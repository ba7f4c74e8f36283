"""Whatever a form says, the Kite door answers in its envelope: an order, or a refusal that says why."""

from __future__ import annotations

import json
from functools import cache
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.simulator.config import SimConfig
from sigma.simulator.doors import serve
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Request
from sigma.simulator.kite import KiteDoor
from tests.simulator.conftest import FRIDAY

FIELDS = {
    "exchange": ["NSE", "BSE", "NFO", "CDS", "nse"],
    "tradingsymbol": ["INFY", "NIFTY 50", "NIFTY26NOVFUT", "M&M", "infy"],
    "transaction_type": ["BUY", "SELL", "buy"],
    "quantity": ["1", "65", "0", "-1", "1.0", "²", "9" * 30],
    "product": ["CNC", "MIS", "NRML", "MTF"],
    "order_type": ["MARKET", "LIMIT", "SL", "SL-M"],
    "price": ["1400", "0", "-1", "NaN", "Infinity", "1e300", "1e-300", "1,400", "1400.03"],
    "trigger_price": ["1400", "", "x"],
    "validity": ["DAY", "IOC", "TTL"],
    "disclosed_quantity": ["0", "1", "5"],
    "market_protection": ["-1", "0", "2", "101", "NaN", "True"],
    "tag": ["", "T1", "x" * 21, "\x00"],
    "autoslice": ["true", "false"],
}
FORMS = st.fixed_dictionaries(
    {}, optional={name: st.one_of(st.sampled_from(words), st.text(max_size=6)) for name, words in FIELDS.items()}
)


@cache
def _quiet() -> tuple[Exchange, KiteDoor, str]:
    exchange = Exchange(7, FRIDAY, SimConfig(accept_delay_s=0, step_delay_s=0, order_rate_enforced=False))
    door = KiteDoor(exchange)
    exchange.sessions.open(exchange.accounts()[0], "access", "token", FRIDAY.replace(year=2027))
    return exchange, door, "token kitekey:token"


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["regular", "amo", "co", "", "²"]), st.sampled_from(["POST", "PUT", "DELETE"]), FORMS)
def test_no_form_makes_the_door_fail(variety: str, method: str, form: dict[str, str]) -> None:
    exchange, door, authorization = _quiet()
    before = len(exchange.all_orders())
    path = f"/orders/{variety}" if method == "POST" else f"/orders/{variety}/1"
    body = urlencode(form, errors="replace").encode()
    answer = serve(exchange, door, Request(method, path, {}, {"authorization": authorization}, body, "127.0.0.1", 1))
    envelope = json.loads(answer.body)
    assert answer.status in (200, 400, 404)
    assert (answer.status == 200) == (envelope["status"] == "success")
    assert len(exchange.all_orders()) - before == (1 if answer.status == 200 else 0)
    assert answer.status == 200 or (envelope["error_type"] and envelope["message"])
