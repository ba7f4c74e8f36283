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


NUMBERS = st.one_of(st.sampled_from([0, -1, 1.03, 1400, 1600.5, 10**30, None, True, "x", "1400", [], float("nan")]), st.floats())
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "exchange": st.sampled_from(["NSE", "MCX", 5, None]),
        "tradingsymbol": st.sampled_from(["INFY", "NIFTY 50", "", None]),
        "trigger_values": st.one_of(st.lists(NUMBERS, max_size=3), NUMBERS),
        "last_price": NUMBERS,
    },
)
LEGS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "transaction_type": st.sampled_from(["BUY", "SELL", "x", None]),
            "quantity": NUMBERS,
            "order_type": st.sampled_from(["LIMIT", "MARKET", None]),
            "product": st.sampled_from(["CNC", "MIS", "NRML", "x"]),
            "price": NUMBERS,
        },
    ),
    max_size=3,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["single", "two-leg", "", "x"]),
    st.one_of(CONDITIONS.map(json.dumps), st.sampled_from(["", "[]", "{", "1"])),
    st.one_of(LEGS.map(json.dumps), st.sampled_from(["", "{}", "[1]"])),
    st.sampled_from([("POST", ""), ("PUT", "/1"), ("PUT", "/²"), ("DELETE", "/x"), ("GET", "/9")]),
)
def test_no_form_of_a_trigger_makes_the_door_fail(kind: str, condition: str, orders: str, way: tuple[str, str]) -> None:
    exchange, door, authorization = _quiet()
    account = exchange.accounts()[0]
    before = len(exchange.triggers.of(account))
    method, rest = way
    body = urlencode({"type": kind, "condition": condition, "orders": orders}).encode()
    path = f"/gtt/triggers{rest}"
    answer = serve(exchange, door, Request(method, path, {}, {"authorization": authorization}, body, "127.0.0.1", 1))
    envelope = json.loads(answer.body)
    assert answer.status in (200, 400, 404)
    assert len(exchange.triggers.of(account)) - before == (answer.status == 200)
    assert answer.status == 200 or (envelope["error_type"] and envelope["message"])


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "exchange": st.sampled_from(["NSE", "x"]),
            "tradingsymbol": st.sampled_from(["INFY", "NIFTY 50", ""]),
            "transaction_type": st.sampled_from(["BUY", "SELL", "x"]),
            "position_type": st.sampled_from(["day", "overnight", "x"]),
            "quantity": st.sampled_from(["1", "0", "-1", "²", "9" * 30]),
            "old_product": st.sampled_from(["CNC", "MIS", "x"]),
            "new_product": st.sampled_from(["CNC", "MIS", "NRML", "MTF", "x"]),
        },
    )
)
def test_no_form_of_a_conversion_makes_the_door_fail(form: dict[str, str]) -> None:
    exchange, door, authorization = _quiet()
    body = urlencode(form).encode()
    answer = serve(
        exchange, door, Request("PUT", "/portfolio/positions", {}, {"authorization": authorization}, body, "127.0.0.1", 1)
    )
    envelope = json.loads(answer.body)
    assert (answer.status, bool(envelope["message"])) == (400, True)  # nothing is held
