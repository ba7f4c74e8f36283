"""Search as you type over all listings: one compact index in memory, made once for each version of the instrument table.

Contracts are most of the table and repeat themselves: each is a stem (``NIFTY26FEB``) and a tail (``25000CE``), and a word is
looked for among the few thousand different stems and tails, then across the seam. Everything else is one text with a line for
each listing. The table's order is the order of the answers; only how well a text fits goes before it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigma.domain.instruments import Exchange, Kind

Rows = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
_FITS = np.full(256, 3, dtype=np.uint8)  # how well a word fits, by the byte before it
_FITS[list(b" \t-&")] = 2
_FITS[ord("\n")] = 1
_CONTRACT = re.compile(r"(.+?\d\d(?:[A-Z]{3}|[1-9OND]\d\d))(\d+(?:\.\d+)?[CP]E|FUT)")
_EXCHANGES, _KINDS = list(Exchange), list(Kind)
_CONTRACTS = frozenset({Kind.FUTURE.value, Kind.OPTION.value})
_EXACT, _PREFIX, _WORD, _INSIDE = range(4)
_UNNAMED = 4
_FEW = 300  # rows that are quicker looked at one by one


class _Lines:
    """Lines in one text; finds those that have a word. A line is ``symbol TAB name``, or one piece of a symbol."""

    def __init__(self, lines: Sequence[str]) -> None:
        encoded = [line.encode() for line in lines]
        self.text = b"\n" + b"\n".join(encoded) + b"\n"
        self._bytes = np.frombuffer(self.text, dtype=np.uint8)
        lengths = np.fromiter((len(line) for line in encoded), dtype=np.int32, count=len(encoded))
        self._starts = np.concatenate(([1], np.cumsum(lengths[:-1] + 1) + 1)).astype(np.int32)[: len(encoded)]
        self._ends = self._starts + lengths
        self._rows = np.repeat(np.arange(len(encoded), dtype=np.int32), lengths + 1)  # the line of each byte, from the second on
        self.count = len(encoded)
        self._last: tuple[bytes, Rows] = (b"", np.empty(0, dtype=np.intp))

    def __getitem__(self, row: int) -> str:
        return self.text[self._starts[row] : self._ends[row]].decode()

    def places(self, word: bytes) -> Rows:
        """Return where in the text a word is."""
        last = self._last
        if last[0] != word:
            self._last = last = (word, self._search(word))
        return last[1]

    def _search(self, word: bytes) -> Rows:
        if word not in self.text:
            return np.empty(0, dtype=np.intp)
        count = len(self._bytes) - len(word) + 1
        fits = self._bytes[:count] == word[0]
        for offset, letter in enumerate(word[1:], start=1):
            fits &= self._bytes[offset : offset + count] == letter
        return np.flatnonzero(fits)

    def rows_at(self, places: Rows) -> Rows:
        """Return the lines that these places of the text are in."""
        found: Rows = self._rows[places - 1]
        return found

    def having(self, word: bytes) -> Flags:
        """Say of each line whether it has a word."""
        return self._flags(self.rows_at(self.places(word)))

    def starting(self, word: bytes) -> Flags:
        """Say of each line whether it begins with a word."""
        return self._flags(self.rows_at(self.places(b"\n" + word) + 1))

    def ending(self, word: bytes, mark: bytes) -> Flags:
        """Say of each line whether a word is followed by `mark` in it (a TAB: the end of its symbol)."""
        return self._flags(self.rows_at(self.places(word + mark)))

    def rank(self, word: bytes) -> NDArray[np.uint8]:
        """Return how well each line fits: the line's begin, a word's begin, or anything else."""
        ranks = np.full(self.count, _INSIDE, dtype=np.uint8)
        places = self.places(word)
        fits = _FITS[self._bytes[places - 1]]
        for fit in (_WORD, _PREFIX):
            ranks[self.rows_at(places[fits == fit])] = fit
        return ranks

    def _flags(self, rows: Rows) -> Flags:
        flags = np.zeros(self.count, dtype=np.bool_)
        flags[rows] = True
        return flags


class _Part:
    """What every listing of a part has: its place in the table's order, exchange, kind, and whether a broker lists it."""

    def __init__(self) -> None:
        self._collected = [array(code) for code in "iBBB"]

    def add(self, place: int, exchange: str, kind: str, named: bool) -> None:
        """Take one more listing, in the table's order."""
        values = (place, _EXCHANGES.index(Exchange(exchange)), _KINDS.index(Kind(kind)), 0 if named else _UNNAMED)
        for column, value in zip(self._collected, values, strict=True):
            column.append(value)

    def close(self) -> None:
        """Say that all are there."""
        self.order, self.exchange, self.kind, self.unnamed = (np.array(column) for column in self._collected)
        self._collected.clear()

    def best(
        self, hits: Flags, ranks: NDArray[np.uint8], exchange: Exchange | None, kind: Kind | None, limit: int
    ) -> list[tuple[int, int, int]]:
        """Return the best rows as (how well it fits, place in the table, row)."""
        if exchange is not None:
            hits = hits & (self.exchange == _EXCHANGES.index(exchange))
        if kind is not None:
            hits = hits & (self.kind == _KINDS.index(kind))
        rows = np.flatnonzero(hits)
        keys = ranks[rows] + self.unnamed[rows]
        first = np.argsort(keys, kind="stable")[:limit]
        chosen = rows[first]
        return list(zip(keys[first].tolist(), self.order[chosen].tolist(), chosen.tolist(), strict=True))


