"""The SmartAPI front door of the simulated exchange: REST as the official client meets it (wire.md A2, B2, C, D, G).

Serves loginByPassword, generateTokens, getProfile, logout, getRMS; placeOrder, modifyOrder, cancelOrder, getOrderBook,
details/{uniqueorderid}, getTradeBook, convertPosition; getHolding, getAllHolding, getPosition; getLtpData, market quote,
searchScrip; getCandleData, getOIData; and the instrument master. Cash and NFO.

- Errors come with HTTP 200: the back office's as ``status: false`` with ``errorcode``, the gateway's (API key, token, address)
  in the other envelope. Only rate limits differ: HTTP 403 in plain text. Empty lists go out as ``null``.
- Symbol, product, variety and tag are refused at once; tick, lot, freeze, circuit, margin and closed markets in the book.
- Outside the session NORMAL and STOPLOSS become AMO in the book; AMO is no variety to place or cancel with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sigma.simulator.accounts import ANGELONE
from sigma.simulator.doors import Call, Context
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Request, Response
from sigma.simulator.journal import RateWindow
from sigma.simulator.model import Refusal, SimAccount, SimOrder
from sigma.simulator.smartapi_auth import Logins
from sigma.simulator.smartapi_candles import candle_rows, interest_rows
from sigma.simulator.smartapi_estimates import estimate_charges, margin_batch
from sigma.simulator.smartapi_market import ltp_data, quotes, search
from sigma.simulator.smartapi_master import MASTER_PATH, Directory, smart_symbol
from sigma.simulator.smartapi_orders import (
    IN_BOOK,
    change_request,
    check_cancel,
    convert_position,
    order_id,
    order_tag,
    place_request,
)
from sigma.simulator.smartapi_rows import funds_row, holding_row, order_row, order_text, position_row, total_row, trade_row
from sigma.simulator.smartapi_wire import (
    RATE_TEXT,
    TOKEN_EXPIRED,
    UNREGISTERED_IP,
    GatewayError,
    SmartError,
    failure,
    gateway_failure,
    refusal,
    success,
)

AUTH, SECURE = "/rest/auth/angelbroking", "/rest/secure/angelbroking"
_DETAILS = f"{SECURE}/order/v1/details/"
_PLAIN_TEXT = "text/plain"
_ONE, _TWO, _THREE = ((RateWindow("second", limit),) for limit in (1, 2, 3))
_TEN = (RateWindow("second", 10), RateWindow("minute", 500))
_CANDLES = (*_THREE, RateWindow("minute", 180), RateWindow("hour", 5000))
_READ_WINDOWS = {
    "login": _ONE,
    "candles": _CANDLES,
    "profile": _THREE,
    "funds": _TWO,
    "history": _TEN,
    "quote": _TEN,
    "margin": (RateWindow("second", 10),),
} | dict.fromkeys(("book", "fills", "positions", "holdings"), _ONE)
_PROFILE = {
    "exchanges": ["nse_cm", "bse_cm", "nse_fo"],
    "products": ["CNC", "MIS", "NRML", "MARGIN"],
    "lastlogintime": "",
    "brokerid": "B2C",
}
# Codes of answers that do not say whether anything happened.
_INTERNAL = "AB2001", "Internal Error, Please Try After Sometime"

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request that has passed the gateway, as handlers see it."""

    account: SimAccount
    body: Body
    context: Context


@dataclass(frozen=True, slots=True)
class _Route:
    """What answers a path: `act` returns the ``data`` of a success; `secure` ones need a session."""

    endpoint: str
    act: Callable[[_Visit], object]
    secure: bool = True


