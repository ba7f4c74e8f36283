"""Paper books keep every value exactly, on both databases, and change under one lock."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from sigma.domain.accounts import Account, AuthMode, TradingMode
from sigma.domain.errors import NotFound
from sigma.domain.instruments import Kind
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side, Validity, Variety
from sigma.domain.paper import (
    PaperBook,
    PaperFill,
    PaperLot,
    PaperOrder,
    PaperPosition,
    PaperState,
    PaperTaken,
    PaperTerms,
    new_book,
)
from sigma.store import SqlStore
from sigma.store.paper import SqlPaperBooks
from tests.store.values import NOW

DAY = date(2026, 11, 20)
D = Decimal
TERMS = PaperTerms(Kind.OPTION, 75, D("0.05"), D("25000.5"), date(2026, 11, 24))
WISH = OrderRequest(
    "NFO:NIFTY26NOV25000CE",
    Side.SELL,
    150,
    OrderType.SL,
    Product.NRML,
    price=D("199.95"),
    trigger_price=D(200),
    validity=Validity.IOC,
    variety=Variety.AMO,
    disclosed_quantity=75,
    market_protection=D("2.5"),
    algo_tag="A1",
)
ORDER = PaperOrder(
    "261120000000001",
    1,
    "TAG",
    WISH,
    TERMS,
    OrderStatus.TRIGGER_PENDING,
    DAY,
    NOW,
    NOW,
    before=replace(WISH, quantity=75),
    admitted=True,
    limit=D("199.9"),
    valued_at=D("199.95"),
    filled=75,
    value=D("14996.25"),
    charges=D("23.07"),
    reason="Waits for a price: “—”",
)
FILL = PaperFill("2", "261120000000001", WISH.listing, Side.SELL, Product.NRML, 75, D("199.95"), NOW, DAY, DAY, D("23.07"))
POSITION = PaperPosition(
    WISH.listing,
    Product.NRML,
    True,
    TERMS,
    (PaperLot(-75, D("199.95"), DAY),),
    sold=75,
    sold_value=D("14996.25"),
    opening_average=D(1) / D(3),
    mark=D("199.95"),
)


@pytest.fixture
def account(store: SqlStore) -> Account:
    with store.begin() as tx:
        owner = tx.users.owner()
        return tx.accounts.add(
            Account(0, owner.id, "paper", "Paper", None, False, True, TradingMode.NORMAL, AuthMode.MANUAL, NOW)
        )


def full() -> PaperState:
    taken = {WISH.listing: PaperTaken(NOW, {"199.95": 75}, {})}
    book = replace(new_book(D("1000000.25"), DAY), next_number=3, positions=(POSITION,), charges=D("23.07"), taken=taken)
    return PaperState(book, (ORDER,), (FILL,))


def test_a_state_is_read_as_it_was_put(store: SqlStore, account: Account) -> None:
    books = SqlPaperBooks(store.database)
    assert books.load(account.id, DAY) is None
    assert books.open(account.id, new_book(D(5), DAY))
    assert not books.open(account.id, new_book(D(6), DAY))
    with books.change(account.id, DAY) as turn:
        assert turn.state == PaperState(new_book(D(5), DAY))
        turn.put(full())
    assert books.load(account.id, DAY) == full()
    assert books.fills(account.id) == (FILL,)


def test_what_is_over_leaves_the_book_with_its_day_and_what_works_stays(store: SqlStore, account: Account) -> None:
    books = SqlPaperBooks(store.database)
    books.open(account.id, new_book(D(5), DAY))
    over = replace(ORDER, broker_order_id="261120000000009", number=9, status=OrderStatus.CANCELLED)
    with books.change(account.id, DAY) as turn:
        turn.put(replace(full(), orders=(ORDER, over)))
    later = books.load(account.id, DAY + timedelta(days=1))
    assert later is not None
    assert (later.orders, later.fills) == ((ORDER,), ())


def test_an_exception_changes_nothing_and_a_book_that_is_not_there_is_named(store: SqlStore, account: Account) -> None:
    books = SqlPaperBooks(store.database)
    with pytest.raises(NotFound, match="paper book"), books.change(account.id, DAY):
        raise AssertionError("there is no book to change")
    books.open(account.id, new_book(D(5), DAY))

    def breaks() -> None:
        with books.change(account.id, DAY) as turn:
            turn.put(full())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    assert books.load(account.id, DAY) == PaperState(new_book(D(5), DAY))


def test_changes_of_one_book_come_one_after_another(store: SqlStore, account: Account) -> None:
    SqlPaperBooks(store.database).open(account.id, new_book(D(0), DAY))

    def add() -> None:
        books = SqlPaperBooks(store.database)
        for _ in range(10):
            with books.change(account.id, DAY) as turn:
                book: PaperBook = turn.state.book
                turn.put(replace(turn.state, book=replace(book, cash=book.cash + 1, next_number=book.next_number + 1)))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = SqlPaperBooks(store.database).load(account.id, DAY)
    assert found is not None
    assert (found.book.cash, found.book.next_number) == (40, 41)
