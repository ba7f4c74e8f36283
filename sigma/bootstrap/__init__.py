"""The only place that wires adapters, store, infra and services together."""

from sigma.bootstrap.house import KITS, SOURCES, House, endpoints, home_folder, look_at_place, make_clock, open_house, reachable
from sigma.bootstrap.place import (
    DatabaseStatus,
    Prepared,
    backup,
    database_status,
    downgrade,
    erase_unreadable_credentials,
    prepare,
    restore,
)

__all__ = [
    "KITS",
    "SOURCES",
    "DatabaseStatus",
    "House",
    "Prepared",
    "backup",
    "database_status",
    "downgrade",
    "endpoints",
    "erase_unreadable_credentials",
    "home_folder",
    "look_at_place",
    "make_clock",
    "open_house",
    "prepare",
    "reachable",
    "restore",
]
