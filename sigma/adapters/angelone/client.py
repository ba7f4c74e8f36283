"""The official client, unmodified, loaded without its network call, its files and its logging (wire.md A2)."""

from __future__ import annotations

import logging
import os
import sys
import threading
import types
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import requests

from sigma.adapters.angelone.answers import DIALECT
from sigma.adapters.answers import Line
from sigma.adapters.transport import Redactor, WatchedSession
from sigma.domain.errors import InvalidInput
from sigma.ports.broker import AdapterContext

# The client logs PIN, one-time code, bearer and API key on any error: this logger passes nothing on.
_SILENT = logging.Logger("smartapi.silent", level=logging.CRITICAL + 1)  # not registered: no configuration can wake it
_SILENT.disabled = True
# SmartAPI wants these headers and believes the connection instead; the client's own default is a stranger's address.
_NO_ADDRESS = "127.0.0.1"
_NO_MAC = "00:00:00:00:00:00"

_loading = threading.Lock()
_loaded: list[Any] = []
_session: ContextVar[WatchedSession] = ContextVar("smartapi_session")


def needed(credentials: Mapping[str, str], *names: str) -> None:
    """Refuse credentials that lack one of `names` with InvalidInput."""
    if missing := [name for name in names if not credentials.get(name, "").strip()]:
        raise InvalidInput(f"The AngelOne account lacks {' and '.join(missing)}.", hint="Enter it at the account's settings.")


def smart_connect(
    api_key: str, context: AdapterContext, clean: Redactor, *, token: str = "", writes: bool = False, login: bool = False
) -> tuple[Any, Line]:
    """Return a SmartConnect and the line that its calls are made on. No network call, no files.

    Parameters
    ----------
    token : str
        The session's JWT without ``Bearer``; empty before login, for which a fresh client is needed.
    """
    session = WatchedSession(context, writes=writes)
    client = _client_class()(api_key=api_key, access_token=token or None, root=context.url or None, timeout=context.timeout_s)
    client.house_session = session
    if context.url:
        client._rootUrl = context.url
    return client, Line(DIALECT, session, clean, login=login)


def _client_class() -> Any:
    with _loading:
        if not _loaded:
            _loaded.append(_on_our_session(_load()))
    return _loaded[0]


def _load() -> Any:
    """Import the module with `logzero` replaced by silence and the public-address look-up refused."""
    logzero = types.ModuleType("logzero")
    logzero.logger = _SILENT  # type: ignore[attr-defined]
    logzero.logfile = lambda *_args, **_kwargs: None  # type: ignore[attr-defined]

    def refuse(*_args: object, **_kwargs: object) -> requests.Response:
        raise requests.ConnectionError("disabled while SmartApi is imported")

    real, saved = requests.get, sys.modules.get("logzero")
    requests.get = refuse
    sys.modules["logzero"] = logzero
    try:
        import SmartApi.smartConnect as module
    finally:
        requests.get = real
        if saved is None:
            sys.modules.pop("logzero", None)
        else:
            sys.modules["logzero"] = saved
    # Its constructor makes a log folder; its calls go through the module's name `requests`.
    module.os = types.SimpleNamespace(path=os.path, makedirs=lambda *_args, **_kwargs: None)
    module.requests = types.SimpleNamespace(
        request=lambda *args, **kwargs: _session.get().request(*args, **kwargs),
        get=refuse,
        Session=requests.Session,
        adapters=requests.adapters,
        packages=requests.packages,
    )
    return module


def _on_our_session(module: Any) -> Any:
    class HouseSmartConnect(module.SmartConnect):  # type: ignore[misc]
        clientPublicIp = _NO_ADDRESS
        clientLocalIp = _NO_ADDRESS
        clientMacAddress = _NO_MAC
        house_session: WatchedSession

        def _request(self, route: str, method: str, parameters: Any = None) -> Any:
            mark = _session.set(self.house_session)
            try:
                return super()._request(route, method, parameters)
            finally:
                _session.reset(mark)

    return HouseSmartConnect