class _Cash(_Part):
    """Shares, funds and indices: a line for each."""

    def __init__(self) -> None:
        super().__init__()
        self._words: list[str] = []

    def take(self, symbol: str, name: str) -> None:
        """Take the words of one more."""
        self._words.append(f"{symbol}\t{name}")

    def close(self) -> None:
        """Say that all are there."""
        super().close()
        self.lines = _Lines(self._words)
        self._words = []

    def text(self, row: int) -> str:
        """Return a row's symbol."""
        return self.lines[row].partition("\t")[0]

    def hits(self, words: Sequence[bytes]) -> Flags:
        """Say of each row whether it has all words."""
        hits = np.ones(self.lines.count, dtype=np.bool_)
        for number, word in enumerate(sorted(words, key=len, reverse=True)):
            rows = np.flatnonzero(hits) if number else None
            if rows is not None and len(rows) <= _FEW:
                sought = word.decode()
                hits[[row for row in rows.tolist() if sought not in self.lines[row]]] = False
            else:
                hits &= self.lines.having(word)
        return hits

    def ranks(self, words: Sequence[bytes], whole: bytes) -> NDArray[np.uint8]:
        """Return how well each row fits."""
        ranks = self.lines.rank(words[0]) if words else np.full(self.lines.count, _PREFIX, dtype=np.uint8)
        ranks[self.lines.rows_at(self.lines.places(b"\n" + whole + b"\t") + 1)] = _EXACT
        return ranks


