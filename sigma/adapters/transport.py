"""The HTTP session that every broker's client runs on, and what it saw: docs/adr/0003-reading-broker-answers.md.

A client's exception does not say whether the request left; this session does. It follows no redirect, repeats nothing,
ignores proxies, ``.netrc`` and cookies, and asks once more between connect and first byte whether it is still time.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sigma.ports.broker import AdapterContext

SECOND_NS = 1_000_000_000
# A connection idle for longer may have been forgotten by a router without a word: its next write would be lost.
IDLE_NS = 20 * SECOND_NS
_READS_MAY_TAKE = 3
_TEXT_LIMIT = 300
_SHORTEST_SECRET = 4
_LONG_SECRET = 8
_SCHEME = re.compile(r"(?i)\b(bearer\s+|token\s+)(?=\S*[\d:])[^\s&\"',;{}<>]+")
_NAMED_SECRET = re.compile(
    r"(?i)\b(access_token|refresh_token|request_token|public_token|enctoken|checksum|api_?key|api_?secret|jwt_?token"
    r"|refresh_?token|feed_?token|password|totp|pin|authorization|x-privatekey|token)\b(\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\s&\"',;{}<>\\]+"
)
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer as it came: status, body, and what its headers say. `retry_after` is in seconds, `date` UTC."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    date: datetime | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, response: requests.Response) -> HttpAnswer:
        """Keep what counts of a response."""
        headers = response.headers
        return cls(
            status=response.status_code,
            body=response.content,
            content_type=headers.get("content-type", "").lower(),
            date=http_date(headers.get("date", "")),
            retry_after=_seconds(headers.get("retry-after", "")),
        )


def http_date(text: str) -> datetime | None:
    """Return the moment of an HTTP `Date` header in UTC, None when it is absent or unreadable."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.strip().isdigit() else None


