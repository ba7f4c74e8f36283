"""The control API as tests use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests

T = TypeVar("T")


class Control:
    """Calls `/_sim/...`; anything but HTTP 200 fails the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, path: str) -> Any:
        return self._checked(self.http.get(f"{self.url}/_sim/{path}", timeout=5))

    def post(self, path: str, body: dict[str, object] | None = None) -> Any:
        return self._checked(self.http.post(f"{self.url}/_sim/{path}", json=body or {}, timeout=5))

    def delete(self, path: str) -> Any:
        return self._checked(self.http.delete(f"{self.url}/_sim/{path}", timeout=5))

    def fault(self, kind: str, endpoint: str = "place", *, broker: str = "*", times: int | None = 1, **args: object) -> int:
        body = {"broker": broker, "endpoint": endpoint, "kind": kind, "times": times, "args": args}
        return int(self.post("faults", body)["id"])

    def _checked(self, answer: requests.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


def eventually(look: Callable[[], T | None], seconds: float = 5) -> T:
    """Return the first true answer of `look`; fail when it does not come in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)
    return found
