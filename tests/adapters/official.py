"""The brokers' own parsers of live frames, from their clients as they come (wire.md A2): what our decoding is held against."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

from kiteconnect import KiteTicker

from tests.simulator.smartapi_client import SILENT, load_smartapi


def kite_ticks(frame: bytes) -> list[dict[str, Any]]:
    """Return what Kite's client makes of a frame; its times are naive ones of this host."""
    ticks: list[dict[str, Any]] = KiteTicker("key", "token")._parse_binary(frame)
    return ticks


@functools.cache
def _smart_socket() -> Any:
    logzero = type(sys)("logzero")
    logzero.logger = SILENT  # type: ignore[attr-defined]
    package = type(sys)("SmartApi")
    package.__path__ = [load_smartapi().__file__.rpartition("/")[0]]  # type: ignore[union-attr]
    names = ("SmartApi", "SmartApi.smartWebSocketV2", "logzero")
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.modules |= {"logzero": logzero, "SmartApi": package}
    try:
        module = importlib.import_module("SmartApi.smartWebSocketV2")
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(others)
    return module.SmartWebSocketV2


def smart_tick(frame: bytes) -> dict[str, Any]:
    """Return what SmartAPI's client makes of a frame; its prices are not scaled."""
    kind = _smart_socket()
    tick: dict[str, Any] = kind._parse_binary_data(kind.__new__(kind), frame)
    return tick