class Redactor:
    """Takes secrets out of a text before anybody sees it: the known values, and whatever stands behind a telling name."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(_pattern(secret) for secret in known)) if known else None

    def __call__(self, text: str, limit: int = _TEXT_LIMIT) -> str:
        """Return `text` on one line, without secrets, at most `limit` characters long."""
        if self._known:
            text = self._known.sub("***", text)
        text = _JWT.sub("***", _NAMED_SECRET.sub(r"\1\2***", _SCHEME.sub(r"\1***", text)))
        line = " ".join(text.split())
        return line if len(line) <= limit else line[: limit - 1] + "…"


def _pattern(secret: str) -> str:
    # A short one (a PIN) only where it stands alone: it may well be part of an order number.
    text = re.escape(secret)
    return text if len(secret) >= _LONG_SECRET else rf"(?<![A-Za-z0-9]){text}(?![A-Za-z0-9])"


class LeftTooLate(Exception):
    """The moment by which the request had to leave is over; nothing was sent."""


# The first that fits is told: what says most comes first.
_WORDS = {
    "NameResolutionError": "its name was not found",
    "SSLCertVerificationError": "its certificate was not accepted",
    "SSLError": "no secure connection came about",
    "ConnectTimeout": "no connection within the time allowed",
    "ConnectTimeoutError": "no connection within the time allowed",
    "ReadTimeout": "no answer within the time allowed",
    "ReadTimeoutError": "no answer within the time allowed",
    "ConnectionRefusedError": "the connection was refused",
    "NewConnectionError": "no connection could be made",
    "RemoteDisconnected": "the connection was cut",
    "ConnectionResetError": "the connection was cut",
    "ProtocolError": "the connection was cut",
    "LeftTooLate": "it was too late to send",
}


@dataclass(slots=True)
class Flight:
    """One call in flight. Flags only go up.

    Parameters
    ----------
    leave_by_ns : int
        Instant of the boot clock after which no first byte may leave.
    began, sent : bool
        Whether writing the request to the socket began, and whether all of it was handed over.
    problem : str
        Names of the exception classes that ended the call, outermost first; never their texts.
    """

    leave_by_ns: int
    began: bool = False
    sent: bool = False
    late: bool = False
    requests: int = 0
    answers: list[HttpAnswer] = field(default_factory=list)
    problem: str = ""

    @property
    def answer(self) -> HttpAnswer | None:
        """The answer to the last request, None when there is none."""
        return self.answers[-1] if self.requests and len(self.answers) == self.requests else None

    @property
    def why(self) -> str:
        """What ended the call, in words; the class names where there are none for it."""
        names = self.problem.split(" > ")
        return next((words for name, words in _WORDS.items() if name in names), self.problem)


class WatchedSession(requests.Session):
    """The session that a client is given in place of its own.

    Parameters
    ----------
    writes : bool
        Whether it carries orders: then one call is one request, and the probe is told of its moments.
    """

    def __init__(self, context: AdapterContext, *, writes: bool = False) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _WatchedAdapter(self)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self._clock, self._probe, self._timeout_s, self._writes = context.clock, context.probe, context.timeout_s, writes
        self._answer_s = context.timeout_s * (1 if writes else _READS_MAY_TAKE)
        self._flight = Flight(leave_by_ns=0)
        self._used_ns = self._clock.boot_ns()
        self._timer: threading.Timer | None = None

    def fly(self, call: Callable[[], object], *, leave_by_ns: int | None = None) -> Flight:
        """Run one call of a client and return what was seen of it on the wire; what the client makes of it is dropped.

        Parameters
        ----------
        leave_by_ns : int, optional
            Latest instant of the boot clock for the first byte; the call's start plus its time-out when not given.
        """
        latest = self._clock.boot_ns() + int(self._timeout_s * SECOND_NS)
        flight = self._flight = Flight(leave_by_ns=latest if leave_by_ns is None else min(latest, leave_by_ns))
        try:
            call()
        except Exception as error:
            # Clients raise anything, and put secrets into the texts; the wire says what happened.
            flight.problem = _names(error)
        return flight

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request and keep its answer."""
        flight = self._flight
        if self._writes and flight.requests:
            raise RuntimeError("a write is one request, and the client wanted a second")
        flight.requests += 1
        if self._clock.boot_ns() - self._used_ns > IDLE_NS:
            self.close()
        kwargs["timeout"] = self._timeout_s
        try:
            response = super().request(*args, **kwargs)
            flight.answers.append(HttpAnswer.of(response))
        finally:
            self._used_ns = self._clock.boot_ns()
            if self._timer:
                self._timer.cancel()
        if self._writes:
            self._probe.reached("answer_arrived")
        return response

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return None: a broker that commits and redirects would get the order again."""
        del resp
        return None

    def begin(self) -> None:
        """Note that the first byte is about to leave; LeftTooLate when it may not any more."""
        flight = self._flight
        if self._clock.boot_ns() > flight.leave_by_ns:
            flight.late = True
            raise LeftTooLate
        flight.began = True

    def done(self, sock: socket.socket | None) -> None:
        """Note that the request was handed to the socket, and give the whole answer a limit in time."""
        self._flight.sent = True
        if sock is not None:
            self._timer = threading.Timer(self._answer_s, shut, [sock])
            self._timer.daemon = True
            self._timer.start()
        if self._writes:
            self._probe.reached("bytes_left")


def shut(sock: socket.socket) -> None:
    """End a connection that another thread is using, so that it stops waiting.

    A time-out bounds one read; a broker that drips is stopped here. Below TLS, whose state belongs to the other thread.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _WatchedAdapter(HTTPAdapter):
    """Transport whose connections tell the session of their moments; it repeats nothing."""

    def __init__(self, session: WatchedSession) -> None:
        self._session = session
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools' connections watched ones."""
        super().init_poolmanager(*args, **kwargs)
        plain, secure = _watched(HTTPConnection, self._session), _watched(HTTPSConnection, self._session)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("WatchedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("WatchedSecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }


def _watched(base: type[HTTPConnection], session: WatchedSession) -> type[HTTPConnection]:
    class Watched(base):  # type: ignore[misc, valid-type]
        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is None:
                self.connect()
            session.begin()
            super().request(*args, **kwargs)
            session.done(self.sock)

    return Watched


def _names(error: BaseException) -> str:
    names: list[str] = []
    inner: object = error
    while isinstance(inner, BaseException) and len(names) < 6:
        names.append(type(inner).__name__)
        inner = getattr(inner, "reason", None) or next((arg for arg in inner.args if isinstance(arg, BaseException)), None)
    return " > ".join(names)


def secrets_of(*mappings: Mapping[str, str]) -> list[str]:
    """Return every value of the given mappings: credentials, tokens, what a person entered."""
    return [value for mapping in mappings for value in mapping.values() if value]


def _without_queries(record: logging.LogRecord) -> bool:
    # urllib3 logs each request's path; both brokers' clients put tokens into its query.
    if isinstance(record.args, tuple):
        record.args = tuple(re.sub(r"\?\S*", "?***", arg) if isinstance(arg, str) else arg for arg in record.args)
    return True


for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_without_queries)
