"""Our ids of orders: 16 characters of 0-9 and A-Z, which a broker's tag can carry."""

from __future__ import annotations

import hashlib
import string

ALPHABET = string.digits + string.ascii_uppercase
ID_LENGTH = 16


def hashed_id(*parts: object) -> str:
    """Return the id that belongs to these parts: always the same one, so that what they stand for is made once."""
    digest = hashlib.sha256("\x00".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return numbered(int.from_bytes(digest, "big"), ID_LENGTH)


def numbered(number: int, length: int) -> str:
    """Return the last `length` digits of a number to the base of the alphabet."""
    digits = []
    for _ in range(length):
        number, place = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[place])
    return "".join(reversed(digits))
