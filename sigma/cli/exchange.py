"""The simulated exchange as the command line uses it: its address in the environment, and its control API."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pyotp

from sigma.domain.errors import BrokerUnavailable, ConfigError, NotFound

TIMEOUT_S = 10.0
MASTER_PATH = "/OpenAPI_File/files/OpenAPIScripMaster.json"


def environment(url: str) -> dict[str, str]:
    """Return the variables that point brokers and clock at the simulator on `url`."""
    sockets = url.replace("http", "ws", 1)
    return {
        "SIGMA_ZERODHA_URL": url,
        "SIGMA_ANGELONE_URL": url,
        "SIGMA_ANGELONE_MASTER_URL": url + MASTER_PATH,
        "SIGMA_ZERODHA_WS_URL": sockets,
        "SIGMA_ANGELONE_WS_URL": sockets,
        "SIGMA_CLOCK_URL": url,
    }


def known_url(url: str | None) -> str:
    """Return the simulator's address: as given, else the one that the clock follows.

    Raises
    ------
    ConfigError
        Neither is there.
    """
    found = url or os.environ.get("SIGMA_CLOCK_URL", "")
    if not found:
        hint = "Give --url, or set the variables that `sigma sim` prints."
        raise ConfigError("Which simulator? SIGMA_CLOCK_URL is not set.", hint=hint)
    return found.rstrip("/")


class Exchange:
    """The control API of a running simulator (docs/simulator.md).

    Raises
    ------
    BrokerUnavailable
        By every call, when nothing answers or the simulator refuses.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=f"{url}/_sim/", timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: str) -> Any:
        """Return the answer to a GET."""
        return self._answer("GET", path, params=query)

    def post(self, path: str, **body: object) -> Any:
        """Return the answer to a POST of a JSON body."""
        return self._answer("POST", path, json=body)

    def clear_faults(self) -> None:
        """Take back every fault."""
        self._answer("DELETE", "faults")

    def _answer(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            words = f"The simulator at {self.url} does not answer ({type(error).__name__})."
            raise BrokerUnavailable(words, hint="Start it: `sigma sim`.") from None
        if response.status_code >= 400:
            raise BrokerUnavailable(f"The simulator refused {method} {path}: {response.text[:300]}")
        return response.json()

    def account(self, client_id: str) -> Mapping[str, str]:
        """Return a simulated account with its credentials (public test values)."""
        accounts = {str(row["client_id"]): row for row in self.get("accounts")}
        if client_id not in accounts:
            raise NotFound(f"The simulator has no client {client_id}.", hint=f"It has {', '.join(accounts)}.")
        return {str(key): str(value) for key, value in accounts[client_id].items()}

    def login(self, client_id: str) -> dict[str, str]:
        """Return what the client would enter at a login: a request token, or PIN and one-time code."""
        account = self.account(client_id)
        if "totp_secret" not in account:
            return {"request_token": str(self.post("approve-login", client_id=client_id)["request_token"])}
        return {"pin": account["pin"], "otp": pyotp.TOTP(account["totp_secret"]).now()}

    def orders(self, tag: str) -> list[dict[str, Any]]:
        """Return every order that ever came with this tag."""
        return list(self.get("orders", tag=tag))

    def wait_until_up(self, seconds: float) -> None:
        """Return once the simulator answers; BrokerUnavailable after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.get("health")
                return
            except BrokerUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
