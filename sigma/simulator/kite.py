"""Kite Connect v3 REST as the official client sees it (wire.md A1, B1, C, D, E)."""

from __future__ import annotations

import gzip
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html import escape
from urllib.parse import urlencode

from sigma.domain.times import ist_date, next_ist
from sigma.simulator import kite_rows as rows
from sigma.simulator.doors import Call, Context
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Request, Response, whole_number
from sigma.simulator.journal import RateWindow
from sigma.simulator.kite_candles import candles
from sigma.simulator.kite_estimates import basket_margins, contract_note, order_margins
from sigma.simulator.kite_master import KiteMaster
from sigma.simulator.kite_orders import change, place_request, refused
from sigma.simulator.kite_triggers import TriggerRoutes
from sigma.simulator.kite_wire import BAD_TOKEN, KiteError, error, stamp, success, success_rows
from sigma.simulator.lifecycle import ROLL_AT
from sigma.simulator.model import Refusal, SimAccount
from sigma.simulator.securities import Security
from sigma.simulator.sessions import TokenState

_REQUEST_TOKEN_LIFE = timedelta(minutes=5)
_EXCHANGES = ["NSE", "NFO", "BFO", "CDS", "BSE", "MCX", "BCD", "MF"]
_OTHERS = ("book", "history", "fills", "holdings", "positions", "funds", "profile", "margin", "charges", "gtts")
_QUOTE_LIMITS = {"": 500, "ohlc": 1000, "ltp": 1000}

Authorised = Callable[[Context, SimAccount], Response]


