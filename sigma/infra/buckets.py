"""Turns at a broker, shared by all processes of this machine: one small file for each account and limit.

The file holds a header and a ring of stamps (`sigma.engines.turns` says what they mean). A short OS file lock guards each
change and nobody holds it while waiting: it dies with its process, whatever ends it. A stamp is written before the header that
counts it, each in one write, so that a process killed in between leaves a file that is right. ADR 0011 says why it is so.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sigma.domain.errors import NoTurn
from sigma.domain.limits import CallLimit, LimitUse
from sigma.domain.times import ist_date
from sigma.engines import turns
from sigma.engines.turns import SECOND_NS
from sigma.infra.limiter import boot_mark, opened_private
from sigma.ports.clock import Clock

MAGIC = b"SIGTURN1"
HEADER = struct.Struct("<8s16s11q")
STAMP = struct.Struct("<q")
MOST_WAITING = 256
"""So many calls may wait for their turn at one limit; the ring has room for them besides the stamps that windows need."""
LOCK_POLL_S, LOCK_WITHIN_S = 0.0005, 2.0
WAITED_NS = 1_000_000
"""A shorter wait is none."""
LONGEST_BACKOFF_S, LONGEST_CLOSE_S = 8.0, 86_400.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _State:
    """What the header says. `places` counts all turns of this boot, `streak` refusals for rate without an answer between."""

    magic: bytes
    boot: bytes
    capacity: int
    places: int = 0
    closed_until: int = 0
    streak: int = 0
    day: int = 0
    calls: int = 0
    waited: int = 0
    waited_ns: int = 0
    refused: int = 0
    limited: int = 0
    limited_at: int = 0


class _Bucket:
    """One limit of one account."""

    def __init__(self, path: Path, limit: CallLimit, clock: Clock) -> None:
        self.limit, self.clock = limit, clock
        self._boot = boot_mark(clock)
        self._capacity = limit.most + MOST_WAITING
        self._lock = threading.Lock()
        self._file = opened_private(path)
        weakref.finalize(self, os.close, self._file)

    def stamp_of(self, place: int) -> int:
        """Return the stamp of a place."""
        return int(STAMP.unpack(os.pread(self._file, STAMP.size, self._offset(place)))[0])

    def put(self, place: int, stamp: int) -> None:
        """Set the stamp of a place."""
        os.pwrite(self._file, STAMP.pack(stamp), self._offset(place))

    def read(self) -> _State:
        """Return the header as it is now, with the places of an earlier boot forgotten and yesterday's counts too."""
        data = os.pread(self._file, HEADER.size, 0)
        known = _State(*HEADER.unpack(data)) if len(data) == HEADER.size else _State(MAGIC, self._boot, self._capacity)
        if known.magic != MAGIC:
            known = _State(MAGIC, self._boot, self._capacity)
        if (known.boot, known.capacity) != (self._boot, self._capacity):
            known.boot, known.capacity = self._boot, self._capacity
            known.places = known.closed_until = known.streak = 0
        today = ist_date(self.clock.now()).toordinal()
        if known.day != today:
            known.day = today
            known.calls = known.waited = known.waited_ns = known.refused = known.limited = 0
        return known

    @contextmanager
    def held(self) -> Iterator[_State]:
        """Give the header to be changed, while no other thread or process changes anything."""
        with self._lock:
            self._lock_file()
            try:
                state = self.read()
                yield state
                os.pwrite(self._file, HEADER.pack(*astuple(state)), 0)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock_file(self) -> None:
        until = self.clock.boot_ns() + int(LOCK_WITHIN_S * SECOND_NS)
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            else:
                return
            if self.clock.boot_ns() > until:
                told = f"Another process keeps the count of calls for {self.limit.name} locked."
                raise NoTurn(told, hint="It may be stopped: end it, then try again.")
            self.clock.wait(LOCK_POLL_S)

    def _offset(self, place: int) -> int:
        return HEADER.size + place % self._capacity * STAMP.size


class FileTurn:
    """Implements ports.infra.Turn."""

    def __init__(self, bucket: _Bucket, place: int) -> None:
        self._bucket, self._place = bucket, place
        self._over = False

    def done(self) -> None:
        """Say that the call is over: the windows count from here, for whenever the broker counted it, it was before."""
        if self._over:
            return
        self._over = True
        with self._bucket.held() as state:
            state.streak = 0
            self._arrived(state)

    def refused(self, retry_after: float | None) -> None:
        """Say that the broker refused it for rate: nobody calls for as long as it says, else longer at each refusal."""
        self._over = True
        with self._bucket.held() as state:
            backoff = min(self._bucket.limit.shortest_s * 2.0 ** min(state.streak, 10), LONGEST_BACKOFF_S)
            seconds = min(retry_after or backoff, LONGEST_CLOSE_S)
            state.streak += 1
            state.limited += 1
            state.limited_at = (self._bucket.clock.now() - _EPOCH) // timedelta(microseconds=1)
            state.closed_until = max(state.closed_until, self._bucket.clock.boot_ns() + int(seconds * SECOND_NS))
            self._arrived(state)

    def _arrived(self, state: _State) -> None:
        bucket = self._bucket
        if state.places - MOST_WAITING <= self._place < state.places:
            now = bucket.clock.boot_ns()
            for place in turns.raised(self._place, state.places - 1, now, bucket.stamp_of):
                bucket.put(place, now)


