"""``python -m sigma.cli`` is the `sigma` command."""

from __future__ import annotations

from sigma.cli import main

if __name__ == "__main__":
    main()
