"""The tick bus: everybody hears, nobody holds up anybody, and whoever comes back is heard again."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from sigma.domain.ticks import Ticks, blank
from sigma.infra import bus as bus_module
from sigma.infra.bus import TickSubscriber, ZmqTickBus

Heard = queue.Queue[tuple[int, Ticks]]


@pytest.fixture(params=["socket", "loopback"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder, and one whose path is too long for a socket's."""
    return tmp_path / ("feed" if request.param == "socket" else "f" * 120)


@contextmanager
def publishing(folder: Path, *sources: int) -> Iterator[ZmqTickBus]:
    bus = ZmqTickBus(folder)
    for source in sources:
        bus.serve(source)
    try:
        yield bus
    finally:
        bus.close()


@contextmanager
def listening(folder: Path) -> Iterator[Heard]:
    heard: Heard = queue.Queue()
    subscriber = TickSubscriber(folder)
    subscriber.hand_to(lambda source, ticks: heard.put((source, ticks)))
    subscriber.start()
    try:
        yield heard
    finally:
        subscriber.close()
        subscriber.join(5)
        assert not subscriber.is_alive()


def ticks(*prices: float) -> Ticks:
    made = blank(len(prices))
    made["last"], made["slot"] = prices, np.arange(len(prices))
    return made


def heard_after(act: Callable[[], None], heard: Heard, wanted: float) -> tuple[int, Ticks]:
    """Repeat `act` until a tick with this price is heard: a subscriber takes a moment to connect."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        act()
        try:
            while True:
                source, found = heard.get(timeout=0.1)
                if wanted in found["last"]:
                    return source, found
        except queue.Empty:
            continue
    raise AssertionError(f"{wanted} was not heard")


def test_every_field_of_every_tick_arrives_with_its_source(folder: Path) -> None:
    said = ticks(1.5, np.nan)
    said["bids"]["price"] = 3
    with publishing(folder, 7) as bus, listening(folder) as heard:
        source, found = heard_after(lambda: bus.publish(7, said), heard, 1.5)
        assert source == 7
        assert found.tobytes() == said.tobytes()


def test_only_this_machine_can_connect(folder: Path) -> None:
    with publishing(folder, 7):
        mine = psutil.Process(os.getpid())
        open_to = {at.laddr.ip for at in mine.net_connections("tcp") if at.status == psutil.CONN_LISTEN}
    assert open_to <= {"127.0.0.1"}
    assert folder.stat().st_mode & 0o077 == 0


def test_a_publisher_that_comes_back_elsewhere_is_heard_again_and_so_is_a_second_one(folder: Path) -> None:
    with listening(folder) as heard:
        with publishing(folder, 7) as first:
            heard_after(lambda: first.publish(7, ticks(1)), heard, 1)
        with publishing(folder, 7) as second, publishing(folder, 8) as other:
            assert second.address != first.address
            heard_after(lambda: second.publish(7, ticks(2)), heard, 2)
            assert heard_after(lambda: other.publish(8, ticks(3)), heard, 3)[0] == 8


def test_nobody_waits_for_a_subscriber_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "MOST_WAITING", 10)
    taken: Heard = queue.Queue()
    released = threading.Event()

    def hold(source: int, found: Ticks) -> None:
        taken.put((source, found))
        released.wait(60)

    stuck = TickSubscriber(tmp_path)
    stuck.hand_to(hold)
    stuck.start()
    with publishing(tmp_path, 7) as bus:
        heard_after(lambda: bus.publish(7, ticks(1)), taken, 1)
        began = time.monotonic()
        for _ in range(3000):
            bus.publish(7, blank(200))
        assert time.monotonic() - began < 5
        assert not released.is_set()
    stuck.close()
    released.set()
    stuck.join(5)


def test_a_message_that_breaks_its_hearer_does_not_silence_the_next(folder: Path) -> None:
    heard: Heard = queue.Queue()

    def break_once(source: int, found: Ticks) -> None:
        heard.put((source, found))
        if found["last"][0] == 1:
            raise ValueError("cannot stand this one")

    subscriber = TickSubscriber(folder)
    subscriber.hand_to(break_once)
    subscriber.start()
    with publishing(folder, 7) as bus:
        heard_after(lambda: bus.publish(7, ticks(1)), heard, 1)
        heard_after(lambda: bus.publish(7, ticks(2)), heard, 2)
    subscriber.close()
    subscriber.join(5)