class FileBudget:
    """Implements ports.infra.ReadBudget by files in a folder of this machine's own disk.

    Parameters
    ----------
    folder : Path
        Made when missing, open to its owner only.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._buckets: dict[tuple[int, CallLimit], _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, account_id: int, limit: CallLimit, patience_s: float) -> FileTurn:
        """Wait for a turn, in the order of asking, and return it.

        Raises
        ------
        NoTurn
            It would come later than in `patience_s` seconds; told at once, not after them.
        """
        bucket = self._bucket(account_id, limit)
        began = self._clock.boot_ns()
        latest = began + int(patience_s * SECOND_NS)
        place, at = self._placed(bucket, began, latest)
        while at > (now := self._clock.boot_ns()):
            self._clock.wait(-(-(at - now) // 1000) / 1e6)
            place, at = self._looked_again(bucket, place, began, latest)
        return FileTurn(bucket, place)

    def use(self, account_id: int, limit: CallLimit) -> LimitUse:
        """Return how a limit was used; nothing is locked."""
        bucket = self._bucket(account_id, limit)
        state = bucket.read()
        return LimitUse(
            limit,
            state.calls,
            state.waited,
            state.waited_ns / SECOND_NS,
            state.refused,
            state.limited,
            _EPOCH + timedelta(microseconds=state.limited_at) if state.limited_at else None,
            max(0, state.closed_until - self._clock.boot_ns()) / SECOND_NS,
        )

    def close(self) -> None:
        """Let go of the files; one whose call is still under way stays open until that ends."""
        with self._lock:
            self._buckets.clear()

    def _bucket(self, account_id: int, limit: CallLimit) -> _Bucket:
        with self._lock:
            if (account_id, limit) not in self._buckets:
                path = self._folder / f"account-{account_id}.{limit.name.replace(' ', '-')}.calls"
                self._buckets[account_id, limit] = _Bucket(path, limit, self._clock)
            return self._buckets[account_id, limit]

    def _placed(self, bucket: _Bucket, began: int, latest: int) -> tuple[int, int]:
        """Take the next place; return it with the instant at which its call may leave."""
        with bucket.held() as state:
            place, now = state.places, self._clock.boot_ns()
            at = max(now, turns.due(place, bucket.stamp_of, bucket.limit.windows, state.closed_until))
            crowded = place >= MOST_WAITING and bucket.stamp_of(place - MOST_WAITING) > now
            if at <= max(latest, now) and not crowded:
                bucket.put(place, at)
                state.places += 1
                state.calls += 1
                state.waited += at - began > WAITED_NS
                return place, at
            state.refused += 1
        raise self._too_long(bucket.limit, at - now, state.closed_until > now)

    def _looked_again(self, bucket: _Bucket, place: int, began: int, latest: int) -> tuple[int, int]:
        """Return a place that waited, with when it may leave now; one that came too late takes the next one instead."""
        with bucket.held() as state:
            now, newest = self._clock.boot_ns(), state.places - 1
            lost = not newest - MOST_WAITING < place <= newest
            if not lost:
                at = turns.due_again(place, newest, now, bucket.stamp_of, bucket.limit.windows, state.closed_until)
                if at <= now:
                    state.waited_ns += now - began
                    for number in turns.raised(place, newest, now, bucket.stamp_of):
                        bucket.put(number, now)
                    return place, now
                overtaken = place < newest and bucket.stamp_of(place + 1) <= now
                if not overtaken and at <= latest:
                    return place, at
            state.calls -= 1
            state.waited -= 1  # whoever looks again has waited
        return self._placed(bucket, began, latest)

    def _too_long(self, limit: CallLimit, wait_ns: int, closed: bool) -> NoTurn:
        seconds = wait_ns / SECOND_NS
        why = "the broker asked for patience" if closed else f"it takes {limit.words}"
        told = f"No more calls for {limit.name} at this broker for {max(1, round(seconds))} s: {why}."
        hint = "All programs of this machine share this limit. Try again then."
        return NoTurn(told, retry_after=seconds, hint=hint)


class _Always:
    """A turn that nobody counts."""

    def done(self) -> None:
        """Count nothing."""

    def refused(self, retry_after: float | None) -> None:
        """Close nothing."""


class NoBudget:
    """Implements ports.infra.ReadBudget without any limit: for a simulated exchange that has none either."""

    def take(self, account_id: int, limit: CallLimit, patience_s: float) -> _Always:
        """Return a turn at once."""
        del account_id, limit, patience_s
        return _Always()

    def use(self, account_id: int, limit: CallLimit) -> LimitUse:
        """Return that nothing was counted."""
        del account_id
        return LimitUse(limit)

    def close(self) -> None:
        """There is nothing to let go of."""


def read_budget(folder: Path, clock: Clock, environment: Mapping[str, str]) -> FileBudget | NoBudget:
    """Return the budget of an installation.

    There is none where a simulated exchange is asked (SIGMA_CLOCK_URL) and SIGMA_CALL_LIMITS=off says so; a real broker's
    limits cannot be switched off.
    """
    off = environment.get("SIGMA_CLOCK_URL") and environment.get("SIGMA_CALL_LIMITS") == "off"
    return NoBudget() if off else FileBudget(folder, clock)
