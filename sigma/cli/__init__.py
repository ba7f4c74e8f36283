"""The `sigma` command: a door to the desk for the terminal, and the starter of its processes."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the `sigma` command with this process's arguments; ends the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal that cannot show ₹ gets a question mark, not a traceback
    from sigma.cli.app import app

    app(prog_name="sigma")
