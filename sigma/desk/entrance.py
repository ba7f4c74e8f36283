"""The entrance: where people sign in, and get their desks. One process opens one installation for all of them."""

from __future__ import annotations

from pathlib import Path

from sigma.bootstrap import House, open_house
from sigma.desk import Desk
from sigma.domain.orders import Source
from sigma.domain.people import User


class Entrance:
    """Sign-in for a process that serves several people. Its methods may be called from any thread."""

    def __init__(self, house: House) -> None:
        self._house = house

    @property
    def needs_owner(self) -> bool:
        """Whether nobody has chosen the owner's password yet."""
        return self._house.people.needs_owner()

    def claim(self, password: str, *, address: str = "") -> str:
        """Choose the owner's first password and return the token of a sign-in.

        Raises
        ------
        Conflict
            It was chosen already.
        InvalidInput
            It is too weak.
        """
        return self._house.people.claim(password, address)

    def sign_in(self, name: str, password: str, *, address: str) -> str:
        """Return the token of a new sign-in.

        Raises
        ------
        Denied
            The name or the password is wrong (code ``WRONG_SIGN_IN``).
        RateLimited
            Too many wrong ones from this address or for this name.
        """
        return self._house.people.sign_in(name, password, address)

    def sign_in_owner(self) -> str:
        """Return the token of a new sign-in of the owner without a password; for the demo alone."""
        return self._house.people.sign_in_owner()

    def visitor(self, token: str | None) -> User | None:
        """Return who is signed in by `token`; None when it is unknown, ended or expired. Ends elsewhere show within 2 s."""
        return self._house.people.visitor(token)

    def sign_out(self, token: str) -> None:
        """End a sign-in."""
        self._house.people.sign_out(token)

    def change_password(self, token: str, old: str, new: str) -> None:
        """Replace the password of whoever is signed in by `token`, and end their other sign-ins.

        Raises
        ------
        Denied
            Nobody is signed in by it, or the old password is wrong.
        RateLimited
            Too many wrong passwords.
        InvalidInput
            The new one is too weak.
        """
        self._house.people.change_password(token, old, new)

    def set_owner_password(self, password: str) -> int:
        """Set the owner's password, for whoever may read the data folder; return how many sign-ins that ended."""
        return self._house.people.set_owner_password(password)

    def desk(self, user: User) -> Desk:
        """Return a person's desk. Closing it leaves the entrance open."""
        return Desk(self._house, user, Source.PERSON, guest=True)

    def beat(self) -> None:
        """Say that the web process lives; to be called every `sigma.domain.health.BEAT_S` seconds, off the event loop."""
        self._house.events.beat("web")

    def close(self) -> None:
        """Let go of databases and threads."""
        self._house.close()

    def __enter__(self) -> Entrance:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_entrance(home: str | Path | None = None, *, process: str = "web") -> Entrance:
    """Open an installation for people; see `sigma.entrance`."""
    return Entrance(open_house(home, process=process))
