"""The tables between our words and theirs: total, two-way, loud; and the official packages' own constants in them."""

from __future__ import annotations

from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kiteconnect import KiteConnect

from sigma.adapters.angelone import mapping as angelone
from sigma.adapters.codec import Codec, Reading, UnknownWord
from sigma.adapters.zerodha import mapping as zerodha
from sigma.domain.orders import OrderStatus, OrderType, Product, Side, Validity, Variety

CODECS = [getattr(module, name) for module in (zerodha, angelone) for name in ("SIDE", "ORDER_TYPE", "PRODUCT", "VALIDITY")]
STATUS = [zerodha.STATUS, angelone.STATUS]


@pytest.mark.parametrize("codec", CODECS)
def test_every_word_of_ours_goes_there_and_comes_back(codec: Codec[Enum]) -> None:
    for ours in codec:
        assert codec.decode(codec.encode(ours)) is codec.find(codec.encode(ours).lower()) is ours


@given(st.sampled_from(CODECS), st.text())
def test_a_word_is_ours_or_loudly_unknown_and_never_something_else(codec: Codec[Enum], word: str) -> None:
    known = {codec.encode(ours) for ours in codec}
    if word.strip().upper() in known:
        assert codec.encode(codec.decode(word)) == word.strip().upper()
    else:
        assert codec.find(word) is None
        with pytest.raises(UnknownWord):
            codec.decode(word)


def test_a_table_that_forgets_a_word_or_uses_one_twice_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="SELL"):
        Codec({Side.BUY: "BUY"})
    with pytest.raises(ValueError, match="share a word"):
        Codec({Side.BUY: "B", Side.SELL: "B"})
    with pytest.raises(ValueError, match="stands for both"):
        Reading({Side.BUY: ["x"], Side.SELL: ["X"]})
    with pytest.raises(UnknownWord):
        Reading({Side.BUY: ["x"]}).decode("y")


def test_kite_words_are_those_of_the_official_package() -> None:
    kite = KiteConnect
    assert [zerodha.SIDE.encode(side) for side in (Side.BUY, Side.SELL)] == [
        kite.TRANSACTION_TYPE_BUY,
        kite.TRANSACTION_TYPE_SELL,
    ]
    assert {kind: zerodha.ORDER_TYPE.encode(kind) for kind in OrderType} == {
        OrderType.MARKET: kite.ORDER_TYPE_MARKET,
        OrderType.LIMIT: kite.ORDER_TYPE_LIMIT,
        OrderType.SL: kite.ORDER_TYPE_SL,
        OrderType.SL_M: kite.ORDER_TYPE_SLM,
    }
    assert {product: zerodha.PRODUCT.encode(product) for product in Product} == {
        Product.CNC: kite.PRODUCT_CNC,
        Product.MIS: kite.PRODUCT_MIS,
        Product.NRML: kite.PRODUCT_NRML,
        Product.MTF: "MTF",  # wire.md D; the package has no constant for it
    }
    assert {validity: zerodha.VALIDITY.encode(validity) for validity in Validity} == {
        Validity.DAY: kite.VALIDITY_DAY,
        Validity.IOC: kite.VALIDITY_IOC,
    }
    assert zerodha.VARIETY == {Variety.REGULAR: kite.VARIETY_REGULAR, Variety.AMO: kite.VARIETY_AMO}
    for word in (kite.VARIETY_REGULAR, kite.VARIETY_CO, kite.VARIETY_ICEBERG, kite.VARIETY_AUCTION):
        assert zerodha.VARIETY_READ.find(word) is Variety.REGULAR
    assert zerodha.STATUS.find(kite.STATUS_COMPLETE) is OrderStatus.FILLED
    assert zerodha.STATUS.find(kite.STATUS_REJECTED) is OrderStatus.REJECTED
    assert zerodha.STATUS.find(kite.STATUS_CANCELLED) is OrderStatus.CANCELLED


def test_smartapi_words_are_those_of_the_wire() -> None:
    """wire.md D: the package itself has no constants."""
    assert [angelone.ORDER_TYPE.encode(kind) for kind in (OrderType.MARKET, OrderType.LIMIT, OrderType.SL, OrderType.SL_M)] == [
        "MARKET",
        "LIMIT",
        "STOPLOSS_LIMIT",
        "STOPLOSS_MARKET",
    ]
    assert [angelone.PRODUCT.encode(product) for product in (Product.CNC, Product.MIS, Product.NRML, Product.MTF)] == [
        "DELIVERY",
        "INTRADAY",
        "CARRYFORWARD",
        "MARGIN",
    ]
    assert [angelone.variety_of(kind) for kind in OrderType] == ["NORMAL", "NORMAL", "STOPLOSS", "STOPLOSS"]


# wire.md D, letter for letter.
WORDS = [
    (0, OrderStatus.SENT, ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "AMO REQ RECEIVED"]),
    (0, OrderStatus.OPEN, ["OPEN PENDING", "OPEN", "MODIFIED", "MODIFY VALIDATION PENDING", "MODIFY PENDING"]),
    (0, OrderStatus.OPEN, ["CANCEL PENDING", "UPDATE"]),
    (0, OrderStatus.TRIGGER_PENDING, ["TRIGGER PENDING"]),
    (0, OrderStatus.FILLED, ["COMPLETE"]),
    (0, OrderStatus.REJECTED, ["REJECTED"]),
    (0, OrderStatus.CANCELLED, ["CANCELLED"]),
    (1, OrderStatus.SENT, ["validation pending", "put order req received"]),
    (1, OrderStatus.OPEN, ["open", "open pending", "modified", "modify pending", "not modified"]),
    (1, OrderStatus.TRIGGER_PENDING, ["trigger pending"]),
    (1, OrderStatus.FILLED, ["complete"]),
    (1, OrderStatus.REJECTED, ["rejected"]),
    (1, OrderStatus.CANCELLED, ["cancelled"]),
]  # fmt: skip


@pytest.mark.parametrize(("broker", "status", "words"), WORDS)
def test_every_status_word_of_the_wire_is_understood(broker: int, status: OrderStatus, words: list[str]) -> None:
    assert {STATUS[broker].find(word) for word in words} == {status}


def test_a_status_word_that_nobody_knows_is_none() -> None:
    assert [table.find("frozen by exchange") for table in STATUS] == [None, None]
