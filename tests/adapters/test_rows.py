"""Rows of both brokers as they come on the wire (wire.md B, I.6), and what becomes of bad ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.adapters.rows import Row, RowError, day_of, ist_moment, plain, with_fills
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.orders import OrderStatus, OrderType, Product, Side, Validity, Variety
from sigma.domain.times import to_ist
from sigma.ports.broker import Broker
from tests.adapters.house import NOW, FixedClock, account
from tests.adapters.raw_server import RawServer, http

pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")

KITE_ORDER = """{"placed_by":"XXXXXX","order_id":"100000000000000","exchange_order_id":"200000000000000","parent_order_id":null,
"status":"CANCELLED","status_message":null,"status_message_raw":null,"order_timestamp":"2026-11-20 09:18:57",
"exchange_update_timestamp":"2026-11-20 09:18:58","exchange_timestamp":"2026-11-20 09:15:38","variety":"regular",
"modified":false,"exchange":"NSE","tradingsymbol":"INFY","instrument_token":408065,"order_type":"LIMIT",
"transaction_type":"SELL","validity":"DAY","validity_ttl":0,"product":"CNC","quantity":6,"disclosed_quantity":0,
"price":72.1,"trigger_price":0,"average_price":71.95,"filled_quantity":2,"pending_quantity":4,"cancelled_quantity":4,
"market_protection":0,"meta":{},"tag":"connect test order1","tags":["connect test order1","XXXXX"],"guid":"XXXXX"}"""
SMART_ORDER = """{"algoID":"99999","variety":"NORMAL","ordertype":"LIMIT","producttype":"INTRADAY","duration":"DAY",
"price":194.05,"triggerprice":0.0,"quantity":"10","disclosedquantity":"0","squareoff":0.0,"stoploss":0.0,
"trailingstoploss":0.0,"tradingsymbol":"INFY-EQ","transactiontype":"BUY","exchange":"NSE","symboltoken":"1594",
"ordertag":"TAG0000000000001","instrumenttype":"","strikeprice":-1.0,"optiontype":"","expirydate":"","lotsize":"1",
"cancelsize":"0","averageprice":194.0,"filledshares":"4","unfilledshares":"6","orderid":"201020000000080","text":"",
"status":"open","orderstatus":"open","updatetime":"20-Nov-2026 10:11:37","exchtime":"20-Nov-2026 10:11:35",
"exchorderupdatetime":"20-Nov-2026 10:11:36","fillid":"","filltime":"","parentorderid":"","uniqueorderid":"u-1",
"exchangeorderid":"1100000000000001"}"""


def _answered(broker: str, data: str, read: Callable[[Broker], object]) -> object:
    envelope = (
        '{"status":"success","data":%s}' if broker == "zerodha" else '{"status":true,"message":"","errorcode":"","data":%s}'
    )
    with RawServer([http(200, envelope % data)]) as server:
        return read(account(broker, server.url))


def _changed(row: str, **changes: object) -> str:
    return json.dumps(json.loads(row) | changes)


def _book(broker: str, *rows: str):
    return _answered(broker, f"[{','.join(rows)}]", lambda adapter: adapter.order_book())


def test_a_kite_row_becomes_ours_with_exact_numbers_and_times_in_utc() -> None:
    row = _book("zerodha", KITE_ORDER).rows[0]
    assert (row.broker_order_id, row.exchange_order_id, row.tag) == ("100000000000000", "200000000000000", "connect test order1")
    assert (row.status, row.broker_status) == (OrderStatus.CANCELLED, "CANCELLED")
    assert (row.listing, row.symbol, row.exchange, row.side) == ("NSE:INFY", "INFY", "NSE", Side.SELL)
    assert (row.quantity, row.filled_quantity, row.cancelled_quantity) == (6, 2, 4)
    assert (row.price, row.trigger_price, row.average_price) == (Decimal("72.1"), None, Decimal("71.95"))
    assert (row.order_type, row.product, row.validity, row.variety) == (
        OrderType.LIMIT,
        Product.CNC,
        Validity.DAY,
        Variety.REGULAR,
    )
    assert row.placed_at == datetime(2026, 11, 20, 3, 48, 57, tzinfo=UTC)
    assert row.updated_at == datetime(2026, 11, 20, 3, 48, 58, tzinfo=UTC)


def test_a_smartapi_row_mixes_texts_and_numbers_and_a_partial_fill_shows_in_its_quantities_only() -> None:
    row = _book("angelone", SMART_ORDER).rows[0]
    assert (row.status, row.broker_status) == (OrderStatus.PARTIALLY_FILLED, "open")
    assert (row.quantity, row.filled_quantity, row.average_price, row.price) == (10, 4, Decimal("194.0"), Decimal("194.05"))
    assert (row.listing, row.tag, row.variety) == ("NSE:INFY", "TAG0000000000001", Variety.REGULAR)
    assert row.placed_at == datetime(2026, 11, 20, 4, 41, 35, tzinfo=UTC)
    assert row.updated_at == datetime(2026, 11, 20, 4, 41, 36, tzinfo=UTC)


def test_kite_gives_tags_where_tag_is_null() -> None:
    assert _book("zerodha", _changed(KITE_ORDER, tag=None, tags=["TAG0000000000001"])).rows[0].tag == "TAG0000000000001"
    assert _book("zerodha", _changed(KITE_ORDER, tag=None, tags=None)).rows[0].tag == ""


def test_a_kite_row_before_the_exchange_has_it_lacks_ids_and_times() -> None:
    early = _changed(KITE_ORDER, status="PUT ORDER REQ RECEIVED", exchange_order_id=None, exchange_update_timestamp=None)
    row = _book("zerodha", early).rows[0]
    assert (row.exchange_order_id, row.updated_at) == (None, None)


def test_a_rejected_smartapi_row_may_have_an_empty_orderstatus() -> None:
    rejected = _changed(SMART_ORDER, status="rejected", orderstatus="", text="Insufficient Funds", filledshares="0")
    row = _book("angelone", rejected).rows[0]
    assert (row.status, row.reason) == (OrderStatus.REJECTED, "Insufficient Funds")


def test_a_market_order_that_comes_back_as_limit_is_read_as_what_it_says() -> None:
    assert _book("angelone", _changed(SMART_ORDER, ordertype="LIMIT", price=1462.6)).rows[0].order_type is OrderType.LIMIT


@pytest.mark.parametrize(("broker", "row"), [("zerodha", KITE_ORDER), ("angelone", SMART_ORDER)])
def test_unknown_words_are_kept_and_unknown_symbols_have_no_listing(broker: str, row: str) -> None:
    changes = {"status": "FROZEN", "tradingsymbol": "NOSUCH", "symboltoken": "9", "product": "ODD", "producttype": "ODD"}
    found = _book(broker, _changed(row, **changes, order_type="ODD", ordertype="ODD"))
    assert found.bad == ()
    read = found.rows[0]
    assert (read.status, read.broker_status, read.listing, read.symbol) == (None, "FROZEN", None, "NOSUCH")
    assert (read.product, read.order_type) == (None, None)


BROKEN = [
    ({"transaction_type": "SHORT", "transactiontype": "SHORT"}, "SHORT"),
    ({"quantity": "many"}, "quantity"),
    ({"quantity": 1.5}, "quantity"),
    ({"quantity": None}, "quantity"),
    ({"order_timestamp": "tomorrow", "exchtime": "tomorrow"}, "tomorrow"),
    ({"variety": "novel"}, "novel"),
    ({"tradingsymbol": {}}, "tradingsymbol"),
    ({"price": [1]}, "price"),
]


@pytest.mark.parametrize(("changes", "reason"), BROKEN)
@pytest.mark.parametrize(("broker", "row"), [("zerodha", KITE_ORDER), ("angelone", SMART_ORDER)])
def test_one_bad_row_is_marked_and_the_list_is_not_lost(broker: str, row: str, changes: dict[str, object], reason: str) -> None:
    found = _book(broker, row, _changed(row, **changes), row)
    assert len(found.rows) == 2
    bad = found.bad[0]
    assert (bad.what, bad.broker_order_id) == ("order 2", found.rows[0].broker_order_id)
    assert reason in bad.reason
    assert found.rows[0].broker_order_id in bad.raw


@pytest.mark.parametrize("broker", ["zerodha", "angelone"])
def test_a_row_that_is_no_object_and_a_list_that_is_none_are_told_apart(broker: str) -> None:
    found = _book(broker, "null", "7")
    assert [bad.what for bad in found.bad] == ["order 1", "order 2"]
    assert _answered(broker, "null", lambda adapter: adapter.order_book()).rows == ()
    with pytest.raises(BrokerUnavailable, match="list"):
        _answered(broker, '{"rows":1}', lambda adapter: adapter.order_book())


def test_kite_fills_use_the_time_with_a_date() -> None:
    row = """{"trade_id":10000000,"order_id":"200000000000000","exchange":"NSE","tradingsymbol":"INFY","instrument_token":408065,
    "product":"CNC","average_price":420.65,"quantity":1,"exchange_order_id":"300000000000000","transaction_type":"BUY",
    "fill_timestamp":"2026-11-20 09:16:39","order_timestamp":"09:16:39","exchange_timestamp":"2026-11-20 09:16:39"}"""
    fill = _answered("zerodha", f"[{row}]", lambda adapter: adapter.fills()).rows[0]
    assert (fill.fill_id, fill.price, fill.quantity) == ("10000000", Decimal("420.65"), 1)
    assert fill.filled_at == datetime(2026, 11, 20, 3, 46, 39, tzinfo=UTC)
    without = _changed(row, fill_timestamp=None, exchange_timestamp=None)
    assert "fill_timestamp" in _answered("zerodha", f"[{without}]", lambda adapter: adapter.fills()).bad[0]


@pytest.mark.parametrize(
    ("fill_time", "moment"),
    [
        ("09:30:05", datetime(2026, 11, 20, 4, 0, 5, tzinfo=UTC)),
        ("19-Nov-2026 15:29:59", datetime(2026, 11, 19, 9, 59, 59, tzinfo=UTC)),
    ],
)
def test_smartapi_fills_are_of_today_in_india_unless_they_say_otherwise(fill_time: str, moment: datetime) -> None:
    row = {
        "exchange": "NSE",
        "producttype": "DELIVERY",
        "tradingsymbol": "INFY-EQ",
        "transactiontype": "BUY",
        "fillprice": "72.00",
    }
    row |= {"fillsize": "5", "orderid": "201020000000095", "fillid": 50005750, "filltime": fill_time}
    fill = _answered("angelone", json.dumps([row]), lambda adapter: adapter.fills()).rows[0]
    assert (fill.fill_id, fill.price, fill.quantity, fill.listing) == ("50005750", Decimal("72.00"), 5, "NSE:INFY")
    assert fill.filled_at == moment


def test_the_indian_day_of_a_fill_is_not_the_utc_day() -> None:
    """At 00:30 in India it is still yesterday in UTC."""
    row = {"exchange": "NSE", "tradingsymbol": "INFY-EQ", "transactiontype": "BUY", "fillprice": 1, "fillsize": 1, "orderid": "1"}
    row |= {"fillid": "1", "filltime": "00:10:00", "producttype": "DELIVERY"}
    night = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
    with RawServer([http(200, json.dumps({"status": True, "message": "", "errorcode": "", "data": [row]}))]) as server:
        fill = account("angelone", server.url, clock=FixedClock(night)).fills().rows[0]
    assert to_ist(fill.filled_at).date() == date(2026, 11, 20)


def test_smartapi_positions_are_texts_throughout() -> None:
    row = """{"symboltoken":"1594","producttype":"DELIVERY","exchange":"NSE","tradingsymbol":"INFY-EQ","buyqty":"1","sellqty":"0",
    "cfbuyqty":"2","cfsellqty":"0","avgnetprice":"1,450.50","netprice":"1450.50","netqty":"3","multiplier":"-1","ltp":"1460.00",
    "close":"0.00","realised":"-10.5","unrealised":"28.5","pnl":"18.0"}"""
    position = _answered("angelone", f"[{row}]", lambda adapter: adapter.positions()).rows[0]
    assert (position.quantity, position.overnight_quantity, position.buy_quantity, position.multiplier) == (3, 2, 1, 1)
    assert (position.average_price, position.close_price, position.pnl) == (Decimal("1450.50"), None, Decimal("18.0"))
    assert position.product is Product.CNC


def test_kite_positions_are_the_net_ones() -> None:
    row = {"tradingsymbol": "INFY", "exchange": "NSE", "product": "MIS", "quantity": -3, "overnight_quantity": 0, "multiplier": 1}
    row |= {"average_price": 1450.5, "close_price": 0, "last_price": 1460, "realised": 0, "unrealised": -28.5, "buy_quantity": 0}
    data = json.dumps({"net": [row | {"sell_quantity": 3}], "day": [row, row]})
    rows = _answered("zerodha", data, lambda adapter: adapter.positions()).rows
    assert [(row.quantity, row.sell_quantity, row.pnl) for row in rows] == [(-3, 3, Decimal("-28.5"))]


def test_smartapi_holdings_count_settled_t1_and_pledged_shares_apart() -> None:
    row = {"tradingsymbol": "INFY-EQ", "exchange": "NSE", "isin": "INE009A01021", "t1quantity": 5, "realisedquantity": 15}
    row |= {"quantity": 20, "authorisedquantity": 0, "product": "DELIVERY", "collateralquantity": None, "averageprice": 1502.1}
    row |= {"ltp": 1450.0, "symboltoken": "1594", "close": 1474.0}
    holding = _answered("angelone", json.dumps([row]), lambda adapter: adapter.holdings()).rows[0]
    assert (holding.quantity, holding.t1_quantity, holding.pledged_quantity, holding.total) == (15, 5, 0, 20)
    assert (holding.isin, holding.average_price) == ("INE009A01021", Decimal("1502.1"))
    del row["realisedquantity"]
    assert _answered("angelone", json.dumps([row]), lambda adapter: adapter.holdings()).rows[0].quantity == 15


def test_an_unreadable_quote_is_absent_and_no_other_is() -> None:
    good = {"instrument_token": 1, "last_price": 1450.05, "timestamp": "2026-11-20 10:29:59", "depth": {"buy": [], "sell": []}}
    data = json.dumps({"NSE:INFY": good, "NSE:ELSE": {"last_price": "?"}})
    quotes = _answered("zerodha", data, lambda adapter: adapter.quotes(["NSE:INFY"]))
    assert [quote.last_price for quote in quotes.values()] == [Decimal("1450.05")]
    assert quotes["NSE:INFY"].at == NOW - timedelta(seconds=1)
    assert _answered("zerodha", json.dumps({"NSE:INFY": {}}), lambda adapter: adapter.quotes(["NSE:INFY"])) == {}


def test_a_profile_or_funds_answer_that_cannot_be_read_says_so() -> None:
    for broker in ("zerodha", "angelone"):
        for read in (lambda adapter: adapter.profile(), lambda adapter: adapter.funds()):
            with pytest.raises(BrokerUnavailable, match="cannot be read"):
                _answered(broker, "{}", read)


def test_a_history_row_of_the_official_client_s_worst_dates_is_read_all_the_same() -> None:
    """The client fails on a timestamp that is a number; we read the bytes."""
    odd = _changed(KITE_ORDER, exchange_timestamp=1234567890123456789)
    states = _answered("zerodha", f"[{odd}]", lambda adapter: adapter.order_history("100000000000000"))
    assert [state.broker_order_id for state in states] == ["100000000000000"]


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda each: each.replace(microsecond=0, tzinfo=UTC)))  # noqa: DTZ001
def test_a_moment_survives_both_ways_of_writing_it(moment: datetime) -> None:
    local = to_ist(moment)
    assert ist_moment(f"{local:%Y-%m-%d %H:%M:%S}") == moment
    assert ist_moment(f"{local:%d-%b-%Y %H:%M:%S}") == moment
    assert ist_moment(local.isoformat()) == moment


@pytest.mark.parametrize("text", ["", "20-Foo-2026 10:00:00", "10:00:00", "2026-13-01 10:00:00", "a-b-c 1", "31FEB2026"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ist_moment(text)


def test_a_date_is_read_whatever_the_language_of_the_machine() -> None:
    assert day_of("27FEB2026") == day_of("27Feb2026") == date(2026, 2, 27)


@given(st.decimals(min_value="-1000000000", max_value="1000000000", places=4))
def test_a_price_goes_out_without_exponent_and_comes_back_the_same(price: Decimal) -> None:
    assert "E" not in plain(price)
    assert Decimal(plain(price)) == price


@given(st.sampled_from([*OrderStatus, None]), st.integers(0, 10), st.integers(1, 10))
def test_only_a_working_order_is_partially_filled(status: OrderStatus | None, filled: int, quantity: int) -> None:
    result = with_fills(status, filled, quantity)
    if result is not status:
        assert result is OrderStatus.PARTIALLY_FILLED
        assert status in (OrderStatus.SENT, OrderStatus.OPEN, OrderStatus.TRIGGER_PENDING)
        assert 0 < filled < quantity


@pytest.mark.parametrize("value", ["", None, True, "nan", "1e999x", {}, "infinity", "1e999999999", -(10**18)])
def test_what_is_no_number_is_a_row_error(value: object) -> None:
    with pytest.raises(RowError):
        Row({"n": value}).number("n")
