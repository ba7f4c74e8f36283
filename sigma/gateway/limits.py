"""How much the gateway takes: size of a body, messages per second, wrong secrets per address."""

from __future__ import annotations

import asyncio

from starlette.requests import HTTPConnection, Request

from sigma.gateway.errors import Refusal
from sigma.infra.failures import FailureMinute
from sigma.ports.clock import Clock

MOST_BYTES = 64 * 1024
# A body that is too big is read (and dropped) up to this size, so that its sender gets to see the answer.
MOST_DROPPED = 8 * 1024 * 1024
BODY_SECONDS = 5.0
LOOPBACK = ("127.0.0.1", "::1")
SHUT_FACTOR = 10


async def read_body(request: Request) -> bytes:
    """Return a request's body, never holding more than the limit.

    Raises
    ------
    Refusal
        413 for a body over the limit, 408 for one that does not arrive in time.
    """
    announced = request.headers.get("content-length", "")
    too_big = announced.isdigit() and int(announced) > MOST_BYTES
    if too_big and (int(announced) > MOST_DROPPED or "expect" in request.headers):
        raise _too_big(close=True)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _limited(request)
    except TimeoutError:
        raise Refusal(408, "TIMEOUT", "The message did not arrive in time.", "Send it again.", close=True) from None


async def _limited(request: Request) -> bytes:
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_DROPPED:
            raise _too_big(close=True)
        if size > MOST_BYTES:
            body.clear()
        else:
            body += chunk
    if size > MOST_BYTES:
        raise _too_big(close=False)
    return bytes(body)


def _too_big(*, close: bool) -> Refusal:
    return Refusal(413, "TOO_LARGE", f"The message is larger than {MOST_BYTES // 1024} KiB.", "Shorten it.", close=close)


def sender_address(request: HTTPConnection) -> str:
    """Return where a request comes from: the address that the tunnel or proxy on this machine names, else the peer's."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded[:64] if forwarded and peer in LOOPBACK else peer


class Bucket:
    """Token bucket: `rate` per second, up to one second's worth at once. For one thread."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self.rate = rate
        self._tokens = rate
        self._at = clock.boot_ns()

    def take(self) -> float:
        """Take one token; return 0.0, or the seconds until there is one."""
        now = self._clock.boot_ns()
        self._tokens = min(self.rate, self._tokens + (now - self._at) / 1e9 * self.rate)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return 0.0


class Failures:
    """Wrong secrets of the last minute by address. For one thread.

    From `most` on, an address's wrong secrets are answered 429. At ten times that it is shut out unheard for the rest of the
    minute, so that nobody can guess fast; not so this machine's own address, behind which a tunnel that names no sender may
    carry the right messages too.
    """

    def __init__(self, clock: Clock, most: int) -> None:
        self.most = most
        self._minute = FailureMinute(clock)

    def refuse_shut(self, address: str) -> None:
        """Raise a Refusal when the address is shut out."""
        shut = 0.0 if address in LOOPBACK else self._minute.wait(address, self.most * SHUT_FACTOR)
        if shut:
            raise _too_many(shut)

    def count(self, address: str) -> None:
        """Count one wrong secret; raise a Refusal when it is one too many."""
        wait = self._minute.wait(address, self.most)
        self._minute.count(address, self.most * SHUT_FACTOR)
        if wait:
            raise _too_many(wait)


def _too_many(wait: float) -> Refusal:
    return Refusal(429, "TOO_MANY_FAILURES", "Too many wrong secrets.", "Correct the secret, then wait.", retry_after=wait)
