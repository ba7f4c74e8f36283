"""The stage of the order tests, for the judge to be tried on."""

from tests.orders.conftest import server, stage, template

__all__ = ["server", "stage", "template"]
