"""Reading the text that a charting service posts: strict JSON, with an explanation when it is not, and without secrets.

Nothing is repaired that could change what a message means: the person is told where the fault is and how to cure it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sigma.domain.errors import InvalidInput

MALFORMED = "MALFORMED"
"""Error code of a body that cannot be read at all; a readable message that means nothing keeps INVALID_INPUT."""
REMOVED = "[removed]"
MAX_DEPTH = 8
MAX_DIGITS = 40
SECRET_KEY = re.compile(r"secret|passphrase|passw|token|api_?key|authorization|^(pin|otp|totp|mpin)$", re.IGNORECASE)
NO_TEXT = re.compile("[\x00\ud800-\udfff]")
PLACEHOLDER = re.compile(r"\{\{.*?(?:\}\}|$)", re.DOTALL)
KNOWN_PLACEHOLDER = re.compile(
    r"\{\{\s*(?:exchange|ticker|interval|open|high|low|close|volume|time|timenow|plot|plot_\d+|syminfo|strategy)(?:\.\w+)*\s*\}\}"
)
_SYNTAX = re.compile(r'[{}\[\]"]')


def read_body(body: bytes, content_type: str = "") -> Mapping[str, Any]:
    """Return the one JSON object that `body` holds; numbers with a fraction come as Decimal.

    Unless `content_type` promises JSON, text around the object (a title, a code fence) is left out.

    Raises
    ------
    InvalidInput
        With code ``MALFORMED``: position of the fault, and a hint how to cure it.
    """
    text = _decoded(body)
    if not text.strip():
        raise _malformed("The body is empty.", "Put the message as JSON into the alert's Message field.")
    try:
        value = _whole(text, promised="json" in content_type.lower())
    except json.JSONDecodeError as fault:
        raise _explained(text, fault) from None
    except RecursionError:
        raise _malformed("The body is nested too deep to be a signal.", "Send the nested or the flat form.") from None
    if not isinstance(value, dict):
        raise _malformed(f"The body is a JSON {_kind(value)}, not an object.", "Send one object in braces: { … }.")
    return value


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise _malformed(f"The body is not UTF-8 text: byte {fault.start + 1} cannot be read.", "Send it as UTF-8.") from None


def _whole(text: str, *, promised: bool) -> object:
    decoder = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object)
    try:
        return decoder.decode(text)
    except json.JSONDecodeError:
        start = text.find("{")
        if promised or start < 0:
            raise
    value, end = decoder.raw_decode(text, start)
    more = _SYNTAX.search(text, end) or _SYNTAX.search(text[:start])
    if more:
        raise json.JSONDecodeError("Extra data", text, more.start())
    return value


def _fraction(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _malformed(f"The number {text[:MAX_DIGITS]} is beyond any price.", "Correct it.") from None


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _malformed(f"A number has {len(text)} digits.", "Correct it.")
    return int(text)


def _constant(text: str) -> object:
    hint = "TradingView writes it where a plot has no value on that bar: make the alert's condition wait for one."
    raise _malformed(f"{text} is not a JSON number.", hint)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _malformed(f"The key {shown(twice)} appears twice in one object.", "Keep the one that you mean.")
    return value


def _explained(text: str, fault: json.JSONDecodeError) -> InvalidInput:
    where = f"line {fault.lineno}, column {fault.colno} (character {fault.pos + 1})"
    return _malformed(f"The body is not JSON: {fault.msg.removesuffix(' at')} at {where}.", _hint(text, fault))


def _hint(text: str, fault: json.JSONDecodeError) -> str:
    """Say what people do wrong at such a place."""
    before, at = text[: fault.pos].rstrip(), text[fault.pos :].lstrip()
    comma = before.endswith(",") or at.startswith(",")
    after = at.removeprefix(",").lstrip()
    if text[max(0, fault.pos - 1) : fault.pos + 1] == "{{" or at.startswith("{{"):
        return _placeholder_hint(text[max(0, fault.pos - 1) :])
    if comma and after[:1] in ("}", "]"):
        return "Remove the trailing comma before the closing bracket."
    if before.endswith(":") and (comma or after[:1] in ("}", "]")):
        return "A value is missing after the colon: a placeholder may have been replaced by nothing."
    if fault.msg.startswith("Extra data"):
        return "Send exactly one JSON object and nothing that looks like JSON around it."
    if fault.msg.startswith("Invalid control character"):
        return "A line break or tab stands inside a quoted text, perhaps from a comment or alert message: remove it."
    if fault.msg.startswith("Unterminated string"):
        return "A closing double quote is missing."
    if at[:1] in tuple("'‘’“”`"):  # noqa: RUF001 (the wrong quotes are the point)
        return 'Use straight double quotes: "order_action": "BUY".'
    if fault.msg.startswith("Expecting value") and at[:1].isalpha():
        return 'Text values need double quotes, placeholders too: "symbol": "{{exchange}}:{{ticker}}".'
    if fault.msg.startswith("Expecting property name") and at[:1].isalpha():
        return 'Keys need double quotes: "quantity": 5.'
    if "delimiter" in fault.msg and not at:
        return "The message ends too early: a closing bracket is missing."
    if "delimiter" in fault.msg:
        return 'A comma or a colon is missing here, or a quote inside a text is not written as \\".'
    return "Compare the message with the examples in the documentation."


def _placeholder_hint(text: str) -> str:
    found = KNOWN_PLACEHOLDER.match(text) or KNOWN_PLACEHOLDER.match(text, 1)
    name = found.group() if found else "{{…}}"
    return f"The placeholder {name} was not replaced: put it into double quotes and spell it as TradingView does."


def texts(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text in a payload, keys included.

    Raises
    ------
    InvalidInput
        The payload is nested deeper than any message we know.
    """
    if depth > MAX_DEPTH:
        raise InvalidInput("The message is nested too deep to be a signal.", hint="Send the nested or the flat form.")
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield "a key", str(key)
            yield from texts(inner, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner, path, depth + 1)


