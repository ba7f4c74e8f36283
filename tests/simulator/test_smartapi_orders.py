"""Orders at the SmartAPI door, placed, changed, cancelled and read by the unmodified client."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.times import ist
from sigma.simulator.config import SimConfig
from sigma.simulator.doors import serve
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Request
from sigma.simulator.smartapi import SmartApiDoor
from tests.simulator.conftest import FRIDAY
from tests.simulator.smartapi_client import SmartBench, infy, placed, row


@pytest.fixture
def flat(bench: SmartBench) -> SmartBench:
    """INFY stands at 1,500 rupees."""
    bench.price("NSE:INFY", "1500")
    return bench


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=2),
    st.sampled_from(["1e999999999", "1e-999999999", "10E999999", "-0", "NaN", "1_000", "\ud800", "9" * 5000]),
    st.sampled_from(["STOPLOSS", "STOPLOSS_LIMIT", "MARKET", "BSE", "SELL", "IOC"]),
)  # fmt: skip
BODIES = st.builds(
    lambda changes: infy(orderid="1", triggerprice="1500", disclosedquantity="0", ordertag="T") | changes,
    st.dictionaries(st.sampled_from([*infy(), "orderid", "triggerprice", "disclosedquantity", "ordertag"]), ODD, max_size=3),
)


def future(bench: SmartBench) -> dict[str, str]:
    """Return the master's row of the nearest NIFTY future."""
    master = bench.http.get(f"{bench.url}/OpenAPI_File/files/OpenAPIScripMaster.json", timeout=5).json()
    return next(entry for entry in master if entry["instrumenttype"] == "FUTIDX" and entry["name"] == "NIFTY")


def test_placing_returns_the_script_and_two_ids_and_the_order_fills(flat: SmartBench, api: Any) -> None:
    answer = api.placeOrderFullResponse(infy(ordertag="ABCD1234EFGH5678"))
    assert (answer["status"], answer["message"], answer["errorcode"]) == (True, "SUCCESS", "")
    assert list(answer["data"]) == ["script", "orderid", "uniqueorderid"]
    assert answer["data"]["script"] == "INFY-EQ"
    found = row(api, answer["data"]["orderid"])
    assert (found["status"], found["orderstatus"], found["ordertag"]) == ("complete", "complete", "ABCD1234EFGH5678")
    assert (found["filledshares"], found["unfilledshares"], found["averageprice"]) == ("5", "0", 1500.0)
    assert found["uniqueorderid"] == answer["data"]["uniqueorderid"]
    assert api.placeOrder(infy()) == str(int(answer["data"]["orderid"]) + 3)


def test_numbers_may_come_as_numbers(flat: SmartBench, api: Any) -> None:
    found = row(api, placed(api, price=1490.5, quantity=7, disclosedquantity=2))
    assert (found["price"], found["quantity"], found["disclosedquantity"]) == (1490.5, "7", "2")


def test_a_market_order_comes_back_as_limit_with_a_price(flat: SmartBench, api: Any) -> None:
    found = row(api, placed(api, ordertype="MARKET", price="0"))
    assert (found["ordertype"], found["status"]) == ("LIMIT", "complete")
    assert 1500.0 < found["price"] < 1530.0


def test_a_partly_filled_order_stays_open_and_its_rest_can_be_cancelled(flat: SmartBench, api: Any) -> None:
    flat.post("liquidity", {"listing": "NSE:INFY", "bid_quantity": 3, "ask_quantity": 3})
    order_id = placed(api)
    found = row(api, order_id)
    assert (found["status"], found["filledshares"], found["unfilledshares"], found["cancelsize"]) == ("open", "3", "2", "0")
    answer = api.cancelOrder(order_id, "NORMAL")
    assert answer["data"] == {"orderid": order_id, "uniqueorderid": found["uniqueorderid"]}
    found = row(api, order_id)
    assert (found["status"], found["filledshares"], found["unfilledshares"], found["cancelsize"]) == ("cancelled", "3", "2", "2")
    assert api.cancelOrder(order_id, "NORMAL")["errorcode"] == "AB1007"


def test_the_book_shows_each_status_in_lower_case_words(flat: SmartBench, api: Any) -> None:
    flat.config(accept_delay_s=60, step_delay_s=60)
    order_id = placed(api, price="1400")
    words = [row(api, order_id)["status"]]
    for _ in range(3):
        flat.advance(60)
        words.append(row(api, order_id)["status"])
    assert words == ["put order req received", "validation pending", "open pending", "open"]
    assert api.modifyOrder(infy(orderid=order_id, price="1410.00"))["status"] is True
    words = [row(api, order_id)["status"]]
    flat.advance(60)
    words.append(row(api, order_id)["status"])
    flat.advance(60)
    words.append(row(api, order_id)["status"])
    assert words == ["modify pending", "modify pending", "open"]
    assert api.cancelOrder(order_id, "NORMAL")["status"] is True
    assert row(api, order_id)["status"] == "open"
    flat.advance(60)
    assert row(api, order_id)["status"] == "cancelled"


