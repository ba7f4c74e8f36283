"""Spans: what is joined and cut covers the same moments."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.bars import Span
from sigma.engines.spans import joined, pieces, shared, without

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: Span(*pair)), max_size=8)


def moments(found: object) -> set[int]:
    return {each for span in found for each in range(span.start + 1, span.end + 1)}  # type: ignore[attr-defined]


@given(spans)
def test_joined_spans_cover_the_same_and_do_not_touch(some: list[Span]) -> None:
    found = joined(some)
    assert moments(found) == moments(some)
    assert all(one.end < two.start for one, two in pairwise(found))


@given(spans, st.integers(0, 30), st.integers(0, 30))
def test_a_span_is_what_is_left_and_what_is_shared(some: list[Span], start: int, length: int) -> None:
    span = Span(start, start + length)
    left, common = without(span, some), shared(span, some)
    assert moments(left) | moments(common) == moments([span])
    assert moments(left) & moments(some) == set()
    assert moments(common) <= moments(some)


@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(1, 90))
def test_pieces_are_no_longer_than_allowed_and_join_to_the_whole(start: int, length: int, longest: int) -> None:
    span = Span(start, start + length)
    found = pieces(span, longest)
    assert joined(found) == (span,)
    assert max(part.end - part.start for part in found) <= longest
