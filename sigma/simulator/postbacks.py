"""Postbacks: what Kite posts of an order to an app's address (wire.md C), with the faults that news can have."""

from __future__ import annotations

import json
import queue
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping

from sigma.simulator.accounts import ZERODHA
from sigma.simulator.exchange import Exchange
from sigma.simulator.faults import NEWS, POSTBACK
from sigma.simulator.kite_feed import postback
from sigma.simulator.model import SimOrder

TIMEOUT_S = 5.0
_ASKED_TO_END_S = 5.0


class Postbacks:
    """Posts each new look of an order of an app that has an address, one after another.

    Parameters
    ----------
    answers : list of int
        HTTP statuses that came back, in order; 0 for none.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._urls: dict[str, str] = {}
        self._looks: queue.SimpleQueue[SimOrder | None] = queue.SimpleQueue()
        self._late: list[dict[str, object]] = []
        self._random = random.Random(7)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.answers: list[int] = []
        self._thread = threading.Thread(target=self._run, name="simulator-postbacks", daemon=True)
        self._thread.start()
        exchange.listen(self._heard)

    def send_to(self, client_id: str, url: str) -> None:
        """Post a client's news to `url` from now on; empty ends it."""
        self._urls[client_id] = url

    def stop(self) -> None:
        """Post no more."""
        self._looks.put(None)
        self._thread.join(_ASKED_TO_END_S)

    def _heard(self, look: SimOrder) -> None:
        """Take an order's news; called under the exchange's lock, so it only queues."""
        if look.broker == ZERODHA and self._urls.get(look.client_id):
            self._looks.put(look)

    def _run(self) -> None:
        while (look := self._looks.get()) is not None:
            account = self._exchange.account(ZERODHA, look.client_id)
            url = self._urls.get(look.client_id)
            if account is not None and url:
                for body in self._bent(postback(look, account), look.client_id):
                    self.answers.append(self._post(url, body))

    def _bent(self, body: dict[str, object], client_id: str) -> list[Mapping[str, object]]:
        """Return what is posted for one piece of news."""
        with self._exchange.lock:
            faults = self._exchange.faults.strike_stream(ZERODHA, POSTBACK, client_id, NEWS)
        if "news_forged" in faults:
            return [body | {"checksum": "0" * 64}]
        if "news_lost" in faults:
            return []
        if "news_late" in faults:
            self._late.append(body)
            return []
        late, self._late = self._late, []
        told = [body, *([body] if "news_twice" in faults else []), *late]
        if "news_shuffled" in faults:
            self._random.shuffle(told)
        return list(told)

    def _post(self, url: str, body: Mapping[str, object]) -> int:
        data = json.dumps(body, separators=(",", ":")).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - the test's own address
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0
