"""The control API under `/_sim`: the clock, faults, prices, and what really happened. Documented in docs/simulator.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sigma.domain.money import decimal_from
from sigma.domain.times import require_utc
from sigma.simulator.accounts import ZERODHA
from sigma.simulator.depth import Liquidity
from sigma.simulator.exchange import Exchange
from sigma.simulator.faults import BROKERS
from sigma.simulator.feeds import Feeds
from sigma.simulator.http import Request, Response, json_response, whole_number
from sigma.simulator.kite import KiteDoor
from sigma.simulator.load import Load
from sigma.simulator.model import SimAccount, SimFill, SimOrder
from sigma.simulator.postbacks import Postbacks
from sigma.simulator.securities import Security

Body = Mapping[str, object]
_YEAR_S = 366 * 86_400


class ControlApi:
    """Answers `/_sim/...`; every answer is JSON, a wrong request is a 400 with ``{"error": text}``."""

    def __init__(self, exchange: Exchange, kite: KiteDoor, feeds: Feeds, postbacks: Postbacks) -> None:
        self._exchange = exchange
        self._kite = kite
        self._feeds = feeds
        self._postbacks = postbacks
        self._reads: dict[str, Callable[[Request], object]] = {
            "health": lambda _: {"status": "ok"},
            "clock": lambda _: self._clock(),
            "accounts": lambda _: [_account(one) for one in exchange.accounts()],
            "faults": lambda _: self._faults(),
            "orders": self._orders,
            "fills": self._fills,
            "writes": self._writes,
            "breaches": lambda _: self._breaches(),
            "config": lambda _: exchange.config.as_dict(),
            "feeds": lambda _: feeds.all(),
            "postbacks": lambda _: {"answers": list(postbacks.answers)},
        }
        self._acts: dict[str, Callable[[Body], object]] = {
            "clock": self._set_clock,
            "faults": self._add_fault,
            "price": self._price,
            "liquidity": self._liquidity,
            "session/expire": self._expire,
            "roll": lambda _: self._roll(),
            "config": self._configure,
            "approve-login": self._approve_login,
            "redirect-url": self._redirect_url,
            "postback-url": self._postback_url,
            "authorise": self._authorise,
            "feeds/say": self._say,
            "feeds/load": self._load,
        }

    def answer(self, request: Request) -> Response:
        """Answer one control request."""
        name = request.path.removeprefix("/_sim").strip("/")
        try:
            if request.method == "DELETE" and (name == "faults" or name.startswith("faults/")):
                return self._remove_fault(name.removeprefix("faults").strip("/"))
            if request.method == "GET" and name in self._reads:
                return json_response(self._reads[name](request))
            if request.method == "POST" and name in self._acts:
                return json_response(self._acts[name](_body(request)))
        except ValueError as wrong:
            return json_response({"error": str(wrong)}, 400)
        return json_response({"error": f"{request.method} {request.path} is not in the control API"}, 404)

    # -- clock -----------------------------------------------------------------------------------------------------

    def _clock(self) -> dict[str, object]:
        return {"now": self._exchange.now().isoformat(), "offset_s": self._exchange.clock.offset_s()}

    def _set_clock(self, body: Body) -> dict[str, object]:
        if "set" in body:
            self._exchange.set_clock(_moment(body["set"]))
        else:
            self._exchange.set_clock(self._exchange.now() + timedelta(seconds=_number(body, "advance_s")))
        return self._clock()

    def _roll(self) -> dict[str, object]:
        self._exchange.roll()
        return self._clock()

    def _configure(self, body: Body) -> dict[str, object]:
        with self._exchange.lock:
            self._exchange.config.update(body)
        return self._exchange.config.as_dict()

    # -- faults ----------------------------------------------------------------------------------------------------

    def _faults(self) -> list[dict[str, object]]:
        with self._exchange.lock:
            return [fault.as_dict() for fault in self._exchange.faults.all()]

    def _add_fault(self, body: Body) -> dict[str, object]:
        with self._exchange.lock:
            return {"id": self._exchange.faults.add(body).id}

    def _remove_fault(self, text: str) -> Response:
        if text and not whole_number(text):
            raise ValueError(f"{text!r} is no fault's id")
        with self._exchange.lock:
            found = self._exchange.faults.remove(int(text) if text else None)
        if text and not found:
            return json_response({"error": f"there is no fault {text}"}, 404)
        return json_response({"removed": found})

    # -- market ----------------------------------------------------------------------------------------------------

    def _price(self, body: Body) -> dict[str, object]:
        security = self._security(body)
        hold = _flag(body, "hold", default=False)
        if body.get("price") is None:
            if hold:
                raise ValueError("holding needs a price; without one the price walks on")
            self._exchange.release_price(security)
        else:
            rebase = _flag(body, "rebase", default=False)
            self._exchange.set_price(security, _decimal(body, "price"), hold=hold, rebase=rebase)
        return {"listing": security.listing, "price": float(self._exchange.last_price(security))}

    def _liquidity(self, body: Body) -> dict[str, object]:
        security = self._security(body)
        bid, ask = body.get("bid_quantity"), body.get("ask_quantity")
        if bid is None and ask is None:
            self._exchange.set_liquidity(security, None)
            return {"listing": security.listing, "bid_quantity": None, "ask_quantity": None}
        if not _count(bid) or not _count(ask) or not isinstance(bid, int) or not isinstance(ask, int):
            raise ValueError("bid_quantity and ask_quantity are whole numbers from 0, or both null")
        self._exchange.set_liquidity(security, Liquidity(bid, ask))
        return {"listing": security.listing, "bid_quantity": bid, "ask_quantity": ask}

    # -- sockets ---------------------------------------------------------------------------------------------------

    def _say(self, body: Body) -> dict[str, object]:
        """Send a text frame as it is to open streams."""
        text, broker, client_id = body.get("text"), body.get("broker", "*"), body.get("client_id")
        if not isinstance(text, str) or broker not in BROKERS or not isinstance(client_id, str | None):
            raise ValueError(f"text is the frame to send, broker one of {', '.join(sorted(BROKERS))}, client_id a text or null")
        return {"told": self._feeds.say(text, str(broker), client_id)}

    def _load(self, body: Body) -> dict[str, object]:
        self._feeds.load = Load.read(body)
        load = self._feeds.load
        return {"per_second": load.per_second if load else 0, "listings": load.listings if load else 0}

    # -- accounts --------------------------------------------------------------------------------------------------

    def _expire(self, body: Body) -> dict[str, object]:
        account = self._account(body)
        with self._exchange.lock:
            return {"expired": self._exchange.sessions.expire(account)}

    def _approve_login(self, body: Body) -> dict[str, object]:
        account = self._account(body)
        if account.broker != ZERODHA:
            raise ValueError(f"{account.client_id} logs in with PIN and one-time code, not by a redirect")
        return {"request_token": self._kite.issue_request_token(account)}

    def _redirect_url(self, body: Body) -> dict[str, object]:
        account, url = self._account(body), _url(body)
        account.redirect_url = url
        return {"client_id": account.client_id, "url": url}

    def _postback_url(self, body: Body) -> dict[str, object]:
        account, url = self._account(body), _url(body)
        if account.broker != ZERODHA:
            raise ValueError(f"{account.client_id} has no postbacks")
        self._postbacks.send_to(account.client_id, url)
        return {"client_id": account.client_id, "url": url}

    def _authorise(self, body: Body) -> dict[str, object]:
        """Set the standing authorisation of an account, or release shares of one holding for sale today."""
        account = self._account(body)
        with self._exchange.lock:
            if "demat_consent" in body:
                account.demat_consent = _flag(body, "demat_consent", default=True)
            if "listing" in body:
                holding = account.holdings.get(self._security(body).isin or "")
                quantity = body.get("quantity")
                if holding is None or not _count(quantity) or not isinstance(quantity, int):
                    raise ValueError(f"{account.client_id} has no such holding, or quantity is no whole number from 0")
                holding.authorised = quantity
        return {"client_id": account.client_id, "demat_consent": account.demat_consent}

    # -- what happened ---------------------------------------------------------------------------------------------

    def _orders(self, request: Request) -> list[dict[str, object]]:
        client_id, tag = request.argument("client_id") or None, request.argument("tag") or None
        return [order_json(order) for order in self._exchange.all_orders(client_id, tag)]

    def _fills(self, request: Request) -> list[dict[str, object]]:
        return [fill_json(fill) for fill in self._exchange.all_fills(request.argument("client_id") or None)]

    def _writes(self, request: Request) -> list[dict[str, object]]:
        client_id = request.argument("client_id")
        with self._exchange.lock:
            return [entry.as_dict() for entry in self._exchange.writes if client_id in ("", entry.client_id)]

    def _breaches(self) -> list[dict[str, object]]:
        with self._exchange.lock:
            return [breach.as_dict() for breach in self._exchange.rates.breaches]

    # -- arguments -------------------------------------------------------------------------------------------------

    def _security(self, body: Body) -> Security:
        security = self._exchange.security(str(body.get("listing")))
        if security is None:
            raise ValueError(f"{body.get('listing')!r} is not in the table of securities")
        return security

    def _account(self, body: Body) -> SimAccount:
        found = [one for one in self._exchange.accounts() if one.client_id == body.get("client_id")]
        if not found:
            raise ValueError(f"there is no account {body.get('client_id')!r}")
        return found[0]


def order_json(order: SimOrder) -> dict[str, object]:
    """Return an order in the control API's words; `tag` is the one requested, also when the wire lost it."""
    return {
        "order_id": order.order_id, "client_id": order.client_id, "broker": order.broker, "tag": order.tag,
        "listing": order.security.listing, "side": order.side.value, "quantity": order.quantity, "filled": order.filled,
        "cancelled": order.cancelled, "average_price": float(order.average_price), "status": order.state.value,
        "message": order.message, "product": order.product.value, "order_type": order.requested_type.value,
        "variety": order.variety.value, "price": float(order.price), "trigger_price": float(order.trigger_price),
        "placed_at": order.placed_at.isoformat(), "updated_at": order.updated_at.isoformat(),
        "session_date": order.session_date.isoformat(), "request_ns": order.request_ns,
    }  # fmt: skip


