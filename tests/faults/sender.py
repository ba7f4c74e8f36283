"""The charting service and the person of AUTO strategies: messages are posted at the gateway, again until one is answered."""

from __future__ import annotations

import threading
from random import Random
from typing import Any

import httpx

from sigma.cli.processes import free_port
from sigma.domain.errors import SigmaError
from sigma.domain.orders import Command, Order, OrderMode, OrderStatus
from sigma.gateway.health import HEADER
from tests.faults.judge import Intended
from tests.faults.person import PATIENCE_S, Person
from tests.faults.plan import Wish
from tests.faults.world import Worker, World, pass_time, until

POST_S = 3.0
KILLED_IN = 0.08
"""The share of messages whose gateway dies while it takes them."""
DIES_AT_NEWS = 0.3
"""The share of gateways that die while they record a postback."""
AGAIN_S = 0.1
MOST_TRIES = 8


class Gateway:
    """The gateway process of a world, always on the same port.

    Parameters
    ----------
    deaths : list of Worker
        The processes that were there before.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = Random(world.seed)
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.deaths: list[Worker] = []
        self.process = self._started()
        self._client = httpx.Client(base_url=self.url, timeout=POST_S, trust_env=False)

    def _started(self) -> Worker:
        name, deaths = f"gateway-{len(self.deaths) + 1}", {}
        if self._random.random() < DIES_AT_NEWS:
            deaths = {"SIGMA_KILL_AT": f"pushing:{self._random.randint(1, 12)}"}
        module = ["sigma.gateway", "--port", str(self._port)]
        return self._world.start(module, name, {**self._world.environment, **deaths})

    def keep(self) -> None:
        """Start it again when it died."""
        if not self.process.alive:
            self.deaths.append(self.process)
            self.process = self._started()

    def kill(self) -> None:
        """Let it die by SIGKILL, whatever it is doing."""
        self.process.kill()

    def post(self, message: dict[str, Any], secret: str) -> httpx.Response | None:
        """Post a message; None when there was no answer."""
        try:
            return self._client.post("/webhook/tradingview", json=message, headers={HEADER: secret})
        except httpx.HTTPError:
            return None

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


class Sender(Person):
    """Sends messages that nobody approves, and approves only what was handed over to a person.

    Parameters
    ----------
    messages : dict of int to Wish
        What was sent, by the id of its signal.
    """

    def __init__(self, world: World, gateway: Gateway, random: Random) -> None:
        super().__init__(world)
        self._gateway = gateway
        self._random = random
        self._tries: dict[int, int] = {}
        self.messages: dict[int, Wish] = {}

    def wants(self, wish: Wish) -> Order | None:
        """Send the message of a wish; return its order on the wish's account, None when there is none (yet)."""
        message = self.message(wish)
        if self._random.random() < KILLED_IN:
            threading.Timer(self._random.uniform(0, 0.03), self._gateway.kill).start()
        answer = until(lambda: self._posted(message), PATIENCE_S, "a message is taken", self._gateway.keep)
        self.messages[answer["id"]] = wish
        found = None
        for order in map(self.world.desk.orders.get, answer["order_ids"]):
            account = self._names()[order.account_id or 0]
            one = Intended(answer["id"], account, order.id, order.client_order_id)
            self.intended.insert(len(self.intended) - (found is not None), one)
            found = order if account == wish.account else found
        return found

    def _posted(self, message: dict[str, Any]) -> dict[str, Any] | None:
        answer = self._gateway.post(message, self.world.secret)
        if answer is None or answer.status_code in (429, 503):
            self.acts["message sent again"] += 1
            pass_time(AGAIN_S)
            return None
        if answer.status_code not in (200, 201):
            raise AssertionError(f"the gateway refused a message: {answer.status_code} {answer.text}")
        told = dict(answer.json())
        if told["status"] not in ("accepted", "deduped", "ignored"):
            raise AssertionError(f"a message was {told['status']}: {told}")
        return told

    def _names(self) -> dict[int, str]:
        return {account.id: account.name for account in self.world.accounts()}

    def look(self) -> None:
        """See to the gateway, then do what the desk asks a person for."""
        self._gateway.keep()
        super().look()

    def _returned(self) -> None:
        with self.world.house.store.read() as tx:
            waiting = tx.orders.list(statuses=[OrderStatus.WAITING])
        names = self._names()
        for order in (one for one in waiting if one.mode is OrderMode.MANUAL and one.account_id is not None):
            self._tries[order.id] = self._tries.get(order.id, 0) + 1
            self._act(f"approved order {order.id}: {order.stale_reason}", f"handed over, approved: {_plain(order.stale_reason)}")
            self.approve(order.id, names[order.account_id or 0])
            if self._tries[order.id] > MOST_TRIES:
                self._give_up(order)

    def _identify(self, command: Command, order: Order) -> None:
        """Look up an order by its tag; a trigger has none, and is the house's to find."""
        if not order.request.gtt:
            super()._identify(command, order)

    def _give_up(self, order: Order) -> None:
        """Take an order back that cannot be approved."""
        try:
            self.world.desk.orders.cancel(order.id)
        except SigmaError as error:
            self.acts[f"not taken back: {error.code}"] += 1
        self.acts["handed over, taken back"] += 1


def _plain(reason: str) -> str:
    """Return a reason without its numbers, to count it by."""
    return "".join("#" if one.isdigit() else one for one in reason)[:60]
