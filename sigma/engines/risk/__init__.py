"""The risk gate: small pure rules, each with a reason code and the numbers behind it."""

from __future__ import annotations

from sigma.engines.risk.case import unit_price
from sigma.engines.risk.effective import NAMES, effective
from sigma.engines.risk.gate import RULES, applicable, decide, replay
from sigma.engines.risk.inputs import from_inputs

__all__ = ["NAMES", "RULES", "applicable", "decide", "effective", "from_inputs", "replay", "unit_price"]
