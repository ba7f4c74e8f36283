"""``/connect/{broker}``: where a broker's login sends the browser back to."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pages.web.arrivals import Arrivals
from pages.web.gate import CONNECT

MOST_PARAMS = 20
MOST_CHARACTERS = 4096


class Connect:
    """Keeps what the broker sent for the page that shows the brokers, and takes it out of the address."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    def routes(self) -> list[Route]:
        """Return what the app is to serve."""
        return [Route(f"{CONNECT}{{broker}}", self.arrive, methods=["GET"])]

    async def arrive(self, request: Request) -> Response:
        """Take the login's answer, and go on to a page whose address holds none of it."""
        params = list(request.query_params.items())
        if len(params) <= MOST_PARAMS and all(len(value) <= MOST_CHARACTERS for _, value in params):
            self._arrivals.put(request.state.visitor.id, request.path_params["broker"], dict(params))
        return RedirectResponse("/brokers", 303, {"Cache-Control": "no-store"})
