"""The bytes that leave for an order, a change and a cancellation, against wire.md B."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from sigma.domain.orders import OrderRequest, OrderType, Product, Validity, Variety
from tests.adapters.house import account, order, wanted
from tests.adapters.raw_server import RawRequest, RawServer, js

pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")

TAG = "TAG0000000000001"
KITE_OK = js(200, {"status": "success", "data": {"order_id": "1"}})
SMART_OK = js(200, {"status": True, "message": "", "errorcode": "", "data": {"orderid": "1"}})
MARKET = wanted(order_type=OrderType.MARKET, price=None, market_protection=Decimal(-1), product=Product.MIS)
STOP = wanted(order_type=OrderType.SL, trigger_price=Decimal("1190.50"), disclosed_quantity=2, validity=Validity.IOC)


def _form(request: RawRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}


def _sent(broker: str, act: str, request: OrderRequest, changes: dict[str, object]) -> RawRequest:
    with RawServer([KITE_OK if broker == "zerodha" else SMART_OK]) as server:
        adapter = account(broker, server.url)
        if act == "place":
            adapter.place(request, TAG)
        elif act == "modify":
            adapter.modify(order(request), wanted(**changes))
        else:
            adapter.cancel(order(request))
        return server.requests[0]


def _kite(act: str, request: OrderRequest, **changes: object) -> RawRequest:
    return _sent("zerodha", act, request, changes)


def _smart(act: str, request: OrderRequest, **changes: object) -> tuple[str, dict[str, object]]:
    sent = _sent("angelone", act, request, changes)
    return f"{sent.method} {sent.path}", json.loads(sent.body)


def test_kite_gets_a_limit_order_as_a_form() -> None:
    sent = _kite("place", wanted())
    assert (sent.method, sent.path) == ("POST", "/orders/regular")
    assert (sent.headers["x-kite-version"], sent.headers["user-agent"]) == ("3", "Kiteconnect-python/5.2.2")
    assert _form(sent) == {
        "variety": "regular",
        "exchange": "NSE",
        "tradingsymbol": "INFY",
        "transaction_type": "BUY",
        "quantity": "5",
        "product": "CNC",
        "order_type": "LIMIT",
        "price": "1200",
        "validity": "DAY",
        "tag": TAG,
    }


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.SL_M])
def test_kite_gets_the_market_protection_of_orders_that_execute_at_market(kind: OrderType) -> None:
    trigger = Decimal(1250) if kind is OrderType.SL_M else None
    form = _form(_kite("place", wanted(order_type=kind, price=None, trigger_price=trigger, market_protection=Decimal(-1))))
    assert (form["order_type"], form["market_protection"]) == (kind.value, "-1")
    assert "price" not in form


def test_kite_gets_no_protection_with_a_limit_or_without_a_wish() -> None:
    assert "market_protection" not in _form(_kite("place", wanted(market_protection=Decimal(-1))))
    assert "market_protection" not in _form(_kite("place", wanted(order_type=OrderType.MARKET, price=None)))


def test_kite_gets_trigger_disclosed_quantity_validity_and_algo() -> None:
    form = _form(_kite("place", wanted(**_fields(STOP), algo_tag="ALGO7")))
    assert (form["order_type"], form["trigger_price"], form["price"]) == ("SL", "1190.5", "1200")
    assert (form["disclosed_quantity"], form["validity"], form["algo_id"]) == ("2", "IOC", "ALGO7")


def _fields(request: OrderRequest) -> dict[str, object]:
    names = ("order_type", "trigger_price", "disclosed_quantity", "validity", "price")
    return {name: getattr(request, name) for name in names}


def test_kite_gets_an_order_for_the_next_session_at_its_own_address() -> None:
    assert _kite("place", wanted(variety=Variety.AMO)).path == "/orders/amo"
    assert _kite("cancel", wanted(variety=Variety.AMO)).path == "/orders/amo/151220000000000"


def test_kite_gets_the_whole_of_what_a_modification_wants() -> None:
    sent = _kite("modify", wanted(), quantity=7, price=Decimal("1201.50"))
    assert (sent.method, sent.path) == ("PUT", "/orders/regular/151220000000000")
    assert _form(sent) == {
        "variety": "regular",
        "order_id": "151220000000000",
        "quantity": "7",
        "price": "1201.5",
        "order_type": "LIMIT",
        "validity": "DAY",
    }


def test_kite_gets_a_cancellation_without_a_body() -> None:
    sent = _kite("cancel", wanted())
    assert (sent.method, sent.path, sent.body) == ("DELETE", "/orders/regular/151220000000000", b"")


def test_kite_orders_placed_elsewhere_are_cancelled_as_what_the_book_says_they_are() -> None:
    row = {"order_id": "151220000000000", "status": "OPEN", "variety": "co", "parent_order_id": "15", "exchange": "NSE"}
    row |= {"tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 5, "order_type": "LIMIT", "product": "MIS"}
    with RawServer([js(200, {"status": "success", "data": [row]}), KITE_OK]) as server:
        adapter = account("zerodha", server.url)
        assert adapter.order_book().rows[0].parent_id == "15"
        adapter.cancel(order())
        url = urlsplit(server.requests[1].path)
    assert (url.path, parse_qs(url.query)) == ("/orders/co/151220000000000", {"parent_order_id": ["15"]})


def test_smartapi_gets_a_limit_order_as_json_of_texts() -> None:
    line, body = _smart("place", wanted())
    assert line == "POST /rest/secure/angelbroking/order/v1/placeOrder"
    assert body == {
        "variety": "NORMAL",
        "tradingsymbol": "INFY-EQ",
        "symboltoken": "1594",
        "transactiontype": "BUY",
        "exchange": "NSE",
        "ordertype": "LIMIT",
        "producttype": "DELIVERY",
        "duration": "DAY",
        "price": "1200",
        "quantity": "5",
        "squareoff": "0",
        "stoploss": "0",
        "ordertag": TAG,
    }


def test_smartapi_gets_a_market_order_with_price_zero_and_no_protection() -> None:
    _, body = _smart("place", MARKET)
    assert (body["ordertype"], body["price"], body["producttype"]) == ("MARKET", "0", "INTRADAY")
    assert not [name for name in body if "protection" in name]


def test_smartapi_gets_a_stop_under_its_own_variety() -> None:
    _, body = _smart("place", STOP)
    assert (body["variety"], body["ordertype"], body["triggerprice"]) == ("STOPLOSS", "STOPLOSS_LIMIT", "1190.5")
    assert (body["disclosedquantity"], body["duration"]) == ("2", "IOC")


def test_smartapi_gets_an_order_for_the_next_session_as_a_normal_one() -> None:
    _, body = _smart("place", wanted(variety=Variety.AMO))
    assert body["variety"] == "NORMAL"
    _, body = _smart("cancel", wanted(variety=Variety.AMO))
    assert body == {"variety": "NORMAL", "orderid": "151220000000000"}


def test_smartapi_gets_the_whole_of_what_a_modification_wants() -> None:
    line, body = _smart("modify", STOP, order_type=OrderType.SL, price=Decimal("1201"), trigger_price=Decimal("1190.5"))
    assert line == "POST /rest/secure/angelbroking/order/v1/modifyOrder"
    assert body == {
        "variety": "STOPLOSS",
        "orderid": "151220000000000",
        "ordertype": "STOPLOSS_LIMIT",
        "producttype": "DELIVERY",
        "duration": "DAY",
        "price": "1201",
        "triggerprice": "1190.5",
        "quantity": "5",
        "tradingsymbol": "INFY-EQ",
        "symboltoken": "1594",
        "exchange": "NSE",
    }


@pytest.mark.parametrize(
    ("shown", "kind", "sent"), [("AMO", "LIMIT", "NORMAL"), ("ROBO", "LIMIT", "ROBO"), ("AMO", "STOPLOSS_LIMIT", "STOPLOSS")]
)
def test_smartapi_orders_placed_elsewhere_are_cancelled_as_what_the_book_says_they_are(shown: str, kind: str, sent: str) -> None:
    row = {"orderid": "151220000000000", "status": "open", "variety": shown, "exchange": "NSE", "tradingsymbol": "INFY-EQ"}
    row |= {"transactiontype": "BUY", "quantity": "5", "ordertype": kind, "producttype": "INTRADAY"}
    with RawServer([js(200, {"status": True, "message": "", "errorcode": "", "data": [row]}), SMART_OK]) as server:
        adapter = account("angelone", server.url)
        assert adapter.order_book().bad == ()
        adapter.cancel(order())
        assert json.loads(server.requests[1].body)["variety"] == sent