def test_exchange_ids_and_times_are_empty_until_the_exchange_has_the_order(flat: SmartBench, api: Any) -> None:
    flat.config(accept_delay_s=60)
    order_id = placed(api)
    early = row(api, order_id)
    assert (early["exchangeorderid"], early["exchtime"], early["exchorderupdatetime"]) == ("", "", "")
    assert datetime.strptime(early["updatetime"], "%d-%b-%Y %H:%M:%S").replace(tzinfo=UTC).date() == date(2026, 11, 20)
    flat.advance(60)
    late = row(api, order_id)
    assert late["exchangeorderid"].isdigit()
    assert late["exchtime"] >= early["updatetime"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price": "1500.07"}, "no multiple of 0.10"),
        ({"price": "9000"}, "circuit"),
        ({"price": "0"}, "price"),
        ({"quantity": "200000"}, "exceed"),
        ({"quantity": "5000", "producttype": "DELIVERY"}, "Insufficient funds"),
        ({"transactiontype": "SELL", "producttype": "DELIVERY", "quantity": "99"}, "holding"),
        ({"disclosedquantity": "9"}, "disclosed"),
    ],
)
def test_the_risk_system_rejects_in_the_book_with_an_empty_orderstatus(
    flat: SmartBench, api: Any, changes: dict[str, object], words: str
) -> None:
    found = row(api, placed(api, **changes))
    assert (found["status"], found["orderstatus"], found["filledshares"]) == ("rejected", "", "0")
    assert words in found["text"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symboltoken": "999999"}, "AB1009"),
        ({"symboltoken": "3045"}, "AB1009"),
        ({"exchange": "BSE"}, "AB1009"),
        ({"exchange": None}, "AB1009"),
        ({"tradingsymbol": "Nifty 50", "symboltoken": "99926000"}, "AB1009"),
        ({"producttype": "CNC"}, "AB1012"),
        ({"producttype": "CARRYFORWARD"}, "AB1012"),
        ({"producttype": "MARGIN"}, "AB1012"),
        ({"variety": "AMO"}, "AB1008"),
        ({"variety": "STOPLOSS"}, "AB1008"),
        ({"variety": None}, "AB1008"),
        ({"variety": "NORMAL", "ordertype": "STOPLOSS_LIMIT", "triggerprice": "1510"}, "AB1008"),
        ({"variety": "ROBO"}, "AB2002"),
        ({"ordertag": "X" * 21}, "AB4008"),
        ({"ordertype": "SL"}, "AB1007"),
        ({"duration": "GTC"}, "AB1007"),
        ({"transactiontype": "buy"}, "AB1007"),
        ({"quantity": "0"}, "AB1007"),
        ({"quantity": "-5"}, "AB1007"),
        ({"quantity": "1.5"}, "AB1007"),
        ({"quantity": "many"}, "AB1007"),
        ({"quantity": None}, "AB1007"),
        ({"quantity": True}, "AB1007"),
        ({"price": "cheap"}, "AB1007"),
        ({"price": [1500]}, "AB1007"),
        ({"price": float("inf")}, "AB1007"),
    ],
)
def test_a_request_that_makes_no_sense_gets_a_code_and_no_order(
    flat: SmartBench, api: Any, changes: dict[str, object], code: str
) -> None:
    answer = api.placeOrderFullResponse(infy(**changes))
    assert (answer["status"], answer["errorcode"], answer["data"]) == (False, code, None)
    assert flat.get("orders") == []
    assert api.placeOrder(infy(**changes)) is None


@settings(max_examples=300, deadline=None)
@given(call=st.sampled_from(["placeOrder", "modifyOrder", "cancelOrder"]), body=st.one_of(BODIES, ODD))
def test_no_body_makes_the_door_fail(call: str, body: object) -> None:
    exchange, door = _quiet_door()
    before = len(exchange.all_orders())
    answer = serve(exchange, door, _signed(exchange, f"order/v1/{call}", json.dumps(body).encode()))
    envelope = json.loads(answer.body)
    assert answer.status == 200
    assert len(exchange.all_orders()) - before == (1 if envelope["status"] and call == "placeOrder" else 0)
    assert envelope["status"] or envelope["errorcode"]


@cache
def _quiet_door() -> tuple[Exchange, SmartApiDoor]:
    exchange = Exchange(7, FRIDAY, SimConfig(accept_delay_s=0, step_delay_s=0, order_rate_enforced=False))
    return exchange, SmartApiDoor(exchange)


