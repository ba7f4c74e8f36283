"""Brokers' postbacks: what they post of an order is verified, recorded, and answered with 200."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sigma.domain.errors import Denied, NotFound, Unsupported
from sigma.gateway.errors import Refusal
from sigma.gateway.limits import Failures, read_body, sender_address
from sigma.ports.clock import Clock

log = structlog.get_logger(__name__)
MOST_WRONG = 10
"""Postbacks with a wrong checksum per minute and address that are answered at all."""
MOST_WAITING = 1000

Take = Callable[[str, bytes], bool]
Tell = Callable[[str, str], object]


class PostbackDoor:
    """Serves ``POST /postback/{broker}``. One thread records; what it cannot take in time is told to come again.

    Parameters
    ----------
    take : callable
        Verifies and records a broker's postback, and says whether it was news.
    tell : callable
        Stores a warning: its kind and its text.
    """

    def __init__(self, take: Take, tell: Tell, clock: Clock) -> None:
        self._take = take
        self._tell = tell
        self._failures = Failures(clock, MOST_WRONG)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="postbacks")
        self._waiting = 0

    async def receive(self, request: Request) -> Response:
        """Take one postback.

        Raises
        ------
        Refusal
            403 for a wrong checksum, 429 for too many of them, 404 for a broker without postbacks, 503 when too many wait.
        InvalidInput
            It is none.
        """
        broker, address = str(request.path_params["broker"]), sender_address(request)
        self._failures.refuse_shut(address)
        body = await read_body(request)
        if self._waiting >= MOST_WAITING:
            raise Refusal(503, "BUSY", "Too many postbacks are waiting.", "Send it again.", retry_after=5)
        self._waiting += 1
        try:
            news = await _in(self._thread, partial(self._take, broker, body))
        except Denied as error:
            log.warning("wrong_checksum", broker=broker, address=address)
            self._failures.count(address)
            text = f"A postback in the name of {broker} from {address} had a wrong checksum and was not taken."
            await _in(self._thread, partial(self._tell, "POSTBACK_DENIED", text))
            raise Refusal(403, "WRONG_CHECKSUM", error.message, error.hint) from error
        except (NotFound, Unsupported) as error:
            raise Refusal(404, error.code, error.message, error.hint) from error
        finally:
            self._waiting -= 1
        return JSONResponse({"status": "ok", "news": news})

    def close(self) -> None:
        """Finish what was taken, then end."""
        self._thread.shutdown()


async def _in(thread: ThreadPoolExecutor, act: Callable[[], bool] | Callable[[], object]) -> object:
    return await get_running_loop().run_in_executor(thread, act)
