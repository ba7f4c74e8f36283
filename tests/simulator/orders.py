"""Orders and moves that the tests of the exchange share."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sigma.domain.orders import OrderType, Product, Side
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import PlaceRequest, SimAccount, SimOrder
from sigma.simulator.securities import Security

D = Decimal


def request(listing: str = "NSE:INFY", side: Side = Side.BUY, quantity: int = 10, **more: object) -> PlaceRequest:
    values: dict[str, object] = {"order_type": OrderType.MARKET, "product": Product.MIS, **more}
    return PlaceRequest(listing, side, quantity, **values)  # type: ignore[arg-type]


def limit(price: str, **more: object) -> PlaceRequest:
    return request(order_type=OrderType.LIMIT, price=D(price), **more)


def share(exchange: Exchange, listing: str = "NSE:INFY") -> Security:
    found = exchange.security(listing)
    assert found is not None
    return found


def hold(exchange: Exchange, price: str, listing: str = "NSE:INFY") -> None:
    exchange.set_price(share(exchange, listing), D(price), hold=True)


def now(exchange: Exchange, account: SimAccount, order: SimOrder) -> SimOrder:
    found = exchange.order(account, order.order_id)
    assert found is not None
    return found


def advance(exchange: Exchange, **time: float) -> None:
    exchange.set_clock(exchange.now() + timedelta(**time))