def check_texts(payload: Mapping[str, Any]) -> None:
    """Refuse what no message means: an unexpanded placeholder, half a character, a NUL.

    Raises
    ------
    InvalidInput
        Naming the key.
    """
    for path, text in texts(payload):
        found = PLACEHOLDER.search(text)
        if found:
            known = KNOWN_PLACEHOLDER.match(found.group())
            hint = "Strategy placeholders work only in a strategy's alert." if known else "Spell it as TradingView does."
            raise InvalidInput(f"{shown(path)} holds the unexpanded placeholder {found.group()[:60]}.", hint=hint)
        if NO_TEXT.search(text):
            raise InvalidInput(f"{shown(path)} holds a character that is no text.", hint="Remove it.")


def redact(payload: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """Return the payload with `secret` taken out wherever it occurs, so that nothing later can store or show it."""
    wipe = (lambda text: text.replace(secret, REMOVED)) if secret else str
    return _rebuilt(payload, wipe, lambda _: False)  # type: ignore[no-any-return]


def scrub(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload without the fields that are secrets by their name, at any depth."""
    return _rebuilt(payload, str, lambda key: bool(SECRET_KEY.search(key)))  # type: ignore[no-any-return]


def _rebuilt(value: Any, text: Callable[[str], str], drop: Callable[[str], bool], depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidInput("The message is nested too deep to be a signal.", hint="Send the nested or the flat form.")
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {text(str(key)): _rebuilt(inner, text, drop, depth + 1) for key, inner in value.items() if not drop(str(key))}
    if isinstance(value, list | tuple):
        return [_rebuilt(inner, text, drop, depth + 1) for inner in value]
    return value


def canonical(payload: Mapping[str, Any]) -> str:
    """Return the payload as one text that is the same for equal payloads, whatever the order of their keys."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: object) -> float | str:
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 300 and Decimal(repr(float(value))) == value:
        return float(value)
    return str(value)


def shown(value: object) -> str:
    """Return a foreign value as it may stand in a message: quoted, without control characters, short."""
    text = repr(str(value)) if isinstance(value, str | Decimal) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _kind(value: object) -> str:
    return {list: "list", str: "text", bool: "true or false", type(None): "null"}.get(type(value), "number")


def _malformed(message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, hint=hint, code=MALFORMED)