class SmartApiDoor:
    """SmartAPI's REST.

    Parameters
    ----------
    exchange : Exchange
        What it is a door of.
    """

    broker = ANGELONE
    order_windows = (RateWindow("second", 9), RateWindow("minute", 500), RateWindow("hour", 1000))

    def __init__(self, exchange: Exchange) -> None:
        self.read_windows = dict(_READ_WINDOWS)
        self._exchange = exchange
        self._logins = Logins(exchange)
        self._today: tuple[date, Directory, bytes] | None = None
        order, user, portfolio = f"{SECURE}/order/v1", f"{SECURE}/user/v1", f"{SECURE}/portfolio/v1"
        history = f"{SECURE}/historical/v1"
        self._routes = {
            ("POST", f"{AUTH}/user/v1/loginByPassword"): _Route("login", self._login, secure=False),
            ("POST", f"{AUTH}/jwt/v1/generateTokens"): _Route("login", self._refresh, secure=False),
            ("GET", f"{user}/getProfile"): _Route("profile", _profile),
            ("POST", f"{user}/logout"): _Route("login", self._logout),
            ("GET", f"{user}/getRMS"): _Route("funds", self._funds),
            ("POST", f"{order}/placeOrder"): _Route("place", self._place),
            ("POST", f"{order}/modifyOrder"): _Route("modify", self._modify),
            ("POST", f"{order}/cancelOrder"): _Route("cancel", self._cancel),
            ("GET", f"{order}/getTradeBook"): _Route("fills", self._trades),
            ("GET", f"{order}/getPosition"): _Route("positions", self._positions),
            ("POST", f"{order}/getLtpData"): _Route("quote", self._ltp),
            ("POST", f"{order}/searchScrip"): _Route("quote", self._search),
            ("POST", f"{SECURE}/market/v1/quote"): _Route("quote", self._quotes),
            ("POST", f"{history}/getCandleData"): _Route("candles", self._candles),
            ("POST", f"{history}/getOIData"): _Route("candles", self._interest),
            ("GET", f"{portfolio}/getHolding"): _Route("holdings", self._holdings),
            ("GET", f"{portfolio}/getAllHolding"): _Route("holdings", self._all_holdings),
            ("POST", f"{order}/convertPosition"): _Route("convert", self._convert),
            ("POST", f"{SECURE}/margin/v1/batch"): _Route("margin", self._margin),
            ("POST", f"{SECURE}/brokerage/v1/estimateCharges"): _Route("charges", self._charges),
        }
        self._book_path = f"{order}/getOrderBook"

    # -- what the way of a request asks ----------------------------------------------------------------------------

    def serves(self, path: str) -> bool:
        """Say whether a path belongs to SmartAPI."""
        return path.startswith(("/rest/", "/gtt-service/", "/OpenAPI_File/"))

    def route(self, request: Request) -> Call:
        """Understand and authenticate a request. Whatever a GET carries as its query is ignored."""
        method, path = request.method, request.path.rstrip("/")
        if path == MASTER_PATH:
            return Call("instruments", lambda _: Response(200, self._directory()[1]))
        if (method, path) == ("GET", self._book_path):
            return self._guarded(request, "book", self._book)
        if method == "GET" and path.startswith(_DETAILS):
            unique_id = path.removeprefix(_DETAILS)
            return self._visit(request, _Route("history", lambda visit: self._details(visit, unique_id)))
        route = self._routes.get((method, path))
        if route is None:
            return Call("quote", lambda _: failure("AB1004", f"No service at {method} {path}", 404))
        return self._visit(request, route)

    def answer(self, kind: str, request: Request) -> Response:
        """Word what a fault or a limit answers."""
        match kind:
            case "ip":
                return gateway_failure(*UNREGISTERED_IP)
            case "expired_session":
                return gateway_failure(*TOKEN_EXPIRED)
            case "json_429":
                return failure("AB1023", "Too many requests", 429)
            case "text_429":
                return Response(429, b"Too many requests", _PLAIN_TEXT)
            case "http_400_timeout":
                return failure(*_INTERNAL, 400)
            case _:
                return Response(403, RATE_TEXT, _PLAIN_TEXT)

    def without_order_id(self, response: Response) -> Response:
        """Return a success that does not say which order it is about."""
        envelope = json.loads(response.body)
        if not envelope.get("status") or not isinstance(envelope.get("data"), dict):
            return response
        kept = {name: value for name, value in envelope["data"].items() if name not in ("orderid", "uniqueorderid")}
        return success(kept)

    # -- passing the gateway ---------------------------------------------------------------------------------------

    def _visit(self, request: Request, route: _Route) -> Call:
        def handle(account: SimAccount, context: Context) -> Response:
            body = _body(request)
            if body is None:
                return failure("AB2000", "Error not specified")
            try:
                return success(route.act(_Visit(account, body, context)))
            except SmartError as error:
                return failure(error.code, error.message)
            except Refusal as error:
                worded = refusal(error)
                return failure(worded.code, worded.message)

        return self._guarded(request, route.endpoint, handle, secure=route.secure)

    def _guarded(
        self, request: Request, endpoint: str, handle: Callable[[SimAccount, Context], Response], *, secure: bool = True
    ) -> Call:
        body = _body(request) or {}
        tag, named = order_tag(body), order_id(body)
        try:
            account = self._logins.authenticate(request) if secure else self._logins.account_of_key(request)
        except GatewayError as error:
            refused = gateway_failure(error.code, error.message)
            return Call(endpoint, lambda _: refused, refused=refused, tag=tag, order_id=named)
        if request.header("X-UserType") != "USER":
            refused = failure("AB1005", "User Type Must Be USER")
            return Call(endpoint, lambda _: refused, account, refused=refused, tag=tag, order_id=named)
        return Call(endpoint, lambda context: handle(account, context), account, tag=tag, order_id=named)

    def directory(self) -> Directory:
        """Return SmartAPI's table of the exchange's day."""
        return self._directory()[0]

    def _directory(self) -> tuple[Directory, bytes]:
        """Return the table of the exchange's day with its master; contracts change overnight."""
        day = self._exchange.universe.day
        if self._today is None or self._today[0] != day:
            directory = Directory.of(self._exchange.universe)
            self._today = day, directory, directory.master()
        return self._today[1:]

    # -- session ---------------------------------------------------------------------------------------------------

    def _login(self, visit: _Visit) -> object:
        return self._logins.login(visit.account, visit.body)

    def _refresh(self, visit: _Visit) -> object:
        return self._logins.refresh(visit.account, visit.body)

    def _logout(self, visit: _Visit) -> object:
        return self._logins.logout(visit.account, visit.context.request, visit.body)

    # -- orders ----------------------------------------------------------------------------------------------------

    def _place(self, visit: _Visit) -> object:
        context = visit.context
        wanted = place_request(self._exchange, self._directory()[0], visit.body)
        order = self._exchange.place(visit.account, wanted, context.twist, context.request.arrived_ns, in_book=IN_BOOK)
        return {"script": smart_symbol(order.security)} | _committed(order, context)

    def _modify(self, visit: _Visit) -> object:
        named = order_id(visit.body)
        order = self._exchange.order(visit.account, named, hidden=True)
        if order is None:
            raise SmartError("AB1013", "Order not found")
        changed = self._exchange.modify(visit.account, named, change_request(order, visit.body))
        return _committed(changed, visit.context)

    def _cancel(self, visit: _Visit) -> object:
        check_cancel(visit.body)
        order = self._exchange.cancel(visit.account, order_id(visit.body), visit.context.twist)
        return _committed(order, visit.context)

    def _book(self, account: SimAccount, context: Context) -> Response:
        """Answer getOrderBook from rows kept as text: a day's book is read every second."""
        directory = self._directory()[0]
        rows = ",".join(order_text(order, directory) for order in self._exchange.book(account, context.twist))
        data = f"[{rows}]" if rows else "null"
        return Response(200, f'{{"status":true,"message":"SUCCESS","errorcode":"","data":{data}}}'.encode())

    def _details(self, visit: _Visit, unique_id: str) -> object:
        order = next((one for one in self._exchange.book(visit.account, visit.context.twist) if one.unique_id == unique_id), None)
        if order is None:
            raise SmartError("AB1013", "Order not found")
        return order_row(order, self._directory()[0])

    def _trades(self, visit: _Visit) -> object:
        directory = self._directory()[0]
        return [trade_row(fill, directory) for fill in self._exchange.fills(visit.account, twist=visit.context.twist)]

    # -- portfolio and money ---------------------------------------------------------------------------------------

    def _holdings(self, visit: _Visit) -> object:
        return [holding_row(held) for held in self._exchange.holdings(visit.account)]

    def _all_holdings(self, visit: _Visit) -> object:
        held = self._exchange.holdings(visit.account)
        return {"holdings": [holding_row(one) for one in held], "totalholding": total_row(held)} if held else None

    def _positions(self, visit: _Visit) -> object:
        exchange, directory = self._exchange, self._directory()[0]
        return [
            position_row(position, exchange.day_prices(position.security), directory)
            for position in exchange.positions(visit.account)
        ]

    def _convert(self, visit: _Visit) -> object:
        convert_position(self._exchange, self._directory()[0], visit.account, visit.body)
        visit.context.committed = True
        return None

    def _funds(self, visit: _Visit) -> object:
        return funds_row(self._exchange.funds(visit.account))

    def _margin(self, visit: _Visit) -> object:
        return margin_batch(self._exchange, self._directory()[0], visit.account, visit.body)

    def _charges(self, visit: _Visit) -> object:
        return estimate_charges(self._exchange, self._directory()[0], visit.body)

    # -- market ----------------------------------------------------------------------------------------------------

    def _ltp(self, visit: _Visit) -> object:
        return ltp_data(self._exchange, self._directory()[0], visit.body)

    def _quotes(self, visit: _Visit) -> object:
        return quotes(self._exchange, self._directory()[0], visit.body)

    def _candles(self, visit: _Visit) -> object:
        return candle_rows(self._exchange, self._directory()[0], visit.body)

    def _interest(self, visit: _Visit) -> object:
        return interest_rows(self._exchange, self._directory()[0], visit.body)

    def _search(self, visit: _Visit) -> object:
        return search(self._directory()[0], visit.body)


def _profile(visit: _Visit) -> object:
    account = visit.account
    return {"clientcode": account.client_id, "name": account.name, "email": account.email, "mobileno": ""} | _PROFILE


def _committed(order: SimOrder, context: Context) -> dict[str, object]:
    """Note that a write has happened and return the ids it answers with."""
    context.committed, context.order_id = True, order.order_id
    return {"orderid": order.order_id, "uniqueorderid": order.unique_id}


def _body(request: Request) -> Body | None:
    """Return the JSON object of a body, an empty one without a body, None when it is no JSON object."""
    if request.method == "GET" or not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
