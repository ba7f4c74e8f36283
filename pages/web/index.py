"""The page that the browser loads first: Streamlit's own, told where the app is and what it will need.

Streamlit's page guesses the app's address from its own: at ``/orders`` it asks below ``/orders`` first and loses a tenth of a
second before it asks at ``/``. And it learns only from the script's first answer which of its parts a page draws with, one
after another. Both are known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

STATIC = Path(streamlit.__file__).with_name("static")
HERE = "window.__streamlit = {BACKEND_BASE_URL: window.location.origin}"
HEAD = "<title>Streamlit</title>"
PARTS = ("Html", "ButtonGroup", "TextInput", "DataFrame", "pandasStylerUtils", "arrowFormatUtils", "Quiver", "recordbatch")
"""What most pages draw with, by the names that Streamlit gives its files."""


def index_page() -> str:
    """Return the page.

    Raises
    ------
    RuntimeError
        This Streamlit's page is not the one that we know.
    """
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    if page.count(HEAD) != 1:
        raise RuntimeError(f"Streamlit {streamlit.__version__} has another index page than the one this app completes.")
    files = sorted(file.name for name in PARTS for file in (STATIC / "static" / "js").glob(f"{name}.*.js"))
    loads = "".join(f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in files)
    return page.replace(HEAD, f"<title>SigmaTrader</title><script>{HERE}</script>{loads}")


class Index:
    """Serves the page at every address of the navigation."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._page = index_page()
        self._paths = ("", *paths)

    def routes(self) -> list[Route]:
        """Return what the app is to serve."""
        return [Route(f"/{path}", self.show, methods=["GET"]) for path in self._paths]

    async def show(self, _: Request) -> Response:
        """Give the page; it names files by their content, so it alone is asked for anew each time."""
        return HTMLResponse(self._page, headers={"Cache-Control": "no-cache"})