def fill_json(fill: SimFill) -> dict[str, object]:
    """Return an execution in the control API's words."""
    return {
        "fill_id": fill.fill_id, "order_id": fill.order_id, "client_id": fill.client_id, "broker": fill.broker,
        "listing": fill.security.listing, "side": fill.side.value, "product": fill.product.value,
        "quantity": fill.quantity, "price": float(fill.price), "at": fill.at.isoformat(),
        "session_date": fill.session_date.isoformat(),
    }  # fmt: skip


def _account(account: SimAccount) -> dict[str, object]:
    return {
        "broker": account.broker, "client_id": account.client_id, "name": account.name, "api_key": account.api_key,
        **account.secrets,
    }  # fmt: skip


def _body(request: Request) -> Body:
    if not request.body.strip():
        return {}
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"set must be an ISO time with its zone, was {value!r}")
    return require_utc(datetime.fromisoformat(value))


def _number(body: Body, name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_YEAR_S <= value <= _YEAR_S:
        raise ValueError(f"{name} must be a number of seconds within a year, was {value!r}")
    return float(value)


def _decimal(body: Body, name: str) -> Decimal:
    value = body.get(name)
    if not isinstance(value, str | int | float):
        raise ValueError(f"{name} must be a number, was {value!r}")
    number = decimal_from(value)
    if not 0 < number < 10**9:
        raise ValueError(f"{name} must lie between 0 and 100 crore, was {value!r}")
    return number


def _url(body: Body) -> str:
    url = body.get("url", "")
    if not isinstance(url, str) or not (url == "" or url.startswith(("http://", "https://"))):
        raise ValueError(f"url must be an http address or empty, was {url!r}")
    return url


def _flag(body: Body, name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, was {value!r}")
    return value


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
