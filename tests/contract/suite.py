"""What every broker's adapter must do, whichever broker it is: subclass it, and name the broker in the module."""

from __future__ import annotations

from tests.contract.history import HistoryContract
from tests.contract.reading import LoginContract, ReadingContract
from tests.contract.streaming import FeedContract
from tests.contract.writing import OrderContract, SafetyContract


class BrokerContract(LoginContract, ReadingContract, HistoryContract, OrderContract, SafetyContract, FeedContract):
    """The whole suite."""
