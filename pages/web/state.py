"""What the routes and the pages of one web process share."""

from __future__ import annotations

import os
from functools import cache

import sigma
from pages.web.arrivals import Arrivals
from sigma.desk.entrance import Entrance
from sigma.domain.people import sign_in_cookie

COOKIE = sign_in_cookie(os.environ.get("SIGMA_HOME", ""))


@cache
def entrance() -> Entrance:
    """Return the way in to the installation of SIGMA_HOME, opened once for the process."""
    return sigma.entrance()


@cache
def looks() -> set[tuple[str, int, str]]:
    """Return which ended logins each sign-in was led to: by token, account and the login's end."""
    return set()


@cache
def arrivals() -> Arrivals:
    """Return what brokers' logins sent back and no page has taken yet."""
    return Arrivals()
