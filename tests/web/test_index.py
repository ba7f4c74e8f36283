"""The page that the browser loads first: it says where the app is, and names only files that there are."""

from __future__ import annotations

import re

import httpx

from pages.web.headers import digest
from pages.web.index import HERE, PARTS


def first_page(owner: httpx.Client, path: str) -> httpx.Response:
    return owner.get(path, headers={"Accept": "text/html"})


def test_the_first_page_says_where_the_app_is_and_the_policy_allows_that_script(owner: httpx.Client) -> None:
    for path in ("/", "/orders"):
        answer = first_page(owner, path)
        assert f"<script>{HERE}</script>" in answer.text
        assert digest(HERE) in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-cache"
        assert "<title>SigmaTrader</title>" in answer.text


def test_every_part_that_is_loaded_ahead_is_there(owner: httpx.Client) -> None:
    named = re.findall(r'href="\./(static/js/[^"]+)"', first_page(owner, "/").text)
    for part in PARTS:
        assert any(f"/{part}." in name for name in named), part
    for name in named:
        assert owner.get(f"/{name}").status_code == 200, name
