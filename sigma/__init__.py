"""SigmaTrader: several Indian brokers' accounts on one desk. Start with ``desk = sigma.open()``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigma.desk import Desk
    from sigma.desk.entrance import Entrance

__all__ = ["__version__", "entrance", "open"]
__version__ = "0.1.0"


def open(home: str | Path | None = None, *, user: str | None = None, source: str = "NOTEBOOK") -> Desk:
    """Return the desk of an installation.

    Parameters
    ----------
    home : path, optional
        Data folder; SIGMA_HOME, else ``~/.sigma``, when not given.
    user : str, optional
        Whose desk; the owner's when not given.
    source : str
        What orders placed through it say of their origin: NOTEBOOK, PERSON or CLI.

    Raises
    ------
    ConfigError
        There is no installation, or it needs an upgrade.
    """
    from sigma.desk import open_desk

    return open_desk(home, user=user, source=source)


def entrance(home: str | Path | None = None, *, process: str = "web") -> Entrance:
    """Return where people sign in to an installation and get their desks, all in one process.

    Parameters
    ----------
    home : path, optional
        Data folder, as in `open`.
    process : str
        Name of the process, whose log goes into a file of that name; empty for none.

    Raises
    ------
    ConfigError
        There is no installation, or it needs an upgrade.
    """
    from sigma.desk.entrance import open_entrance

    return open_entrance(home, process=process)
