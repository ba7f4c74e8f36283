"""Probes for fault campaigns: kill or stop the own process when it reaches a named point of the send path."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping

from sigma.ports.probe import NoProbe, Probe

POINTS = (
    "admitting",
    "admitted",
    "sizing",
    "slicing",
    "standing_in",
    "pushing",
    "takeover",
    "intent",
    "claimed",
    "checked",
    "modify",
    "cancel",
    "gtt",
    "convert",
    "bytes_left",
    "answer_arrived",
    "answered",
    "answer_stored",
    "settling",
)


class SignalProbe:
    """Sends this process a signal at the n-th passage of each point named.

    Parameters
    ----------
    plan : mapping of str to (int, signal)
        Which passage of which point, counted from 1, and what happens there.
    """

    def __init__(self, plan: Mapping[str, tuple[int, signal.Signals]]) -> None:
        self._plan = dict(plan)
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reached(self, point: str) -> None:
        """Count the passage and act when it is the one."""
        with self._lock:
            self._passed[point] += 1
            passage = self._passed[point]
        wanted = self._plan.get(point)
        if wanted and wanted[0] == passage:
            os.write(2, f"probe: {wanted[1].name} at {point}\n".encode())  # so that a campaign can tell it from other deaths
            os.kill(os.getpid(), wanted[1])


def probe_from(environment: Mapping[str, str]) -> Probe:
    """Return the probe that SIGMA_KILL_AT and SIGMA_STOP_AT describe (``bytes_left:1,claimed:3``), else one that does nothing.

    Raises
    ------
    ValueError
        A point is not known or its count is no number.
    """
    plan: dict[str, tuple[int, signal.Signals]] = {}
    for variable, name in (("SIGMA_KILL_AT", signal.SIGKILL), ("SIGMA_STOP_AT", signal.SIGSTOP)):
        for part in filter(None, environment.get(variable, "").split(",")):
            point, _, count = part.strip().partition(":")
            if point not in POINTS:
                raise ValueError(f"{variable} names no point of the send path: {point!r} (there are {', '.join(POINTS)})")
            plan[point] = (int(count or 1), name)
    return SignalProbe(plan) if plan else NoProbe()
