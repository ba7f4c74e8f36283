"""Browsers that are signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from sigma.domain.people import SignIn
from sigma.store.database import Link
from sigma.store.schema import sign_ins

_ONE = sign_ins.c.token_hash == bindparam("hash")
_GET = select(sign_ins).where(_ONE)
_END = delete(sign_ins).where(_ONE)
_END_ALL = delete(sign_ins).where(sign_ins.c.user_id == bindparam("user"), sign_ins.c.token_hash != bindparam("but"))
_END_EXPIRED = delete(sign_ins).where(sign_ins.c.expires_at <= bindparam("now"))


class SqlSignIns:
    """Sign-ins in the database."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, sign_in: SignIn) -> None:
        """Store a new one."""
        row = {
            "token_hash": sign_in.token_hash,
            "user_id": sign_in.user_id,
            "created_at": sign_in.created_at,
            "expires_at": sign_in.expires_at,
        }
        self._link.write(insert(sign_ins), row)

    def get(self, token_hash: str) -> SignIn | None:
        """Return one, expired or not; None when there is none."""
        row = self._link.first(_GET, {"hash": token_hash})
        return None if row is None else SignIn(row.token_hash, row.user_id, row.created_at, row.expires_at)

    def end(self, token_hash: str) -> bool:
        """Erase one; False when there was none."""
        return self._link.write(_END, {"hash": token_hash}).rowcount == 1

    def end_all(self, user_id: int, *, but: str = "") -> int:
        """Erase those of a user, except the one whose token hash is `but`; return how many there were."""
        return self._link.write(_END_ALL, {"user": user_id, "but": but}).rowcount

    def end_expired(self, now: datetime) -> int:
        """Erase those that expired by `now`, of all users; return how many there were."""
        return self._link.write(_END_EXPIRED, {"now": now}).rowcount