def test_nesting_without_end_is_no_body(flat: SmartBench, api: Any) -> None:
    reply = flat.call(api, "POST", "order/v1/placeOrder", data=b'{"a":' + b"[" * 200_000)
    assert reply.json()["status"] is False


def _signed(exchange: Exchange, path: str, body: bytes) -> Request:
    account = exchange.account("angelone", "A100001")
    assert account is not None
    exchange.sessions.open(account, "access", "TOKEN", FRIDAY + timedelta(hours=1))
    headers = {"x-privatekey": account.api_key, "x-usertype": "USER", "authorization": "Bearer TOKEN"}
    return Request("POST", f"/rest/secure/angelbroking/{path}", {}, headers, body, "127.0.0.1", 0)


def test_a_tag_of_twenty_characters_is_echoed(flat: SmartBench, api: Any) -> None:
    assert row(api, placed(api, ordertag="Z" * 20))["ordertag"] == "Z" * 20


def test_a_stop_waits_for_its_trigger_and_is_of_variety_stoploss(flat: SmartBench, api: Any) -> None:
    stop = {"variety": "STOPLOSS", "ordertype": "STOPLOSS_LIMIT", "price": "1511.00", "triggerprice": "1510.00"}
    order_id = placed(api, **stop)
    found = row(api, order_id)
    assert (found["status"], found["variety"], found["ordertype"]) == ("trigger pending", "STOPLOSS", "STOPLOSS_LIMIT")
    assert (found["price"], found["triggerprice"]) == (1511.0, 1510.0)
    flat.price("NSE:INFY", "1510.50")
    assert row(api, order_id)["status"] == "complete"
    market = placed(api, variety="STOPLOSS", ordertype="STOPLOSS_MARKET", price="0", triggerprice="1520.00")
    assert (row(api, market)["ordertype"], row(api, market)["price"]) == ("STOPLOSS_MARKET", 0.0)


def test_modifying_changes_quantity_price_and_type(flat: SmartBench, api: Any) -> None:
    order_id = placed(api, price="1400")
    answer = api.modifyOrder(infy(orderid=order_id, price="1410.50", quantity="8"))
    assert answer["data"].keys() == {"orderid", "uniqueorderid"}
    found = row(api, order_id)
    assert (found["price"], found["quantity"], found["status"]) == (1410.5, "8", "open")
    assert api.modifyOrder(infy(orderid=order_id, ordertype="MARKET", price="0", quantity="8"))["status"] is True
    assert row(api, order_id)["status"] == "complete"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"orderid": "260211000999999"}, "AB1013"),
        ({"orderid": 5}, "AB1013"),
        ({"symboltoken": "3045", "tradingsymbol": "SBIN-EQ"}, "AB1009"),
        ({"producttype": "DELIVERY"}, "AB1012"),
        ({"variety": "AMO"}, "AB1008"),
        ({"price": "1400.03"}, "AB1007"),
        ({"quantity": "0"}, "AB1007"),
    ],
)
def test_a_modification_that_makes_no_sense_gets_a_code_and_changes_nothing(
    flat: SmartBench, api: Any, changes: dict[str, object], code: str
) -> None:
    order_id = placed(api, price="1400")
    before = row(api, order_id)
    answer = api.modifyOrder(infy(**{"orderid": order_id, "price": "1401", **changes}))
    assert (answer["status"], answer["errorcode"]) == (False, code)
    assert row(api, order_id) == before


def test_an_order_that_is_not_in_the_book_yet_can_be_changed_and_cancelled_by_its_id(flat: SmartBench, api: Any) -> None:
    flat.config(book_visibility_s=30)
    order_id = placed(api, price="1400")
    assert api.orderBook()["data"] is None
    assert api.modifyOrder(infy(orderid=order_id, price="1401"))["status"] is True
    assert api.cancelOrder(order_id, "NORMAL")["status"] is True
    flat.advance(30)
    assert (row(api, order_id)["status"], row(api, order_id)["price"]) == ("cancelled", 1401.0)


def test_one_client_does_not_reach_the_orders_of_another(flat: SmartBench, api: Any) -> None:
    order_id = placed(api, price="1400")
    unique_id = row(api, order_id)["uniqueorderid"]
    other = flat.client("A100002")
    assert other.orderBook()["data"] is None
    assert other.cancelOrder(order_id, "NORMAL")["errorcode"] == "AB1013"
    assert other.modifyOrder(infy(orderid=order_id))["errorcode"] == "AB1013"
    assert other.individual_order_details(unique_id)["errorcode"] == "AB1013"


def test_details_of_one_order_are_the_row_of_the_book(flat: SmartBench, api: Any) -> None:
    found = row(api, placed(api))
    assert api.individual_order_details(found["uniqueorderid"])["data"] == found
    assert api.individual_order_details("nobody")["errorcode"] == "AB1013"