class _Contracts(_Part):
    """Futures and options: a stem and a tail for each."""

    def __init__(self) -> None:
        super().__init__()
        self._stem_of, self._tail_of = array("i"), array("i")
        self._stems: dict[str, int] = {}
        self._tails: dict[str, int] = {}

    def take(self, symbol: str, name: str) -> None:
        """Take the words of one more."""
        cut = _CONTRACT.fullmatch(symbol)
        stem, tail = cut.groups() if cut else (symbol, "")
        self._stem_of.append(self._stems.setdefault(f"{stem}\t{name}", len(self._stems)))
        self._tail_of.append(self._tails.setdefault(tail, len(self._tails)))

    def close(self) -> None:
        """Say that all are there."""
        super().close()
        self.stem, self.tail = np.array(self._stem_of), np.array(self._tail_of)
        self.stems, self.tails = _Lines(list(self._stems)), _Lines(list(self._tails))
        del self._stem_of, self._tail_of, self._stems, self._tails

    def text(self, row: int) -> str:
        """Return a row's symbol."""
        return self.stems[int(self.stem[row])].partition("\t")[0] + self.tails[int(self.tail[row])]

    def hits(self, words: Sequence[bytes]) -> Flags:
        """Say of each row whether it has all words."""
        hits = np.ones(len(self.stem), dtype=np.bool_)
        for word in words:
            hits &= self._having(word)
        return hits

    def ranks(self, words: Sequence[bytes], whole: bytes) -> NDArray[np.uint8]:
        """Return how well each row fits."""
        if not words:
            return np.full(len(self.stem), _PREFIX, dtype=np.uint8)
        ranks: NDArray[np.uint8] = self.stems.rank(words[0])[self.stem]
        for head, tails in self._cuts(words[0]):
            begins = self.stems.starting(head + b"\t")
            if begins.any():
                ranks[begins[self.stem] & tails[self.tail]] = _PREFIX
        if len(words) == 1:
            self._mark_exact(ranks, whole)
        return ranks

    def _mark_exact(self, ranks: NDArray[np.uint8], whole: bytes) -> None:
        for cut in range(1, len(whole) + 1):
            head, rest = whole[:cut] + b"\t", b"\n" + whole[cut:] + b"\n"
            if b"\n" + head in self.stems.text and rest in self.tails.text:
                begins, tails = self.stems.starting(head), self.tails.starting(whole[cut:] + b"\n")
                ranks[begins[self.stem] & tails[self.tail]] = _EXACT

    def _having(self, word: bytes) -> Flags:
        found: Flags = self.stems.having(word)[self.stem]
        if word in self.tails.text:
            found |= self.tails.having(word)[self.tail]
        for head, tails in self._cuts(word):
            found |= self.stems.ending(head, b"\t")[self.stem] & tails[self.tail]
        return found

    def _cuts(self, word: bytes) -> Iterable[tuple[bytes, Flags]]:
        """Yield each begin of a word that a stem ends with, and which tails the rest begins."""
        for cut in range(1, len(word)):
            if word[:cut] + b"\t" in self.stems.text and b"\n" + word[cut:] in self.tails.text:
                yield word[:cut], self.tails.starting(word[cut:])


class ListingIndex:
    """All listings by their words.

    Parameters
    ----------
    rows : iterable of tuple
        Exchange, kind, words (symbol, line break, name; all capitals) and whether a broker lists it, in the order in which
        listings that fit equally well are wanted; those that no broker lists last.
    """

    def __init__(self, rows: Iterable[tuple[str, str, str, bool]]) -> None:
        self._cash, self._contracts = _Cash(), _Contracts()
        self.count = 0
        for exchange, kind, words, named in rows:
            part = self._contracts if kind in _CONTRACTS else self._cash
            symbol, _, name = words.partition("\n")
            part.take(symbol, " ".join(name.split()))
            part.add(self.count, exchange, kind, named)
            self.count += 1
        self._cash.close()
        self._contracts.close()

    def find(self, text: str, *, exchange: Exchange | None = None, kind: Kind | None = None, limit: int = 50) -> list[str]:
        """Return the canonical texts of listings that have all words of `text` in symbol or name.

        First the symbol itself, then symbols that begin with the first word, words that do, and anything else.
        """
        pieces = text.upper().split()
        words, whole = [piece.encode() for piece in pieces], " ".join(pieces).encode()
        found: list[tuple[int, int, int, _Cash | _Contracts]] = []
        for part in (self._cash, self._contracts):
            if not len(part.order) or (kind is not None and (kind.value in _CONTRACTS) is not (part is self._contracts)):
                continue
            hits = part.hits(words)
            if hits.any():
                found += [(*key, part) for key in part.best(hits, part.ranks(words, whole), exchange, kind, limit)]
        found.sort(key=lambda each: each[:2])
        return [f"{_EXCHANGES[part.exchange[row]].value}:{part.text(row)}" for _, _, row, part in found[:limit]]
