"""Reading bodies: strict JSON with an explanation, and no secrets left."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import InvalidInput, InvalidOrder
from sigma.engines.signal_text import canonical, check_texts, read_body, redact, scrub

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)


def caught(work: Callable[[], object]) -> object:
    """Return what `work` returns, or the refusal that it raises; anything else it raises fails the test."""
    try:
        return work()
    except (InvalidInput, InvalidOrder) as error:
        return error


def refusal(body: bytes, content_type: str = "text/plain") -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        read_body(body, content_type)
    assert refused.value.code == "MALFORMED"
    return refused.value


def test_an_object_is_read_and_fractions_stay_exact() -> None:
    assert read_body(b'{"price": 1500.10, "quantity": 5}') == {"price": Decimal("1500.10"), "quantity": 5}


@pytest.mark.parametrize("text", ['Alert: {"a": 1}', '```json\n{"a": 1}\n```', '{"a": 1} sent by TradingView', '\ufeff{"a": 1}'])
def test_text_around_one_object_is_left_out(text: str) -> None:
    assert read_body(text.encode(), "text/plain; charset=utf-8") == {"a": 1}


def test_a_body_that_promises_json_may_have_nothing_around_it() -> None:
    assert "Extra data" in refusal(b'{"a": 1} thanks', "application/json").message


@pytest.mark.parametrize("text", ['{"a": 1} {"b": 2}', '[{"a": 1},]', '"trade_details": {"a": 1}', '{"a": 1}}'])
def test_an_object_cut_out_of_something_larger_is_refused(text: str) -> None:
    assert refusal(text.encode())


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ('{"a": 1,}', "line 1, column 9", "trailing comma"),
        ('{"a": [1, 2,]}', "line 1, column 13", "trailing comma"),
        ('{\n "price": {{close}}\n}', "line 2, column 12", "{{close}} was not replaced"),
        ('{"price": {{strategy.order.price}}}', "column 12", "{{strategy.order.price}}"),
        ('{"price": {{my-secret-plot}}}', "column 12", "{{…}}"),
        ('{"symbol": NSE:INFY}', "line 1, column 12", "need double quotes"),
        ("{'a': 1}", "line 1, column 2", "straight double quotes"),
        ('{"a": “x”}', "line 1, column 7", "straight double quotes"),
        ('{"quantity": , "a": 1}', "line 1, column 14", "value is missing"),
        ('{"quantity": }', "line 1, column 14", "value is missing"),
        ("{quantity: 5}", "line 1, column 2", "Keys need double quotes"),
        ('{"a": "one\ntwo"}', "line 1, column 11", "line break"),
        ('{"a": "one', "line 1, column 7", "closing double quote"),
        ('{"a": 1', "line 1, column 8", "ends too early"),
        ('{"a": 1 "b": 2}', "line 1, column 9", "comma or a colon"),
        ('Alert: {"a": 1,}', "line 1, column 16", "trailing comma"),
        ("hello", "line 1, column 1", "double quotes"),
    ],
)
def test_a_fault_is_told_with_its_position_and_a_hint(text: str, position: str, hint: str) -> None:
    error = refusal(text.encode())
    assert position in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xff\xfe{", "byte 1"),
        (b"[1]", "list"),
        (b'"text"', "text"),
        (b"12", "number"),
        (b"null", "null"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e99999999999999999999}', "beyond any price"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"quantity": 5, "quantity": 6}', "twice"),
        (b'{"a":' * 30_000, "nested"),
        (b"[" * 60_000, "nested"),
    ],
)
def test_what_is_no_single_object_is_refused(body: bytes, told: str) -> None:
    assert told in refusal(body).message


@given(st.binary(max_size=300), st.sampled_from(["application/json", "text/plain", ""]))
def test_any_bytes_give_an_object_or_a_refusal(body: bytes, content_type: str) -> None:
    outcome = caught(lambda: read_body(body, content_type))
    if isinstance(outcome, InvalidInput):
        assert outcome.code == "MALFORMED"
        assert outcome.message
        assert outcome.hint
    else:
        assert isinstance(outcome, dict)


@given(st.dictionaries(st.text(max_size=10), JSON_VALUES, max_size=5))
def test_whatever_json_writes_is_read_back(payload: dict[str, object]) -> None:
    text = json.dumps(payload)
    assert read_body(text.encode()) == json.loads(text, parse_float=Decimal)


def test_a_secret_is_taken_out_of_texts_and_keys_at_any_depth() -> None:
    payload = {"secret": "hush-hush", "comment": "my secret is hush-hush", "deep": {"hush-hush": ["hush-hush!"]}}
    assert "hush" not in canonical(redact(payload, "hush-hush"))


def test_fields_that_are_secrets_by_name_are_dropped_at_any_depth() -> None:
    payload = {
        "Secret": "a",
        "meta": {"secret": "b", "platform": "TV"},
        "x": [{"API_KEY": "c", "password": "d", "pin": "1"}],
        "pinned": 1,
    }
    assert scrub(payload) == {"meta": {"platform": "TV"}, "x": [{}], "pinned": 1}


def test_equal_payloads_have_one_canonical_text_whatever_the_order_of_keys() -> None:
    first, second = read_body(b'{"a": 1.50, "b": {"c": 2, "d": 3}}'), read_body(b'{"b": {"d": 3, "c": 2}, "a": 1.5}')
    assert canonical(first) == canonical(second)


@pytest.mark.parametrize("value", ["{{strategy.order.contracts}}", "qty {{oops}}", "{{unclosed"])
def test_an_unexpanded_placeholder_is_named_with_its_key(value: str) -> None:
    with pytest.raises(InvalidInput, match="unexpanded placeholder") as refused:
        check_texts({"trade_details": {"quantity": value}})
    assert "trade_details.quantity" in refused.value.message


@pytest.mark.parametrize("text", ["half \ud83d", "nul \x00"])
def test_characters_that_no_database_stores_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no text"):
        check_texts({"comment": text})
    with pytest.raises(InvalidInput, match="no text"):
        check_texts({text: "comment"})


def test_a_payload_nested_too_deep_is_refused() -> None:
    payload: dict[str, object] = {}
    for _ in range(50):
        payload = {"a": payload}
    for work in (check_texts, scrub, lambda deep: redact(deep, "secret")):
        with pytest.raises(InvalidInput, match="nested too deep"):
            work(payload)
