"""What one browser tab has running, without losing what was drawn last."""

from __future__ import annotations

from typing import Any

from streamlit.runtime import websocket_session_manager
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

WAIT_S = 0.002


class Session(AppSession):
    """A session that lets a run that has ended be drawn to its end before the next one begins.

    What a run draws reaches the session through the event loop, a moment later. Streamlit begins the next run as soon as the
    thread of the last one takes no more requests, and from then on drops whatever comes from that thread: a drawing that was
    still on its way never reaches the browser, and a dialog stays as it was before the person's entry. The busier the machine
    and the more parts draw themselves again, the more often. Read in Streamlit 1.67, `AppSession.request_rerun` and
    `_handle_scriptrunner_event_on_event_loop`; counted in ADR 0009.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        self._kept: list[RerunData] = []
        super().__init__(*given, **more)

    def _create_scriptrunner(self, initial_rerun_data: RerunData) -> None:
        """Begin a run; while the last one is not done with, keep the request. What comes later stays behind it: it is newer."""
        if self._scriptrunner is None and not self._kept:
            super()._create_scriptrunner(initial_rerun_data)
            return
        self._kept.append(initial_rerun_data)
        if len(self._kept) == 1:
            self._event_loop.call_later(WAIT_S, self._go_on)

    def _go_on(self) -> None:
        ended = self._state is AppSessionState.SHUTDOWN_REQUESTED
        if self._scriptrunner is not None and not ended:
            self._event_loop.call_later(WAIT_S, self._go_on)
            return
        kept, self._kept = self._kept, []
        for one in () if ended else kept:
            if self._scriptrunner is None or not self._scriptrunner.request_rerun(one):
                self._create_scriptrunner(one)


def use_our_sessions() -> None:
    """Make Streamlit give each browser tab a `Session`; to be called before the first visit."""
    websocket_session_manager.AppSession = Session  # type: ignore[attr-defined]
