"""The official KiteTicker, unmodified, in a process of its own (its reactor cannot start twice).

It says one JSON line for each thing it hears.

``python -m tests.simulator.official_kite ROOT API_KEY ACCESS_TOKEN TOKEN…``
"""

from __future__ import annotations

import json
import sys
from typing import Any

from kiteconnect import KiteTicker

MODES = (KiteTicker.MODE_FULL, KiteTicker.MODE_LTP)


def say(kind: str, data: object) -> None:
    print(json.dumps([kind, data], default=str), flush=True)


def main(root: str, api_key: str, access_token: str, *texts: str) -> None:
    ticker, tokens = KiteTicker(api_key, access_token, root=root, reconnect=False), [int(text) for text in texts]
    left = list(MODES)
    heard: dict[str, set[int]] = {}

    def on_ticks(ws: Any, ticks: list[dict[str, Any]]) -> None:
        for tick in ticks:
            say("tick", tick)
            heard.setdefault(tick["mode"], set()).add(tick["instrument_token"])
        told = heard.get("quote" if len(left) == len(MODES) else MODES[len(MODES) - len(left) - 1], set())
        if len(told) == len(tokens):
            if left:
                ws.set_mode(left.pop(0), tokens)
            else:
                say("ready", None)
                heard.clear()

    def on_order_update(ws: Any, row: dict[str, Any]) -> None:
        say("order", row)
        if row["status"] == "COMPLETE":
            ws.close()

    ticker.on_ticks = on_ticks
    ticker.on_connect = lambda ws, response: ws.subscribe(tokens)
    ticker.on_order_update = on_order_update
    ticker.on_error = lambda ws, code, reason: say("error", [code, str(reason)])
    ticker.on_close = lambda ws, code, reason: ticker.stop()
    ticker.connect()


if __name__ == "__main__":
    main(*sys.argv[1:])
