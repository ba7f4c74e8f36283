"""The worker on real adapters and the simulator, as the tests of orders furnish it."""

from __future__ import annotations

from tests.orders.conftest import server, stage, template

__all__ = ["server", "stage", "template"]
