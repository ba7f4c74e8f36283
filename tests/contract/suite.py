"""What every broker's adapter must do, whichever broker it is: subclass it, and name the broker in the module."""

from __future__ import annotations

from tests.contract.converting import ConversionContract
from tests.contract.history import HistoryContract
from tests.contract.previewing import PreviewContract
from tests.contract.reading import LoginContract, OwnedContract, ReadingContract
from tests.contract.streaming import FeedContract
from tests.contract.writing import FaultContract, OrderContract, SafetyContract


class BrokerContract(
    LoginContract,
    ReadingContract,
    OwnedContract,
    HistoryContract,
    PreviewContract,
    OrderContract,
    ConversionContract,
    SafetyContract,
    FaultContract,
    FeedContract,
):
    """The whole suite."""
