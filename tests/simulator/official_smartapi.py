"""The official SmartAPI sockets, unmodified, in a process of their own; one JSON line for each thing they hear.

``python -m tests.simulator.official_smartapi ticks|orders ROOT JWT API_KEY CLIENT_CODE FEED_TOKEN``
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tests.simulator.smartapi_client import load_smartapi

TOKENS = [{"exchangeType": 1, "tokens": ["1594", "99926000"]}, {"exchangeType": 3, "tokens": ["532540"]}]


def say(kind: str, data: object) -> None:
    print(json.dumps([kind, data]), flush=True)


def ticks(root: str, *who: str) -> None:
    module = load_smartapi("SmartApi.smartWebSocketV2")
    client = type("Pointed", (module.SmartWebSocketV2,), {"ROOT_URI": f"{root}/smart-stream"})(*who)

    def on_open(_: Any) -> None:
        for mode in (1, 2, 3):
            client.subscribe("abcde12345", mode, json.loads(json.dumps(TOKENS)))

    client.on_open = on_open
    client.on_data = lambda _, data: say("tick", data)
    client.connect()


def orders(root: str, *who: str) -> None:
    module = load_smartapi("SmartApi.smartWebSocketOrderUpdate")

    class Pointed(module.SmartWebSocketOrderUpdate):  # type: ignore[name-defined, misc]
        WEBSOCKET_URI = f"{root}/smart-order-update"

        def on_message(self, wsapp: Any, message: Any) -> None:
            say("order", json.loads(message))

        def on_close(self, *_: Any) -> None:
            os._exit(0)

    Pointed(*who).connect()


if __name__ == "__main__":
    {"ticks": ticks, "orders": orders}[sys.argv[1]](*sys.argv[2:])
