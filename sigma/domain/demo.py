"""How a folder says that it is a demo's."""

from __future__ import annotations

MARKER = "this-folder-belongs-to-sigma-demo"
"""File in the home of a demo: such a home may be emptied, and its app lets everybody on this machine in."""
