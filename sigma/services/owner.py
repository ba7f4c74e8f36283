"""What belongs to the installation is changed by its owner alone."""

from __future__ import annotations

from sigma.domain.errors import Denied
from sigma.ports.storage import Unit


def require_owner(tx: Unit, user_id: int, what: str) -> None:
    """Raise Denied unless the user is the owner; `what` is what belongs to the installation ("The calendar")."""
    if tx.users.get(user_id).role != "owner":
        raise Denied(f"{what} belongs to the installation.", hint="Only its owner can change it.")
