"""What the gateway says about itself: little to strangers, the state of the house to whoever shows the webhook secret."""

from __future__ import annotations

import os
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from sigma import __version__
from sigma.domain.errors import Denied
from sigma.domain.orders import OrderStatus
from sigma.gateway.errors import log
from sigma.gateway.intake import Intake
from sigma.gateway.limits import sender_address
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.signals import SignalsService

HEADER = "X-SIGMATRADER-SECRET"
QUEUES = (OrderStatus.WAITING, OrderStatus.APPROVED, OrderStatus.SENDING, OrderStatus.UNKNOWN)


class Health:
    """Answers GET / and /health."""

    def __init__(self, store: Store, signals: SignalsService, clock: Clock, intake: Intake, environment: str) -> None:
        self._store = store
        self._signals = signals
        self._clock = clock
        self._intake = intake
        self._environment = environment
        self._started_ns = clock.boot_ns()

    async def answer(self, request: Request) -> JSONResponse:
        """Return 200 while messages are taken and the database answers, 503 otherwise.

        Raises
        ------
        Denied
            A secret was shown, and it is wrong.
        """
        secret = request.headers.get(HEADER)
        if secret:
            self._intake.failures.refuse_shut(sender_address(request))
        facts = await run_in_threadpool(self._facts, secret)
        well = facts.pop("database") == "ok" and self._intake.alive
        body = {"status": "ok" if well else "error", "service": "sigmatrader-gateway", "environment": self._environment}
        return JSONResponse(body | facts, 200 if well else 503)

    def _facts(self, secret: str | None) -> dict[str, Any]:
        try:
            if secret:
                self._signals.identify(secret)
            return {"database": "ok"} | (self._details() if secret else self._ping())
        except Denied:
            raise
        except Exception as error:
            log.error("health_failed", error=type(error).__name__, text=str(error)[:500])
            return {"database": "error"}

    def _ping(self) -> dict[str, Any]:
        with self._store.read() as tx:
            tx.journal.heartbeats()
        return {}

    def _details(self) -> dict[str, Any]:
        now = self._clock.now()
        with self._store.read() as tx:
            beats = tx.journal.heartbeats()
            queues = {status.value.lower(): len(tx.orders.list(statuses=[status])) for status in QUEUES}
        processes = [
            {"process": beat.process, "pid": beat.pid, "age_s": round((now - beat.at).total_seconds(), 1)} for beat in beats
        ]
        return {
            "details": {
                "version": __version__,
                "pid": os.getpid(),
                "uptime_s": round((self._clock.boot_ns() - self._started_ns) / 1e9, 1),
                "database": "ok",
                "queues": {"intake": self._intake.length} | queues,
                "processes": processes,
            }
        }
