"""Rows, mappers, repositories and migrations; alone imports SQLAlchemy."""

from sigma.store.market import SqlMarketStore, open_market
from sigma.store.secrets import SecretCipher, load_cipher, new_key
from sigma.store.store import SqlStore, SqlUnit, open_store, rotate

__all__ = [
    "SecretCipher",
    "SqlMarketStore",
    "SqlStore",
    "SqlUnit",
    "load_cipher",
    "new_key",
    "open_market",
    "open_store",
    "rotate",
]