class KiteDoor:
    """The front door at the root of the port."""

    broker = "zerodha"
    order_windows = (RateWindow("second", 10), RateWindow("minute", 400), RateWindow("day", 5000))

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._master = KiteMaster(exchange.universe)
        self._triggers = TriggerRoutes(exchange)
        ten = (RateWindow("second", 10),)
        self.read_windows = {
            "quote": (RateWindow("second", 1),),
            "candles": (RateWindow("second", 3),),
            **dict.fromkeys(
                ("book", "history", "fills", "holdings", "positions", "funds", "profile", "margin", "charges", "gtts"), ten
            ),
        }

    def serves(self, path: str) -> bool:
        """Kite lives at the root: everything that no other door serves."""
        return path.startswith("/")

    # -- the way in ------------------------------------------------------------------------------------------------

    def route(self, request: Request) -> Call:
        """Understand a request."""
        parts = [part for part in request.path.split("/") if part]
        open_call = self._open_call(request, parts)
        if open_call is not None:
            return open_call
        endpoint, act = self._find(request, parts)
        account = self._authenticate(request)
        tag, order_id = _journal(request, parts)
        if account is None:
            refusal = BAD_TOKEN.response()
            return Call(endpoint, lambda _: refusal, refused=refusal, tag=tag, order_id=order_id)
        return Call(endpoint, _worded(act, account), account, tag=tag, order_id=order_id)

    def _open_call(self, request: Request, parts: list[str]) -> Call | None:
        """Return the call of a path that needs no session."""
        method, path = request.method, "/".join(parts)
        if path == "session/token" and method == "POST":
            account = self._exchange.account_by_key(self.broker, request.form().get("api_key", ""))
            return Call("login", lambda context: self._guarded(self._login, context), account)
        if path == "session/refresh_token" and method == "POST":
            account = self._exchange.account_by_key(self.broker, request.form().get("api_key", ""))
            return Call("login", lambda context: self._guarded(self._renew, context), account)
        if path == "session/token" and method == "DELETE":
            return Call("login", lambda context: self._guarded(self._logout, context))
        if path == "connect/login" and method == "GET":
            return Call("login", self._login_page)
        if parts[:1] == ["instruments"] and method == "GET" and len(parts) <= 2:
            return Call("instruments", lambda context: self._instruments(context, parts[1] if len(parts) > 1 else ""))
        return None

    def _find(self, request: Request, parts: list[str]) -> tuple[str, Authorised]:
        """Return endpoint and handler of a path that needs a session."""
        match request.method, parts:
            case "GET", ["user", "profile"]:
                return "profile", self._profile
            case "GET", ["user", "margins"]:
                return "funds", self._margins
            case "GET", ["user", "margins", segment]:
                return "funds", lambda context, account: self._margins_of(account, segment)
            case "GET", ["orders"]:
                return "book", self._orders
            case "GET", ["orders", order_id]:
                return "history", lambda context, account: self._history(account, order_id)
            case "GET", ["orders", order_id, "trades"]:
                return "fills", lambda context, account: self._fills(context, account, order_id)
            case "GET", ["trades"]:
                return "fills", lambda context, account: self._fills(context, account, None)
            case "POST", ["orders", variety]:
                return "place", lambda context, account: self._place(context, account, variety)
            case "PUT", ["orders", _, order_id]:
                return "modify", lambda context, account: self._modify(context, account, order_id)
            case "DELETE", ["orders", _, order_id]:
                return "cancel", lambda context, account: self._cancel(context, account, order_id)
            case "GET", ["portfolio", "holdings"]:
                return "holdings", self._holdings
            case "GET", ["portfolio", "positions"]:
                return "positions", self._positions
            case "GET", ["quote"] | ["quote", "ohlc" | "ltp"]:
                mode = parts[1] if len(parts) > 1 else ""
                return "quote", lambda context, account: self._quote(context, mode)
            case "GET", ["instruments", "historical", token, interval]:
                return "candles", lambda context, account: self._candles(context, token, interval)
            case "PUT", ["portfolio", "positions"]:
                return "convert", self._triggers.convert
            case method, ["gtt", "triggers", *rest]:
                return self._triggers.find(method, rest) or ("*", _not_found)
            case "POST", ["margins", "orders"]:
                return "margin", lambda context, account: success(order_margins(self._exchange, account, context.request))
            case "POST", ["margins", "basket"]:
                return "margin", lambda context, account: success(basket_margins(self._exchange, account, context.request))
            case "POST", ["charges", "orders"]:
                return "charges", lambda context, account: success(contract_note(self._exchange, context.request))
            case _:
                return "*", _not_found

    def _authenticate(self, request: Request) -> SimAccount | None:
        scheme, _, credentials = request.header("authorization").partition(" ")
        api_key, _, token = credentials.partition(":")
        if scheme != "token":
            return None
        with self._exchange.lock:
            state, account = self._exchange.sessions.look(self.broker, "access", token, self._exchange.now())
        good = state is TokenState.LIVE and account is not None and account.api_key == api_key
        return account if good else None

    # -- sessions --------------------------------------------------------------------------------------------------

    def issue_request_token(self, account: SimAccount) -> str:
        """Return a fresh, single-use request token: what a person brings back from the login page."""
        exchange = self._exchange
        with exchange.lock:
            token = exchange.sessions.new_text()
            exchange.sessions.open(account, "request", token, exchange.now() + _REQUEST_TOKEN_LIFE)
        return token

    def _login(self, context: Context) -> Response:
        form = context.request.form()
        account = self._checked(form, form.get("request_token", ""))
        exchange = self._exchange
        with exchange.lock:
            state, owner = exchange.sessions.look(self.broker, "request", form.get("request_token", ""), exchange.now())
            exchange.sessions.close(self.broker, "request", form.get("request_token", ""))
        if state is not TokenState.LIVE or owner is not account:
            raise KiteError(403, "TokenException", "Token is invalid or has expired.")
        return self._session(account)

    def _renew(self, context: Context) -> Response:
        form = context.request.form()
        self._checked(form, form.get("refresh_token", ""))
        raise KiteError(403, "TokenException", "Invalid `refresh_token`.")

    def _checked(self, form: dict[str, str], middle: str) -> SimAccount:
        """Return the account of a login form whose checksum is right: sha256(api_key + token + api_secret)."""
        account = self._exchange.account_by_key(self.broker, form.get("api_key", ""))
        if account is None:
            raise KiteError(403, "TokenException", "Invalid `api_key`.")
        proof = sha256((account.api_key + middle + account.secrets["api_secret"]).encode()).hexdigest()
        if not hmac.compare_digest(proof, form.get("checksum", "")):
            raise KiteError(403, "TokenException", "Invalid `checksum`.")
        return account

    def _session(self, account: SimAccount) -> Response:
        exchange = self._exchange
        with exchange.lock:
            now = exchange.now()
            access = exchange.sessions.new_text()
            exchange.sessions.open(account, "access", access, next_ist(now, ROLL_AT), exclusive=True)
        return success(
            {
                **self._user(account),
                "silo": "",
                "api_key": account.api_key,
                "access_token": access,
                "public_token": rows.short_hash(f"public {access}"),
                "refresh_token": "",
                "enctoken": rows.short_hash(f"enc {access}"),
                "login_time": stamp(now),
                "meta": {"demat_consent": "consent" if account.demat_consent else "physical"},
            }
        )

    def _logout(self, context: Context) -> Response:
        request = context.request
        with self._exchange.lock:
            self._exchange.sessions.close(self.broker, "access", request.argument("access_token"))
        if self._exchange.account_by_key(self.broker, request.argument("api_key")) is None:
            raise KiteError(403, "TokenException", "Invalid `api_key`.")
        return success(True)

    def _login_page(self, context: Context) -> Response:
        """Act as a person who logs in and consents at once: redirect to the registered address, or show the token."""
        account = self._exchange.account_by_key(self.broker, context.request.argument("api_key"))
        if account is None:
            return Response(400, b"<html><body><h1>Invalid api_key</h1></body></html>", "text/html; charset=utf-8")
        token = self.issue_request_token(account)
        if account.redirect_url:
            joint = "&" if "?" in account.redirect_url else "?"
            words = {"request_token": token, "action": "login", "type": "login", "status": "success"}
            return Response(302, b"", "text/html", (("Location", f"{account.redirect_url}{joint}{urlencode(words)}"),))
        body = f"<h1>Kite (simulated)</h1><p>{escape(account.client_id)}</p><p>request_token <code>{token}</code></p>"
        return Response(200, f"<html><body>{body}</body></html>".encode(), "text/html; charset=utf-8")

    # -- account ---------------------------------------------------------------------------------------------------

    def _user(self, account: SimAccount) -> dict[str, object]:
        return {
            "user_type": "individual",
            "email": account.email,
            "user_name": account.name,
            "user_shortname": account.name.split()[0],
            "broker": "ZERODHA",
            "exchanges": _EXCHANGES,
            "products": ["CNC", "NRML", "MIS", "BO", "CO"],
            "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
            "avatar_url": None,
            "user_id": account.client_id,
        }

    def _profile(self, context: Context, account: SimAccount) -> Response:
        consent = "consent" if account.demat_consent else "physical"
        return success({**self._user(account), "meta": {"demat_consent": consent}})

    def _margins(self, context: Context, account: SimAccount) -> Response:
        return success({"equity": rows.margins(self._exchange.funds(account)), "commodity": rows.no_margins()})

    def _margins_of(self, account: SimAccount, segment: str) -> Response:
        if segment == "equity":
            return success(rows.margins(self._exchange.funds(account)))
        if segment == "commodity":
            return success(rows.no_margins())
        raise KiteError(400, "InputException", "Invalid `segment`.")

    def _holdings(self, context: Context, account: SimAccount) -> Response:
        held = [] if context.twist.empty else self._exchange.holdings(account)
        today = ist_date(self._exchange.now()).isoformat()
        return success([rows.holding_row(one, today) for one in held])

    def _positions(self, context: Context, account: SimAccount) -> Response:
        positions = [] if context.twist.empty else self._exchange.positions(account)
        today = [replace(one, overnight=0) for one in positions if one.day_buy or one.day_sell]
        views = {
            name: [rows.position_row(one, self._exchange.day_prices(one.security)) for one in group]
            for name, group in (("net", positions), ("day", today))
        }
        return success(views)

    # -- orders ----------------------------------------------------------------------------------------------------

    def _place(self, context: Context, account: SimAccount, variety: str) -> Response:
        form = context.request.form()
        if form.get("autoslice") == "true":
            raise KiteError(400, "InputException", "Autoslice is not enabled for this account.")
        request = place_request(variety, form)
        try:
            order = self._exchange.place(account, request, context.twist, context.request.arrived_ns)
        except Refusal as refusal:
            raise refused(refusal, self._exchange.universe, request) from None
        context.order_id, context.committed = order.order_id, True
        return success({"order_id": order.order_id})

    def _modify(self, context: Context, account: SimAccount, order_id: str) -> Response:
        wanted = change(context.request.form())
        try:
            order = self._exchange.modify(account, order_id, wanted)
        except Refusal as refusal:
            raise refused(refusal, self._exchange.universe, verb="modified") from None
        context.committed = True
        return success({"order_id": order.order_id})

    def _cancel(self, context: Context, account: SimAccount, order_id: str) -> Response:
        try:
            order = self._exchange.cancel(account, order_id, context.twist)
        except Refusal as refusal:
            raise refused(refusal, self._exchange.universe, verb="cancelled") from None
        context.committed = True
        return success({"order_id": order.order_id})

    def _orders(self, context: Context, account: SimAccount) -> Response:
        return success_rows([rows.order_text(order) for order in self._exchange.book(account, context.twist)])

    def _history(self, account: SimAccount, order_id: str) -> Response:
        looks = self._exchange.history(account, order_id)
        if not looks:
            raise KiteError(400, "GeneralException", "Couldn't find that `order_id`.")
        return success_rows([rows.order_text(look) for look in looks])

    def _fills(self, context: Context, account: SimAccount, order_id: str | None) -> Response:
        return success([rows.fill_row(fill) for fill in self._exchange.fills(account, order_id, context.twist)])

    # -- market ----------------------------------------------------------------------------------------------------

    def _quote(self, context: Context, mode: str) -> Response:
        names = context.request.query.get("i", [])
        if not names:
            raise KiteError(400, "InputException", "Missing or empty field `i`")
        if len(names) > _QUOTE_LIMITS[mode]:
            raise KiteError(400, "InputException", f"Quotes are limited to {_QUOTE_LIMITS[mode]} instruments.")
        found = {name: security for name in names if (security := self._security(name)) is not None}
        if mode == "":
            return success({name: rows.quote_full(self._exchange.quote(security)) for name, security in found.items()})
        shape = rows.quote_ohlc if mode == "ohlc" else rows.quote_ltp
        return success({name: shape(security, self._exchange.day_prices(security)) for name, security in found.items()})

    def _candles(self, context: Context, token: str, interval: str) -> Response:
        return candles(self._exchange, self._security(token), interval, context.request)

    def _security(self, name: str) -> Security | None:
        """Return the security of `NSE:INFY` or of an instrument token."""
        if not whole_number(name):
            return self._exchange.security(name)
        with self._exchange.lock:
            return self._master.by_token(int(name))

    def by_token(self, token: int) -> Security | None:
        """Return the security of an instrument token; called under the lock."""
        return self._master.by_token(token)

    def _instruments(self, context: Context, exchange: str) -> Response:
        with self._exchange.lock:
            self._exchange.catch_up()
            body = self._master.csv(exchange)
        if body is None:
            return error(400, "InputException", "Invalid `exchange`.")
        if "gzip" in context.request.header("accept-encoding"):
            return Response(200, gzip.compress(body, 1), "text/csv", (("Content-Encoding", "gzip"),))
        return Response(200, body, "text/csv")

    # -- what the way of a request answers -------------------------------------------------------------------------

    def answer(self, kind: str, request: Request) -> Response:
        """Word what no handler answers, see `doors.FrontDoor`."""
        match kind:
            case "expired_session":
                return BAD_TOKEN.response()
            case "text_429":
                return Response(429, b"Too many requests", "text/plain")
            case "text_403":
                return Response(403, b"Forbidden", "text/plain")
            case "http_400_timeout":
                message = "Order request timed out. Please check the order book and confirm before placing again."
                return error(400, "OrderException", message)
            case "ip":
                return error(403, "PermissionException", self._ip_words(request))
            case _:
                return error(429, "NetworkException", "Too many requests")

    def _ip_words(self, request: Request) -> str:
        if not self._exchange.config.allowed_ips:
            return "No IPs configured for this app. Add allowed IPs on the Kite developer console."
        return (
            f"IP ({request.client_ip}) is not allowed to place orders for this app. "
            "Update allowed IPs on the Kite developer console."
        )

    def without_order_id(self, response: Response) -> Response:
        """Return a success whose `data` lacks the order id."""
        body = json.loads(response.body)
        body["data"] = {}
        return replace(response, body=json.dumps(body, separators=(",", ":")).encode())

    def _guarded(self, act: Callable[[Context], Response], context: Context) -> Response:
        try:
            return act(context)
        except KiteError as wrong:
            return wrong.response()


def _worded(act: Authorised, account: SimAccount) -> Callable[[Context], Response]:
    def handle(context: Context) -> Response:
        try:
            return act(context, account)
        except KiteError as wrong:
            return wrong.response()

    return handle


def _journal(request: Request, parts: list[str]) -> tuple[str, str]:
    """Return tag and order id of a write, as far as it names them."""
    if parts[:1] not in (["orders"], ["gtt"]) or request.method == "GET":
        return "", ""
    return request.form().get("tag", ""), parts[2] if len(parts) > 2 else ""


def _not_found(context: Context, account: SimAccount) -> Response:
    return error(404, "GeneralException", "Route not found")
