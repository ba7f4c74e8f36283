"""Limits, a busy or broken database, and health."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import httpx
import pytest

from sigma.domain.events import Heartbeat
from tests.gateway.intake_house import HEADER, IntakeHouse, client, serving
from tests.gateway.test_webhook import problem
from tests.orders.stage import eventually

FORWARDED = {"X-Forwarded-For": "203.0.113.7, 198.51.100.9"}


def wrong(gateway: httpx.Client, **headers: str) -> httpx.Response:
    return gateway.post("/webhook", json={"secret": "wrong"}, headers=headers)


def test_wrong_secrets_are_counted_by_address_and_the_right_one_still_passes(house: IntakeHouse, gateway: httpx.Client) -> None:
    statuses = [wrong(gateway).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = wrong(gateway)
    problem(refused, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert gateway.post("/webhook", json=house.message()).status_code == 201, "a tunnel carries everybody's messages"
    house.clock.move(seconds=61)
    problem(wrong(gateway), 401)


def test_an_address_that_keeps_guessing_is_shut_out_even_with_the_right_secret(house: IntakeHouse, gateway: httpx.Client) -> None:
    for _ in range(100):
        wrong(gateway, **FORWARDED)
    problem(gateway.post("/webhook", json=house.message(), headers=FORWARDED), 429)
    problem(gateway.get("/health", headers={HEADER: house.secret, **FORWARDED}), 429)
    assert gateway.get("/health", headers=FORWARDED).status_code == 200
    other = {"X-Forwarded-For": "203.0.113.7"}
    assert gateway.post("/webhook", json=house.message(), headers=other).status_code == 201
    house.clock.move(seconds=61)
    assert gateway.post("/webhook", json=house.message(comment="x"), headers=FORWARDED).status_code == 201


def test_how_many_wrong_secrets_is_a_setting(house: IntakeHouse, gateway: httpx.Client) -> None:
    house.settings.set("signals.failed_rate", 2, user_id=house.owner_id)
    assert [wrong(gateway).status_code for _ in range(3)] == [401, 401, 429]


def test_messages_per_second_are_a_setting(house: IntakeHouse, gateway: httpx.Client) -> None:
    house.settings.set("signals.rate", 3, user_id=house.owner_id)
    answers = [gateway.post("/webhook", json=house.message(comment=str(number))) for number in range(10)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 5
    assert problem(refused[0], 429)["code"] == "TOO_MANY_MESSAGES"
    assert refused[0].headers["Retry-After"] == "1"
    assert len(house.orders()) == 10 - len(refused)


def test_a_locked_database_is_503_in_time_and_stores_nothing_later(house: IntakeHouse, gateway: httpx.Client) -> None:
    with house.locked(), ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: gateway.post("/webhook", json=house.message(comment=str(n))), range(20)))
        assert gateway.get("/").status_code == 200, "the event loop and readers go on"
    for answer in answers:
        assert problem(answer, 503)["code"] == "BUSY"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.elapsed < timedelta(seconds=3)
    assert gateway.post("/webhook", json=house.message(comment="after")).status_code == 201
    assert len(house.stored()) == len(house.orders()) == 1, "what was refused was not stored behind the sender's back"


def test_a_message_waits_out_a_short_lock(house: IntakeHouse, gateway: httpx.Client) -> None:
    with ThreadPoolExecutor(1) as threads:
        with house.locked():
            waiting = threads.submit(gateway.post, "/webhook", json=house.message())
            assert not wait([waiting], timeout=0.5).done
        assert waiting.result().status_code == 201


def test_one_message_that_cannot_be_stored_spoils_no_other(house: IntakeHouse, gateway: httpx.Client) -> None:
    poison = "WHEN NEW.strategy = 'poison' BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
    house.execute(f"CREATE TRIGGER poisoned BEFORE INSERT ON orders {poison}")
    messages = [house.message(comment=str(n), strategy="poison" if n % 10 == 5 else "good") for n in range(60)]
    with ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(lambda message: gateway.post("/webhook", json=message), messages))
    for message, answer in zip(messages, answers, strict=True):
        if message["strategy"] == "poison":
            assert "poisoned" not in problem(answer, 503)["message"]
            assert "Retry-After" in answer.headers
        else:
            assert answer.status_code == 201
    assert len(house.orders()) == len(house.stored()) == 54


def test_without_instruments_the_message_is_503_and_says_why(house: IntakeHouse, gateway: httpx.Client) -> None:
    house.settings.set("instruments.stale_policy", "fail", user_id=house.owner_id)
    house.clock.move(days=3)
    assert "instrument table" in problem(gateway.post("/webhook", json=house.message()), 503)["message"]


@pytest.mark.parametrize("path", ["/", "/health"])
def test_health_tells_strangers_little_and_the_owner_more(house: IntakeHouse, gateway: httpx.Client, path: str) -> None:
    basic = {"status": "ok", "service": "sigmatrader-gateway", "environment": "simulator"}
    assert gateway.get(path).json() == basic
    assert gateway.head(path).status_code == 200
    gateway.post("/webhook", json=house.message())
    with house.store.begin() as tx:
        tx.journal.beat(Heartbeat("worker", house.clock.now() - timedelta(seconds=3), 4711))
    answer = gateway.get(path, headers={HEADER: house.secret}).json()
    details = answer.pop("details")
    assert answer == basic
    assert details["database"] == "ok"
    assert details["queues"] == {"intake": 0, "waiting": 1, "approved": 0, "sending": 0, "unknown": 0}
    worker = next(told for told in details["processes"] if told["process"] == "worker")
    assert worker["pid"] == 4711
    assert 3 <= worker["age_s"] < 10
    problem(gateway.get(path, headers={HEADER: "wrong"}), 401)


def test_the_gateway_says_at_once_that_it_lives(house: IntakeHouse, gateway: httpx.Client) -> None:
    def beat() -> Heartbeat | None:
        return next((told for told in house.events.heartbeats() if told.process == "gateway"), None)

    found = eventually(beat)
    assert (found.pid, abs(found.at - house.clock.now()) < timedelta(minutes=1)) == (os.getpid(), True)


def test_a_sign_of_life_that_cannot_be_stored_stops_no_message(house: IntakeHouse) -> None:
    house.execute("ALTER TABLE heartbeats RENAME TO gone")
    with serving(house) as url, client(url) as session:
        assert session.post("/webhook", json=house.message()).status_code == 201


def test_health_is_503_when_the_database_cannot_be_read(house: IntakeHouse, gateway: httpx.Client) -> None:
    house.execute("ALTER TABLE heartbeats RENAME TO gone")
    answer = gateway.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "error")
    assert "gone" not in answer.text
    assert "heartbeats" not in answer.text