def test_off_hours_a_normal_order_becomes_an_amo_in_the_book_and_runs_at_the_open(flat: SmartBench, api: Any) -> None:
    flat.post("clock", {"set": ist(date(2026, 11, 20), time(18, 0)).isoformat()})
    kept, dropped = placed(api, price="1700"), placed(api, price="1400")
    found = row(api, kept)
    assert (found["variety"], found["status"]) == ("AMO", "after market order req received")
    assert api.modifyOrder(infy(orderid=kept, price="1710"))["status"] is True
    assert row(api, kept)["status"] == "modify after market order req received"
    assert api.cancelOrder(dropped, "AMO")["errorcode"] == "AB1008"
    assert api.cancelOrder(dropped, "NORMAL")["status"] is True
    assert row(api, dropped)["status"] == "cancelled after market order"
    flat.post("clock", {"set": ist(date(2026, 11, 23), time(9, 16)).isoformat()})
    api = flat.client()
    assert (row(api, kept)["status"], row(api, kept)["variety"]) == ("complete", "AMO")


def test_between_session_and_amo_window_an_order_is_rejected_in_the_book(flat: SmartBench, api: Any) -> None:
    flat.post("clock", {"set": ist(date(2026, 11, 20), time(15, 35)).isoformat()})
    found = row(api, placed(api))
    assert (found["status"], found["variety"]) == ("rejected", "NORMAL")
    assert "closed" in found["text"]


def test_futures_trade_in_lots_and_carry_their_contract_in_every_row(flat: SmartBench, api: Any) -> None:
    contract = future(flat)
    terms = {
        "exchange": "NFO",
        "tradingsymbol": contract["symbol"],
        "symboltoken": contract["token"],
        "ordertype": "MARKET",
        "price": "0",
    }
    lot = int(contract["lotsize"])
    found = row(api, placed(api, **terms, producttype="CARRYFORWARD", quantity=str(lot)))
    assert (found["status"], found["instrumenttype"], found["optiontype"]) == ("complete", "FUTIDX", "XX")
    assert (found["expirydate"], found["strikeprice"], found["lotsize"]) == (contract["expiry"], -1.0, str(lot))
    half = row(api, placed(api, **terms, producttype="CARRYFORWARD", quantity=str(lot + 1)))
    assert (half["status"], "multiple" in half["text"]) == ("rejected", True)
    assert api.placeOrderFullResponse(infy(**terms, producttype="DELIVERY", quantity=str(lot)))["errorcode"] == "AB1012"
    position = api.position()["data"][0]
    assert (position["netqty"], position["symbolname"], position["producttype"]) == (str(lot), "NIFTY", "CARRYFORWARD")
    trade = api.tradeBook()["data"][0]
    assert (trade["fillsize"], trade["symbolgroup"], trade["expirydate"]) == (str(lot), "XX", contract["expiry"])


def test_a_fill_moves_positions_and_funds_and_shows_in_the_trade_book(flat: SmartBench, api: Any) -> None:
    before = float(api.rmsLimit()["data"]["net"])
    order_id = placed(api)
    trade = next(trade for trade in api.tradeBook()["data"] if trade["orderid"] == order_id)
    assert (trade["fillprice"], trade["fillsize"], trade["tradevalue"]) == ("1500.00", "5", "7500.00")
    assert time.fromisoformat(trade["filltime"])
    position = api.position()["data"][0]
    assert (position["netqty"], position["buyqty"], position["avgnetprice"]) == ("5", "5", "1500.00")
    assert float(api.rmsLimit()["data"]["net"]) == before - 1500
    flat.price("NSE:INFY", "1510")
    assert (api.position()["data"][0]["unrealised"], api.rmsLimit()["data"]["m2munrealized"]) == ("50.00", "50.0000")
    placed(api, transactiontype="SELL", ordertype="MARKET", price="0")
    position = api.position()["data"][0]
    assert (position["netqty"], position["avgnetprice"], position["unrealised"]) == ("0", "0.00", "0.00")
    assert float(position["realised"]) == float(position["netvalue"]) == float(position["pnl"]) > 45


def test_the_night_empties_the_books_and_turns_delivery_into_holdings(flat: SmartBench, api: Any) -> None:
    placed(api, producttype="DELIVERY")
    flat.post("roll")
    api = flat.client()
    empty = {"status": True, "message": "SUCCESS", "errorcode": "", "data": None}
    assert api.orderBook() == api.tradeBook() == api.position() == empty
    held = next(held for held in api.holding()["data"] if held["tradingsymbol"] == "INFY-EQ")
    assert (held["realisedquantity"], held["t1quantity"], held["quantity"]) == (20, 5, 25)
