"""Signing in and out, and choosing the owner's password the first time."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigma
from pages.web.signin import safe_target
from tests.cli.conftest import until
from tests.web.conftest import PASSWORD, Web, sign_in, visitor


def test_the_first_visitor_chooses_the_owners_password_once(fresh: Web) -> None:
    with visitor(fresh) as client:
        assert "Choose the owner&#x27;s password" in client.get("/sign-in").text
        differ = sign_in(client, again="something else")
        assert differ.status_code == 400
        assert "The two passwords differ." in differ.text
        weak = sign_in(client, "short", again="short")
        assert weak.status_code == 400
        assert client.get("/").status_code == 303
        chosen = sign_in(client, again=PASSWORD, next="/orders")
        assert (chosen.status_code, chosen.headers["location"]) == (303, "/orders")
        assert client.get("/").status_code == 200
    with visitor(fresh) as late:
        assert "Choose" not in late.get("/sign-in").text
        assert sign_in(late, "another password", again="another password").status_code == 409
        assert late.get("/").status_code == 303


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(stranger: httpx.Client) -> None:
    flags = sign_in(stranger).headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert "path=/" in flags
    assert f"max-age={168 * 3600}" in flags


def test_a_wrong_password_is_refused_and_says_nothing_about_the_name(stranger: httpx.Client) -> None:
    wrong, unknown = sign_in(stranger, "not this one"), stranger.post("/sign-in", data={"name": "nobody", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace('value="owner"', "") == unknown.text.replace('value="nobody"', "")
    assert "set-cookie" not in wrong.headers
    assert stranger.get("/").status_code == 303


def test_guessing_is_slowed_down_even_for_the_right_password(fresh: Web) -> None:
    with visitor(fresh) as client:
        assert sign_in(client, again=PASSWORD).status_code == 303
        client.cookies.clear()
        answers = [sign_in(client, f"guess number {number}").status_code for number in range(12)]
        assert answers == [401] * 10 + [429] * 2
        refused = sign_in(client)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_an_oversized_form_is_no_form(stranger: httpx.Client) -> None:
    assert stranger.post("/sign-in", data={"name": "owner", "password": "x" * 100_000}).status_code in (400, 401)


def test_who_is_signed_in_is_sent_on_from_the_form(owner: httpx.Client) -> None:
    assert owner.get("/sign-in?next=/orders").headers["location"] == "/orders"


def test_an_address_alone_signs_nobody_out(owner: httpx.Client) -> None:
    assert "Sign out?" in owner.get("/sign-out").text
    assert owner.get("/").status_code == 200


def test_after_the_sign_out_the_old_cookie_opens_nothing(web: Web, owner: httpx.Client) -> None:
    kept = dict(owner.cookies)
    assert owner.post("/sign-out").headers["location"] == "/sign-in"
    assert not dict(owner.cookies)
    with visitor(web) as thief:
        thief.cookies.update(kept)
        assert thief.get("/").status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "",
        "/a\nb",
        "javascript:alert(1)",
        "/sign-in",
        "/sign-out",
    ],
)
def test_the_way_on_never_leaves_the_app(wanted: str) -> None:
    assert safe_target(wanted) == "/"


@given(st.text())
def test_any_way_on_is_a_path_of_this_app(wanted: str) -> None:
    target = safe_target(wanted)
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))
    assert httpx.URL("http://127.0.0.1").join(target).host == "127.0.0.1"


def test_its_sign_of_life_is_stored(web: Web) -> None:
    with sigma.open(web.home) as desk:
        until(lambda: "web" in set(desk.health()["process"]))
        beats = desk.health().set_index("process")
    assert beats.loc["web", "pid"] == web.process.pid
