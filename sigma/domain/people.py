"""People: who they are, what they may do, and what a password must be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sigma.domain.errors import InvalidInput

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024


class Role(StrEnum):
    """What a user may do."""

    OWNER = "owner"
    TRADER = "trader"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class User:
    """A person. The first one of an installation is its owner."""

    id: int
    name: str
    role: Role
    trading_mode: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """One browser that is signed in. Of its token only the hash is kept."""

    token_hash: str
    user_id: int
    created_at: datetime
    expires_at: datetime


def sign_in_cookie(home: str) -> str:
    """Return the name of the cookie that holds a browser's sign-in to the installation in `home` (SIGMA_HOME as it is set).

    A browser sends a cookie to every port of this machine: the name tells the installations on it apart.
    """
    return f"sigma_sign_in_{hashlib.sha256(home.encode()).hexdigest()[:8]}"


def require_good_password(password: str) -> None:
    """Refuse a password that is too short, too long, or one character repeated.

    Raises
    ------
    InvalidInput
        Code ``WEAK_PASSWORD``.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.",
            hint="Three or four words in a row are easy to keep and hard to guess.",
            code="WEAK_PASSWORD",
        )
    if len(set(password)) == 1:
        raise InvalidInput("A password is not one character repeated.", hint="Choose another one.", code="WEAK_PASSWORD")
