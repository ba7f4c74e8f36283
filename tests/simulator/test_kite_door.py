"""The Kite door through the unmodified official client, and byte for byte against wire.md."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from kiteconnect import KiteConnect
from kiteconnect import exceptions as kite_errors

from sigma.simulator.server import SimulatorServer
from tests.simulator.conftest import logged_in, raw
from tests.simulator.control import Control


def _words(text: str) -> set[str]:
    return set(text.split())


# Every key of an order row, as wire.md B1 lists them.
ORDER_KEYS = _words(
    """
    placed_by order_id exchange_order_id parent_order_id status status_message status_message_raw order_timestamp
    exchange_update_timestamp exchange_timestamp variety modified exchange tradingsymbol instrument_token order_type
    transaction_type validity validity_ttl product quantity disclosed_quantity price trigger_price average_price
    filled_quantity pending_quantity cancelled_quantity market_protection meta tag guid
    """
)
HOLDING_KEYS = _words(
    """
    tradingsymbol exchange instrument_token isin product price quantity used_quantity t1_quantity realised_quantity
    authorised_quantity authorised_date authorisation opening_quantity short_quantity collateral_quantity collateral_type
    discrepancy average_price last_price close_price pnl day_change day_change_percentage mtf
    """
)
POSITION_KEYS = _words(
    """
    tradingsymbol exchange instrument_token product quantity overnight_quantity multiplier average_price close_price
    last_price value pnl m2m unrealised realised buy_quantity buy_price buy_value buy_m2m sell_quantity sell_price
    sell_value sell_m2m day_buy_quantity day_buy_price day_buy_value day_sell_quantity day_sell_price day_sell_value
    """
)
FILL_KEYS = _words(
    """
    trade_id order_id exchange_order_id exchange tradingsymbol instrument_token product transaction_type average_price
    quantity fill_timestamp exchange_timestamp order_timestamp
    """
)


def place(kite: KiteConnect, **more: object) -> str:
    """Place an order for ten INFY."""
    order = {
        "variety": "regular", "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 10,
        "product": "MIS", "order_type": "MARKET", "market_protection": -1, **more,
    }  # fmt: skip
    return str(kite.place_order(**{name: value for name, value in order.items() if value is not None}))


# -- logging in ----------------------------------------------------------------------------------------------------


def test_a_session_carries_what_the_client_and_wire_md_want(sim: SimulatorServer, control: Control) -> None:
    client = KiteConnect("kitekey", root=sim.url)
    token = control.post("approve-login", {"client_id": "AB1234"})["request_token"]
    session = client.generate_session(token, "kitesecret")
    assert str(session["login_time"]).startswith("2026-11-20 10:30:")
    assert session["meta"] == {"demat_consent": "consent"}
    assert session["refresh_token"] == ""
    assert {"access_token", "public_token", "enctoken", "user_id", "exchanges", "products"} <= session.keys()
    assert client.profile()["user_id"] == "AB1234"


def test_a_request_token_works_once(sim: SimulatorServer, control: Control) -> None:
    client = KiteConnect("kitekey", root=sim.url)
    token = control.post("approve-login", {"client_id": "AB1234"})["request_token"]
    client.generate_session(token, "kitesecret")
    with pytest.raises(kite_errors.TokenException):
        client.generate_session(token, "kitesecret")


@pytest.mark.parametrize(("key", "secret"), [("kitekey", "wrong"), ("nokey", "kitesecret"), ("kitekey2", "kitesecret2")])
def test_a_wrong_secret_key_or_owner_gives_no_session(sim: SimulatorServer, control: Control, key: str, secret: str) -> None:
    token = control.post("approve-login", {"client_id": "AB1234"})["request_token"]
    with pytest.raises(kite_errors.TokenException) as refusal:
        KiteConnect(key, root=sim.url).generate_session(token, secret)
    assert refusal.value.code == 403


def test_a_request_token_lives_for_minutes(sim: SimulatorServer, control: Control) -> None:
    token = control.post("approve-login", {"client_id": "AB1234"})["request_token"]
    control.post("clock", {"advance_s": 600})
    with pytest.raises(kite_errors.TokenException):
        KiteConnect("kitekey", root=sim.url).generate_session(token, "kitesecret")


def test_the_login_page_shows_a_token_or_redirects_with_one(sim: SimulatorServer, control: Control) -> None:
    page = control.http.get(f"{sim.url}/connect/login?api_key=kitekey&v=3", timeout=5)
    found = re.search(r"<code>(\w{32})</code>", page.text)
    assert found
    KiteConnect("kitekey", root=sim.url).generate_session(found[1], "kitesecret")
    control.post("redirect-url", {"client_id": "AB1234", "url": "http://127.0.0.1:1/connect/zerodha?x=1"})
    answer = control.http.get(f"{sim.url}/connect/login?api_key=kitekey&v=3", timeout=5, allow_redirects=False)
    assert answer.status_code == 302
    assert re.fullmatch(
        r"http://127\.0\.0\.1:1/connect/zerodha\?x=1&request_token=\w{32}&action=login&type=login&status=success",
        answer.headers["Location"],
    )
    assert control.http.get(f"{sim.url}/connect/login?api_key=nobody", timeout=5).status_code == 400


def test_a_session_ends_at_six_in_the_morning(kite: KiteConnect, control: Control) -> None:
    control.post("clock", {"set": "2026-11-21T05:59:00+05:30"})
    assert kite.profile()["user_id"] == "AB1234"
    control.post("clock", {"set": "2026-11-21T06:00:00+05:30"})
    hooked: list[int] = []
    kite.set_session_expiry_hook(lambda: hooked.append(1))
    with pytest.raises(kite_errors.TokenException):
        kite.profile()
    assert hooked == [1]


def test_a_new_login_ends_the_earlier_session_and_so_does_logging_out(
    sim: SimulatorServer, control: Control, kite: KiteConnect
) -> None:
    again = logged_in(sim, control)
    with pytest.raises(kite_errors.TokenException):
        kite.profile()
    assert again.invalidate_access_token() is True
    with pytest.raises(kite_errors.TokenException):
        again.profile()


def test_renewing_is_for_partners_only(kite: KiteConnect) -> None:
    with pytest.raises(kite_errors.TokenException):
        kite.renew_access_token("", "kitesecret")


@pytest.mark.parametrize("header", ["", "token kitekey", "token kitekey:wrong", "Bearer x", "token kitekey2:{token}"])
def test_any_other_authorisation_is_refused_with_kites_words(kite: KiteConnect, header: str) -> None:
    headers = {"Authorization": header.format(token=kite.access_token)}
    answer = kite.reqsession.get(f"{kite.root}/orders", headers=headers, timeout=5)
    assert answer.status_code == 403
    assert answer.content == (
        b'{"status":"error","message":"Incorrect `api_key` or `access_token`.","data":null,"error_type":"TokenException"}'
    )


# -- account -------------------------------------------------------------------------------------------------------


def test_funds_have_every_field_as_a_number(kite: KiteConnect) -> None:
    both = kite.margins()
    assert both.keys() == {"equity", "commodity"}
    assert kite.margins("equity").keys() == {"enabled", "net", "available", "utilised"}
    assert both["equity"]["available"].keys() == {
        "adhoc_margin", "cash", "opening_balance", "live_balance", "collateral", "intraday_payin",
    }  # fmt: skip
    assert both["equity"]["utilised"].keys() == {
        "debits", "exposure", "m2m_realised", "m2m_unrealised", "option_premium", "payout", "span", "holding_sales",
        "turnover", "liquid_collateral", "stock_collateral", "delivery",
    }  # fmt: skip
    numbers = [*both["equity"]["available"].values(), *both["equity"]["utilised"].values(), both["equity"]["net"]]
    assert all(type(value) in (int, float) for value in numbers)


def test_holdings_keep_t1_and_pledged_shares_apart(kite: KiteConnect) -> None:
    rows = {row["tradingsymbol"]: row for row in kite.holdings()}
    assert all(row.keys() == HOLDING_KEYS for row in rows.values())
    sbin, reliance = rows["SBIN"], rows["RELIANCE"]
    assert (sbin["quantity"], sbin["t1_quantity"], sbin["opening_quantity"]) == (100, 20, 120)
    assert (reliance["quantity"], reliance["collateral_quantity"], reliance["collateral_type"]) == (25, 10, "stock")
    assert (rows["TCS"]["exchange"], len(rows["TCS"]["isin"])) == ("BSE", 12)
    assert sbin["instrument_token"] == 3045 * 256 + 1


def test_positions_carry_what_was_traded_today(kite: KiteConnect) -> None:
    place(kite)
    kite.orders()
    positions = kite.positions()
    assert positions.keys() == {"net", "day"}
    (row,) = positions["net"]
    assert row.keys() == POSITION_KEYS
    assert (row["quantity"], row["day_buy_quantity"], row["overnight_quantity"], row["realised"]) == (10, 10, 0, 0)
    assert row["buy_value"] == pytest.approx(row["buy_price"] * 10)
    assert row["pnl"] == row["unrealised"]


# -- orders --------------------------------------------------------------------------------------------------------


def test_an_order_row_has_the_keys_and_types_of_the_real_one(kite: KiteConnect) -> None:
    order_id = place(kite, tag="Sigma 0 test", product="CNC")
    (row,) = kite.orders()
    assert row.keys() == ORDER_KEYS | {"tags"}
    assert (row["order_id"], row["status"], row["tag"], row["tags"]) == (order_id, "COMPLETE", "Sigma 0 test", ["Sigma 0 test"])
    assert isinstance(row["exchange_order_id"], str)
    assert str(row["order_timestamp"]).startswith("2026-11-20 10:30:")
    assert row["instrument_token"] == 408065
    assert (row["order_type"], row["filled_quantity"], row["pending_quantity"]) == ("LIMIT", 10, 0)


def test_before_acceptance_by_the_exchange_its_ids_and_times_are_null(kite: KiteConnect, control: Control) -> None:
    control.post("config", {"accept_delay_s": 60})
    place(kite)
    (row,) = kite.orders()
    assert row["status"] == "PUT ORDER REQ RECEIVED"
    assert row["exchange_order_id"] is row["exchange_timestamp"] is row["exchange_update_timestamp"] is None
    assert row["average_price"] == 0


def test_history_lists_kites_own_words_oldest_first(kite: KiteConnect) -> None:
    history = kite.order_history(place(kite))
    words = [row["status"] for row in history]
    assert words[:4] == ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN"]
    assert words[-1] == "COMPLETE"


def test_a_cancelled_row_keeps_its_pending_quantity_and_a_tagless_row_has_no_tags(kite: KiteConnect) -> None:
    order_id = place(kite, order_type="LIMIT", price=1300, market_protection=None)
    kite.orders()
    assert kite.cancel_order("regular", order_id) == order_id
    (row,) = kite.orders()
    assert (row["status"], row["pending_quantity"], row["cancelled_quantity"]) == ("CANCELLED", 10, 10)
    assert row["tag"] is None
    assert "tags" not in row


def test_a_modification_shows_in_the_row(kite: KiteConnect) -> None:
    order_id = place(kite, order_type="LIMIT", price=1300, market_protection=None)
    kite.orders()
    assert kite.modify_order("regular", order_id, price=1310.5, quantity=12) == order_id
    (row,) = kite.orders()
    assert (row["price"], row["quantity"], row["modified"], row["status"]) == (1310.5, 12, True, "OPEN")


def test_executions_have_a_time_only_order_timestamp(kite: KiteConnect) -> None:
    order_id = place(kite)
    kite.orders()
    (row,) = kite.order_trades(order_id)
    assert row.keys() == FILL_KEYS
    assert kite.trades() == [row]
    answer = raw(kite, "GET", "/trades").json()["data"][0]
    assert re.fullmatch(r"10:30:\d\d", answer["order_timestamp"])
    assert re.fullmatch(r"2026-11-20 10:30:\d\d", answer["fill_timestamp"])


def test_a_rejection_appears_in_the_book_only(kite: KiteConnect) -> None:
    place(kite, tradingsymbol="RELIANCE", quantity=50_000)
    (row,) = kite.orders()
    assert row["status"] == "REJECTED"
    assert row["status_message"].startswith("Insufficient funds. Required margin is ")
    assert (row["pending_quantity"], row["exchange_order_id"]) == (0, None)


def test_whole_prices_are_written_without_a_fraction(kite: KiteConnect, control: Control) -> None:
    control.post("price", {"listing": "NSE:INFY", "price": 1500, "hold": True})
    assert raw(kite, "GET", "/quote/ltp?i=NSE:INFY").content == (
        b'{"status":"success","data":{"NSE:INFY":{"instrument_token":408065,"last_price":1500}}}'
    )


def test_an_after_market_order_says_so(kite: KiteConnect, control: Control) -> None:
    control.post("clock", {"set": "2026-11-20T20:00:00+05:30"})
    with pytest.raises(kite_errors.InputException, match="Try placing an AMO order"):
        place(kite)
    with pytest.raises(kite_errors.InputException, match=r"Markets are closed right now\. Use GTT"):
        place(kite, product="CNC")
    order_id = place(kite, variety="amo", product="CNC")
    (row,) = kite.orders()
    assert (row["status"], row["variety"]) == ("AMO REQ RECEIVED", "amo")
    kite.cancel_order("amo", order_id)
    assert kite.orders()[0]["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tradingsymbol": "NOSUCH"}, "expired or does not exist"),
        ({"tradingsymbol": ""}, "Missing or empty field `tradingsymbol`"),
        ({"exchange": "XSE"}, "Invalid `exchange`"),
        ({"transaction_type": "HOLD"}, "Invalid `transaction_type`"),
        ({"order_type": "STOP"}, "Invalid `order_type`"),
        ({"product": "XYZ"}, "Invalid `product`"),
        ({"product": "NRML"}, "Invalid `product`"),
        ({"validity": "GTC"}, "Invalid `validity`"),
        ({"variety": "iceberg"}, "not enabled"),
        ({"variety": "odd"}, "Invalid `variety`"),
        ({"quantity": 0}, "Invalid `quantity`"),
        ({"quantity": -5}, "Invalid `quantity`"),
        ({"quantity": "ten"}, "Invalid `quantity`"),
        ({"quantity": 100_001}, "Invalid `quantity`"),
        ({"tag": "x" * 21}, "Invalid `tag`"),
        ({"market_protection": 0}, "Market orders without market protection are not allowed via API"),
        ({"market_protection": None}, "Market orders without market protection are not allowed via API"),
        ({"market_protection": 101}, "Invalid `market_protection`"),
        ({"order_type": "SL-M", "trigger_price": 1500, "market_protection": 0}, "Market orders without market protection"),
        ({"order_type": "LIMIT"}, "Invalid `price`"),
        ({"order_type": "LIMIT", "price": "NaN"}, "Invalid `price`"),
        ({"order_type": "LIMIT", "price": 1400.03}, "Tick size for this script is 0.10"),
    ],
)
def test_wrong_input_is_refused_at_the_door(kite: KiteConnect, wrong: dict[str, object], words: str) -> None:
    with pytest.raises(kite_errors.InputException, match=re.escape(words)) as refusal:
        place(kite, **wrong)
    assert refusal.value.code == 400
    assert kite.orders() == []


@pytest.mark.parametrize("act", [lambda kite: kite.cancel_order("regular", "1"), lambda kite: kite.order_history("1")])
def test_an_unknown_order_is_a_general_exception(kite: KiteConnect, act: Callable[[KiteConnect], object]) -> None:
    with pytest.raises(kite_errors.GeneralException, match="Couldn't find that `order_id`"):
        act(kite)


def test_a_finished_order_cannot_be_cancelled(kite: KiteConnect) -> None:
    order_id = place(kite)
    kite.orders()
    with pytest.raises(kite_errors.OrderException, match="cannot be cancelled as it is being processed"):
        kite.cancel_order("regular", order_id)


def test_accounts_do_not_see_one_another(sim: SimulatorServer, control: Control, kite: KiteConnect) -> None:
    order_id = place(kite)
    other = logged_in(sim, control, "CD5678", "2")
    assert other.orders() == []
    with pytest.raises(kite_errors.GeneralException):
        other.cancel_order("regular", order_id)


def test_the_eleventh_order_in_a_second_is_refused(kite: KiteConnect, control: Control) -> None:
    with pytest.raises(kite_errors.NetworkException, match="Too many requests") as refusal:
        _burst(lambda: place(kite, quantity=1), 40)
    assert refusal.value.code == 429
    breaches = control.get("breaches")
    assert breaches[0]["unit"] == "second"
    assert (breaches[0]["limit"], breaches[0]["count"]) == (10, 11)


def test_only_listed_addresses_may_write(kite: KiteConnect, control: Control) -> None:
    for listed, words in (([], "No IPs configured for this app"), (["10.0.0.1"], r"IP \(127.0.0.1\) is not allowed")):
        control.post("config", {"allowed_ips": listed})
        answer = raw(kite, "POST", "/orders/regular", data={"tradingsymbol": "INFY"})
        assert answer.status_code == 403
        assert answer.json()["error_type"] == "PermissionException"
        assert re.match(words, answer.json()["message"])
    assert kite.orders() == []
    control.post("config", {"allowed_ips": ["127.0.0.1"]})
    assert place(kite)


def test_read_limits_are_kept_when_asked_for(kite: KiteConnect, control: Control) -> None:
    control.post("config", {"read_rate_enforced": True})
    with pytest.raises(kite_errors.NetworkException):
        _burst(lambda: kite.ltp("NSE:INFY"), 5)


def _burst(act: Callable[[], object], times: int) -> None:
    for _ in range(times):
        act()
