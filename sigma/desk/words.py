"""Turning what a person typed into our words, or saying which words there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from sigma.domain.accounts import Capabilities
from sigma.domain.errors import InvalidInput, InvalidOrder
from sigma.domain.money import decimal_from
from sigma.domain.orders import OrderType, Product, Validity

Word = TypeVar("Word", bound=StrEnum)


def word(kind: type[Word], text: str, what: str) -> Word:
    """Return the member of `kind` that `text` names (case does not matter).

    Raises
    ------
    InvalidOrder
        There is no such word.
    """
    try:
        return kind(str(text).strip().upper())
    except ValueError:
        raise InvalidOrder(f"There is no {what} {text!r}.", hint=f"Use one of {', '.join(kind)}.") from None


def typed(changes: Mapping[str, object]) -> dict[str, object]:
    """Return changes of an order with prices as Decimal and words as enums.

    Raises
    ------
    InvalidOrder
        A name is no field of an order, or a value does not fit it.
    """
    readers: dict[str, Callable[[object], object]] = {
        "price": _price,
        "trigger_price": _price,
        "quantity": lambda value: whole(value, "quantity"),
        "disclosed_quantity": lambda value: whole(value, "disclosed quantity"),
        "order_type": lambda value: word(OrderType, str(value), "order type"),
        "product": lambda value: word(Product, str(value), "product"),
        "validity": lambda value: word(Validity, str(value), "validity"),
        "gtt": bool,
    }
    unknown = sorted(set(changes) - set(readers))
    if unknown:
        raise InvalidOrder(f"An order has no {', '.join(unknown)} to change.", hint=f"Change any of {', '.join(readers)}.")
    return {name: readers[name](value) for name, value in changes.items()}


def amount(value: object, what: str) -> Decimal:
    """Return a number of rupees that a person gave.

    Raises
    ------
    InvalidOrder
        It is missing or no number.
    """
    if value is None:
        raise InvalidOrder(f"The {what} is missing.", hint="Give it in rupees.")
    try:
        return decimal_from(value)  # type: ignore[arg-type]
    except ValueError as error:
        raise InvalidOrder(f"The {what} must be a number: {error}.") from None


def whole(value: object, what: str) -> int:
    """Return a whole number that a person gave; one of numpy's counts.

    Raises
    ------
    InvalidOrder
        It is no whole number.
    """
    number = amount(value, what)
    if number != int(number):
        raise InvalidOrder(f"The {what} must be a whole number, was {value}.")
    return int(number)


def login_answer(given: Mapping[str, str], capabilities: Capabilities) -> dict[str, str]:
    """Return what a login gave; where the broker sends people back, the whole address they were sent to will do for a field.

    Raises
    ------
    InvalidInput
        An address was given that does not hold the field.
    """
    found = dict(given)
    for field in capabilities.login_fields if capabilities.login_redirect else ():
        text = found.get(field, "")
        if "://" in text or "=" in text:
            query = parse_qs(urlsplit(text).query or text.lstrip("?"))
            if field not in query:
                hint = "Log in to the end, then copy the address you were sent to."
                raise InvalidInput(f"That address holds no {field}.", hint=hint)
            found[field] = query[field][-1]
    return found


def _price(value: object) -> Decimal | None:
    return None if value is None else amount(value, "price")
