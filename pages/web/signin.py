"""Signing in and out, and choosing the owner's password the first time."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pages.web.forms import field, form, hidden, page
from pages.web.state import COOKIE
from sigma.desk.entrance import Entrance
from sigma.domain.errors import Conflict, Denied, InvalidInput, RateLimited, SigmaError

MOST_BYTES = 8 * 1024
OWNER = "owner"
"""The name that the first user of an installation has."""

STATUS = {Denied: 401, RateLimited: 429, Conflict: 409, InvalidInput: 400}


class SignIn:
    """The routes ``/sign-in`` and ``/sign-out``.

    Parameters
    ----------
    demo : bool
        Whoever comes is let in as the owner.
    """

    def __init__(self, entrance: Entrance, *, demo: bool = False) -> None:
        self._entrance = entrance
        self._demo = demo

    def routes(self) -> list[Route]:
        """Return what the app is to serve."""
        return [
            Route("/sign-in", self.show, methods=["GET"]),
            Route("/sign-in", self.enter, methods=["POST"]),
            Route("/sign-out", self.ask, methods=["GET"]),
            Route("/sign-out", self.leave, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form, or let on who needs none."""
        target = safe_target(request.query_params.get("next", ""))
        if request.state.visitor is not None:
            return _gone_to(target)
        if self._demo:
            return await self._let_in(await run_in_threadpool(self._entrance.sign_in_owner), target)
        return await self._form(target)

    async def enter(self, request: Request) -> Response:
        """Let in who knows the password; the first time, take the owner's choice of one."""
        values = await _form_values(request)
        target = safe_target(values.get("next", ""))
        address = request.client.host if request.client else ""
        try:
            token = await run_in_threadpool(self._token, values, address)
        except SigmaError as error:
            return await self._form(target, error, name=values.get("name", OWNER))
        return await self._let_in(token, target)

    async def ask(self, _: Request) -> Response:
        """Ask whether to sign out: an address alone changes nothing."""
        body = form("/sign-out", "", "Sign out", words="What was approved is still sent, and the worker goes on.")
        return page("Sign out?", f'{body}<p><a href="/">Stay signed in</a></p>')

    async def leave(self, request: Request) -> Response:
        """End this browser's sign-in."""
        await run_in_threadpool(self._entrance.sign_out, request.cookies[COOKIE])
        answer = _gone_to("/sign-in")
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
        return answer

    def _token(self, values: Mapping[str, str], address: str) -> str:
        if "again" not in values:
            return self._entrance.sign_in(values.get("name", ""), values.get("password", ""), address=address)
        if values.get("password", "") != values["again"]:
            raise InvalidInput("The two passwords differ.", hint="Type the same one twice.")
        return self._entrance.claim(values["again"], address=address)

    async def _form(self, target: str, error: SigmaError | None = None, *, name: str = OWNER) -> Response:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500 if error else 200)
        wait = getattr(error, "retry_after", None)
        headers = {"Retry-After": str(max(1, round(wait)))} if wait else {}
        wrong = str(error) if error else ""
        if await run_in_threadpool(lambda: self._entrance.needs_owner):
            return page("Choose the owner's password", _first_form(target, wrong), status, headers)
        return page("Sign in to SigmaTrader", _form(target, wrong, name), status, headers)

    async def _let_in(self, token: str, target: str) -> Response:
        answer = _gone_to(target)
        lasts_s = await run_in_threadpool(self._lasts_s, token)
        answer.set_cookie(COOKIE, token, max_age=lasts_s, path="/", httponly=True, samesite="lax")
        return answer

    def _lasts_s(self, token: str) -> int:
        user = self._entrance.visitor(token)
        return int(self._entrance.desk(user).settings.get("sign_in.lasts_hours")) * 3600 if user else 0


def safe_target(wanted: str) -> str:
    """Return a path of this app with its query; the start page for anything else."""
    parts = urlsplit(wanted)
    inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return wanted if inside and wanted.isprintable() and parts.path not in ("/sign-in", "/sign-out") else "/"


async def _form_values(request: Request) -> dict[str, str]:
    """Return the fields of a posted form; an oversized one has none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20))


def _gone_to(target: str) -> RedirectResponse:
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def _form(target: str, wrong: str, name: str) -> str:
    fields = (
        hidden("next", target)
        + field("Name", "name", "text", "username", value=name, focus=not name)
        + field("Password", "password", "password", "current-password", focus=bool(name))
    )
    return form("/sign-in", fields, "Sign in", wrong=wrong)


def _first_form(target: str, wrong: str) -> str:
    fields = (
        hidden("next", target)
        + field("Name", "name", "text", "username", value=OWNER, fixed=True)
        + field("Password", "password", "password", "new-password", focus=True)
        + field("The same again", "again", "password", "new-password")
    )
    words = "It opens this app, and with it your brokers' accounts. At least 10 characters."
    return form("/sign-in", fields, "Choose and sign in", words=words, wrong=wrong)
