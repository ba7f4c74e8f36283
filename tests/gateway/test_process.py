"""The gateway as a process of its own: started, stopped, killed, and with a full disk."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from tests.gateway.intake_house import HEADER, IntakeHouse, client
from tests.gateway.test_webhook import problem


@contextlib.contextmanager
def process(home: Path, *arguments: str, largest_file: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m sigma.gateway` on `home`, where wanted on a disk without room; kill it at the end if it still runs."""
    command = [sys.executable, "-m", "sigma.gateway", "--home", str(home), "--port", "0", *arguments]
    if largest_file is not None:
        limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {largest_file}))"
        command = [sys.executable, "-c", f"{limit}; os.execv(sys.argv[1], sys.argv[1:])", *command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@contextlib.contextmanager
def gateway_process(home: Path, largest_file: int | None = None) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    with process(home, largest_file=largest_file) as started:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line.startswith("gateway: listening on http://127.0.0.1:"), line or started.communicate()
        with client(line.split()[-1]) as session:
            yield started, session


def keep_posting(session: httpx.Client, house: IntakeHouse, name: str) -> list[int]:
    """Post different messages until the gateway is gone; return the orders of those that were answered."""
    answered = []
    for number in range(10_000):
        try:
            answer = session.post("/webhook", json=house.message(comment=f"{name}-{number}"))
        except httpx.TransportError:
            break
        assert answer.status_code in (201, 503), answer.text
        if answer.status_code == 201:
            answered.append(answer.json()["order_id"])
    return answered


def post_until(house: IntakeHouse, end: signal.Signals) -> tuple[set[int], int]:
    """Post from many connections, end the process in the middle; return the orders answered and its exit code."""
    with gateway_process(house.home) as (started, session), ThreadPoolExecutor(8) as threads:
        work = [threads.submit(keep_posting, session, house, str(number)) for number in range(8)]
        with house.store.read() as tx:
            before = len(tx.orders.list())
        while len(house.orders()) < before + 100:
            assert started.poll() is None
        started.send_signal(end)
        answered = {order_id for posted in work for order_id in posted.result()}
        return answered, started.wait(20)


def test_sigterm_answers_what_it_accepted_and_exits_cleanly(house: IntakeHouse) -> None:
    answered, code = post_until(house, signal.SIGTERM)
    assert code == 0
    assert len(answered) >= 90
    assert answered == {order.id for order in house.orders()}, "every stored order was answered, every answered one is stored"


def test_what_was_answered_survives_kill_9(house: IntakeHouse) -> None:
    answered, code = post_until(house, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert answered <= {order.id for order in house.orders()}
    with gateway_process(house.home) as (_, session):
        assert session.post("/webhook", json=house.message()).status_code == 201


def test_it_listens_on_this_machine_only_and_logs_no_secret(house: IntakeHouse) -> None:
    with gateway_process(house.home) as (started, session):
        session.post("/webhook", json=house.message(comment=house.secret))
        session.post("/webhook", json=house.message(secret=house.secret + "x"))
        assert "details" in session.get("/health", headers={HEADER: house.secret}).json()
        listening = [at for at in psutil.Process(started.pid).net_connections("tcp") if at.status == psutil.CONN_LISTEN]
        assert [at.laddr.ip for at in listening] == ["127.0.0.1"]
        started.terminate()
        out, err = started.communicate(timeout=20)
    logged = (house.home / "logs" / "gateway.log").read_text(encoding="utf-8")
    assert "wrong_secret" in logged
    assert house.secret not in logged + out + err


def test_a_full_disk_is_503_and_nothing_half_is_stored(house: IntakeHouse) -> None:
    largest = max(path.stat().st_size for path in house.home.rglob("*.db*")) + 200_000
    with gateway_process(house.home, largest) as (_, session):
        answers = [session.post("/webhook", json=house.message(comment="x" * 1500 + str(number))) for number in range(200)]
        stored = [answer for answer in answers if answer.status_code == 201]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert stored
        assert refused, "the disk became full"
        for answer in refused:
            assert problem(answer, 503)["code"].startswith("DATABASE_")
            assert str(house.home) not in answer.text
        assert session.get("/health").status_code == 200
    with gateway_process(house.home) as (_, session):
        assert session.post("/webhook", json=house.message(comment="room again")).status_code == 201
    assert len(house.orders()) == len(house.stored()) == len(stored) + 1


def test_a_taken_port_and_a_missing_installation_are_said_in_one_line(house: IntakeHouse, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, process(house.home, "--port", f"{taken.getsockname()[1]}") as started:
        out, err = started.communicate(timeout=20)
        assert started.returncode == 2
    assert (out, err.count("\n")) == ("", 1)
    assert "cannot listen" in err
    with process(tmp_path / "nothing") as started:
        _, err = started.communicate(timeout=20)
    assert started.returncode == 2
    assert "sigma db upgrade" in err
