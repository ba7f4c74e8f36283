"""The search index against the plainest search there is: each listing looked at one by one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bench import masters
from sigma.domain.instruments import Exchange, Kind
from sigma.engines.search import ListingIndex

KINDS = {"EQ": "EQUITY", "INDEX": "INDEX", "FUT": "FUTURE", "CE": "OPTION", "PE": "OPTION"}
ORDER = list(Kind)
Row = tuple[str, str, str, bool]


def row(each: masters.Row, named: bool) -> Row:
    series = f"-{each.series}" if each.series not in ("", "EQ") else ""
    symbol = masters.kite_contract(each) if each.expiry else f"{each.symbol}{series}"
    return each.exchange, KINDS[each.kind], f"{symbol}\n{each.name}".upper(), named


TABLE = masters.table(rows=3000)
ROWS: list[Row] = list(dict.fromkeys(row(each, number % 9 != 0) for number, each in enumerate(TABLE)))
ROWS.sort(key=lambda each: (not each[3], ORDER.index(Kind(each[1])), len(each[2]), each[2]))
INDEX = ListingIndex(ROWS)


def text_of(each: Row) -> str:
    return f"{each[0]}:{each[2].partition(chr(10))[0]}"


def fit(each: Row, pieces: list[str]) -> int:
    words, symbol = each[2], each[2].partition("\n")[0]
    if symbol == " ".join(pieces):
        return 0
    if words.startswith(pieces[0]):
        return 1
    return 2 if any(f"{mark}{pieces[0]}" in words for mark in " \n-&") else 3


def plainly(text: str, exchange: str | None, kind: str | None, limit: int) -> list[str]:
    pieces = text.upper().split()
    wanted = [each for each in ROWS if exchange in (None, each[0]) and kind in (None, each[1])]
    found = [each for each in wanted if all(piece in each[2] for piece in pieces)]
    found.sort(key=lambda each: (not each[3], fit(each, pieces) if pieces else 0))
    return [text_of(each) for each in found[:limit]]


SYMBOLS = st.sampled_from([each[2].replace("\n", " ") for each in ROWS])


@st.composite
def queries(draw: st.DrawFn) -> str:
    """Pieces of what there is, and sometimes anything."""
    pieces = []
    for _ in range(draw(st.integers(0, 3))):
        words = draw(SYMBOLS)
        start = draw(st.integers(0, len(words)))
        pieces.append(words[start : start + draw(st.integers(1, 20))])
    return " ".join([*pieces, *draw(st.lists(st.text("NIFTY26CE&-.é", max_size=4), max_size=1))])


@settings(max_examples=400, deadline=None)
@given(queries(), st.sampled_from([None, *Exchange]), st.sampled_from([None, *Kind]), st.sampled_from([1, 5, 50, 5000]))
def test_the_index_finds_what_looking_at_each_listing_finds_in_the_same_order(
    text: str, exchange: Exchange | None, kind: Kind | None, limit: int
) -> None:
    assert INDEX.find(text, exchange=exchange, kind=kind, limit=limit) == plainly(text, exchange, kind, limit)


def test_every_listing_is_found_by_its_own_symbol() -> None:
    for each in ROWS:
        assert text_of(each) in INDEX.find(text_of(each).partition(":")[2], limit=5000)


def test_an_empty_table_has_nothing_to_find() -> None:
    assert ListingIndex([]).find("infy") == []
    assert ListingIndex([("NSE", "EQUITY", "INFY\nINFOSYS", True)]).find("infosys") == ["NSE:INFY"]
    assert ListingIndex([("NFO", "FUTURE", "INFY26NOVFUT\nINFY", True)]).find("nov infy") == ["NFO:INFY26NOVFUT"]
