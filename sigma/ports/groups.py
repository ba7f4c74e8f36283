"""Groups of listings, as they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sigma.domain.groups import Group


class Groups(Protocol):
    """People's groups; every reading names whose are meant."""

    def list(self, user_id: int) -> Sequence[Group]:
        """Return a user's groups by name, whatever its case."""

    def get(self, user_id: int, group_id: int) -> Group:
        """Return one group or raise NotFound, for another user's too."""

    def by_name(self, user_id: int, name: str) -> Group:
        """Return one group by its name, whatever its case, or raise NotFound naming those there are."""

    def add(self, group: Group) -> Group:
        """Store a new group; Conflict when the user has one of that name."""

    def save(self, group: Group) -> Group:
        """Store changes; Conflict when it was changed meanwhile or its name is taken."""

    def remove(self, user_id: int, group_id: int, version: int) -> None:
        """Erase a group and its members; Conflict when it was changed meanwhile."""

    def listings(self, user_id: int) -> Sequence[str]:
        """Return what is in any of a user's groups: canonical texts, each once, in order."""
