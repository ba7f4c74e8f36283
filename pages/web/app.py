"""The app as it is served: Streamlit behind our gate, with the routes that are ours."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
import structlog
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager

import pages
from pages.ui.navigation import PAGES
from pages.web.arrivals import Arrivals
from pages.web.connect import Connect
from pages.web.gate import Gate
from pages.web.headers import Headers, page_headers
from pages.web.index import Index
from pages.web.sessions import use_our_sessions
from pages.web.signin import SignIn
from sigma.desk.entrance import Entrance
from sigma.infra.serving import beating

log = structlog.get_logger(__name__)
SCRIPT = Path(__file__).resolve().parents[2] / "streamlit_app.py"
FOREIGN_LOGS = frozenset({"streamlit", "uvicorn", "websockets"})


def create_app(entrance: Entrance, arrivals: Arrivals, *, demo: bool = False, script: Path = SCRIPT) -> st.App:
    """Return the app.

    Parameters
    ----------
    demo : bool
        Let everybody on this machine in as the owner.
    script : Path
        What Streamlit runs.
    """
    # Else the first visit after a start runs the page's file alone, without the script: Streamlit takes `pages/` for its own
    # folder of pages until a script has called st.navigation once.
    PagesManager.uses_pages_directory = False
    use_our_sessions()

    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[None]:
        take_over_logs()
        async with beating(entrance.beat):
            yield

    import_pages()
    return st.App(
        script,
        routes=[
            *SignIn(entrance, demo=demo).routes(),
            *Connect(arrivals).routes(),
            *Index([spec.path for spec in PAGES]).routes(),
        ],
        middleware=[Middleware(Headers, headers=page_headers()), Middleware(Gate, entrance=entrance)],
        lifespan=lifespan,
    )


def import_pages() -> None:
    """Import what pages are made of before anybody asks for it: a first visit does not wait for it."""
    for found in pkgutil.walk_packages(pages.__path__, "pages."):
        try:
            importlib.import_module(found.name)
        except Exception as error:  # the other pages are served all the same; its own visitors see the failure
            log.error("page_broken", page=found.name, error=type(error).__name__, text=str(error)[:500])


def take_over_logs() -> None:
    """Let what Streamlit and its server log go where our logs go, where secrets are blotted out.

    Streamlit gives each of its loggers a handler of its own, the server's log of requests included: that one would hold the
    login tokens that brokers put into addresses, and is silenced.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in FOREIGN_LOGS:
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # else each connection is two lines
