"""What the routes and the pages of one web process share."""

from __future__ import annotations

import hashlib
import os
from functools import cache

import sigma
from pages.web.arrivals import Arrivals
from sigma.desk.entrance import Entrance

# A browser sends a cookie to every port of this machine: the name tells the installations on it apart.
COOKIE = f"sigma_sign_in_{hashlib.sha256(os.environ.get('SIGMA_HOME', '').encode()).hexdigest()[:8]}"


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
