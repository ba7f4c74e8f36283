"""Sets of spans of time: joined, taken from one another, cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sigma.domain.bars import Span


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same time as few spans, oldest first; empty ones vanish and those that touch become one."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def without(span: Span, taken: Iterable[Span]) -> tuple[Span, ...]:
    """Return what is left of `span` when `taken` is cut out, oldest first."""
    left, start = [], span.start
    for part in joined(taken):
        if part.end <= start or part.start >= span.end:
            continue
        left.append(Span(start, part.start))
        start = part.end
    left.append(Span(start, span.end))
    return tuple(part for part in left if part.start < part.end)


def shared(span: Span, others: Iterable[Span]) -> tuple[Span, ...]:
    """Return what `span` has in common with `others`, oldest first."""
    parts = (Span(max(span.start, other.start), min(span.end, other.end)) for other in joined(others))
    return tuple(part for part in parts if part.start < part.end)


def pieces(span: Span, longest: int) -> Sequence[Span]:
    """Return `span` cut into pieces of at most `longest` microseconds, oldest first."""
    return [Span(start, min(start + longest, span.end)) for start in range(span.start, span.end, longest)]
