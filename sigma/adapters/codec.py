"""Words of ours and of a broker, translated in tables that are checked when they are built and loud about what they lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Generic, TypeVar

Ours = TypeVar("Ours", bound=Enum)


class UnknownWord(ValueError):
    """A broker's word (or one of ours) that the table does not hold."""


class Codec(Generic[Ours]):
    """A two-way table between one of our enums and a broker's words.

    Parameters
    ----------
    words : mapping
        A word for every member of the enum; no word twice.

    Raises
    ------
    ValueError
        A member has no word, or two members share one.
    """

    def __init__(self, words: Mapping[Ours, str]) -> None:
        kind = type(next(iter(words)))
        if missing := [member.name for member in kind if member not in words]:
            raise ValueError(f"{kind.__name__} without a word for {', '.join(missing)}")
        self._name = kind.__name__
        self._words = dict(words)
        self._ours = {word: ours for ours, word in words.items()}
        if len(self._ours) != len(self._words):
            raise ValueError(f"two members of {kind.__name__} share a word: {sorted(words.values())}")

    def encode(self, ours: Ours) -> str:
        """Return the broker's word."""
        return self._words[ours]

    def decode(self, word: str) -> Ours:
        """Return our word; UnknownWord when the broker's is not in the table."""
        if (ours := self.find(word)) is None:
            raise UnknownWord(f"unknown {self._name} {word!r}")
        return ours

    def find(self, word: str) -> Ours | None:
        """Return our word, None when the broker's is not in the table."""
        return self._ours.get(word.strip().upper())

    def __iter__(self) -> Iterator[Ours]:
        return iter(self._words)


class Reading(Generic[Ours]):
    """A one-way table: several of a broker's words mean one of ours. Letter case does not matter.

    Raises
    ------
    ValueError
        One word stands for two of ours.
    """

    def __init__(self, words: Mapping[Ours, Iterable[str]]) -> None:
        self._ours: dict[str, Ours] = {}
        for ours, theirs in words.items():
            for word in theirs:
                if self._ours.setdefault(word.upper(), ours) is not ours:
                    raise ValueError(f"{word!r} stands for both {self._ours[word.upper()]} and {ours}")

    def find(self, word: str) -> Ours | None:
        """Return what the word means, None when it is not in the table."""
        return self._ours.get(word.strip().upper())

    def decode(self, word: str) -> Ours:
        """Return what the word means; UnknownWord when it is not in the table."""
        if (ours := self.find(word)) is None:
            raise UnknownWord(f"unknown word {word!r}")
        return ours
