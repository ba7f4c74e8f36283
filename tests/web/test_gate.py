"""Who gets in: nobody but a person who has signed in, from a page of this app on this machine."""

from __future__ import annotations

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pages.web.state import COOKIE
from tests.web.conftest import Web, visitor

STREAM = "/_stcore/stream"
PAGES = ("/", "/orders", "/queue?account=main", "/brokers", "/health", "/no-such-page")
NOT_PAGES = ("/_stcore/host-config", "/static/js/index.js", "/media/abc", "/component/x/y", "/favicon.ico")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_leads_a_stranger_to_the_sign_in(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=/")
    assert answer.content == b""


@pytest.mark.parametrize("path", NOT_PAGES)
def test_nothing_else_answers_a_stranger(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path, headers={"Accept": "*/*"}).status_code == 403


def test_the_way_back_after_the_sign_in_is_the_page_that_was_wanted(stranger: httpx.Client) -> None:
    assert stranger.get("/orders?account=main").headers["location"] == "/sign-in?next=/orders%3Faccount%3Dmain"


def test_a_made_up_cookie_opens_nothing(web: Web) -> None:
    with visitor(web, Cookie=f"{cookie_name(web)}=made-up") as client:
        assert client.get("/orders").status_code == 303


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/script-health-check"])
def test_what_serves_machines_is_closed_even_to_the_owner(owner: httpx.Client, path: str) -> None:
    assert owner.get(path).status_code == 404


def test_the_owner_gets_the_app_and_its_files(owner: httpx.Client) -> None:
    assert "<noscript>" in owner.get("/orders").text
    assert owner.get("/_stcore/host-config", headers={"Accept": "*/*"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_a_foreign_host_name_is_refused_before_anything_else(web: Web, owner: httpx.Client, host: str) -> None:
    for path in ("/", "/sign-in", "/_stcore/health"):
        assert owner.get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_post_from_another_site_is_refused_and_changes_nothing(owner: httpx.Client, origin: str) -> None:
    for path in ("/sign-in", "/sign-out", "/_stcore/upload_file/a/b"):
        assert owner.post(path, headers={"Origin": origin}, data={"name": "owner"}).status_code == 403
    assert owner.get("/").status_code == 200


def test_a_post_that_does_not_say_where_it_came_from_is_refused(web: Web) -> None:
    with httpx.Client(base_url=web.url, trust_env=False) as client:
        assert client.post("/sign-in", data={"name": "owner"}).status_code == 403


def test_every_answer_tells_the_browser_what_the_page_may_do(owner: httpx.Client, stranger: httpx.Client) -> None:
    for answer in (owner.get("/"), stranger.get("/"), stranger.get("/sign-in"), owner.get("/_stcore/metrics")):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "script-src 'unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers


def test_the_sign_in_form_runs_no_script_and_is_kept_by_no_cache(stranger: httpx.Client) -> None:
    answer = stranger.get("/sign-in")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_the_websocket_opens_only_with_the_cookie_and_from_our_own_page(web: Web, owner: httpx.Client) -> None:
    address, cookie = f"{web.url.replace('http', 'ws')}{STREAM}", f"{cookie_name(web)}={owner.cookies[cookie_name(web)]}"

    def tried(origin: str | None, **headers: str) -> int:
        try:
            with connect(address, origin=origin, additional_headers=headers, subprotocols=["streamlit"], proxy=None):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    assert tried(web.url) == 403
    assert tried(web.url, Cookie=f"{cookie_name(web)}=made-up") == 403
    assert tried("http://evil.example", Cookie=cookie) == 403
    assert tried(None, Cookie=cookie) == 403
    assert tried(web.url, Cookie=cookie) == 101


def test_it_listens_to_this_machine_only(web: Web) -> None:
    sockets = psutil.Process(web.process.pid).net_connections(kind="inet")
    assert {found.laddr.ip for found in sockets if found.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def cookie_name(web: Web) -> str:
    """The name that a web process of this home gives its cookie."""
    with visitor(web) as client:
        client.post("/sign-in", data={"name": "owner", "password": "correct horse battery"})
        return next(name for name in client.cookies if name.startswith("sigma_sign_in"))


def test_installations_of_one_machine_have_cookies_of_their_own(web: Web) -> None:
    assert cookie_name(web) != COOKIE
