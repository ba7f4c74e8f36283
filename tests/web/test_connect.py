"""Where a broker's login sends the browser back to: caught, taken once, in no address and no log."""

from __future__ import annotations

import httpx

from pages.web.arrivals import LASTS_S, Arrivals
from tests.web.conftest import Web

TOKEN = "tOkEnThatOpensTheAccount"
RETURN = f"/connect/zerodha?action=login&status=success&request_token={TOKEN}"


def test_a_brokers_answer_is_caught_and_leaves_the_address(owner: httpx.Client) -> None:
    answer = owner.get(RETURN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/brokers")
    assert answer.headers["cache-control"] == "no-store"


def test_a_stranger_who_comes_back_from_a_broker_signs_in_without_the_token_in_the_address(stranger: httpx.Client) -> None:
    answer = stranger.get(RETURN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/brokers")


def test_what_a_broker_sent_is_written_down_nowhere(web: Web, owner: httpx.Client, stranger: httpx.Client) -> None:
    for client in (owner, stranger):
        client.get(RETURN)
    assert "SIGNED_IN" in web.written()
    assert TOKEN not in web.written()


def test_an_arrival_is_taken_once_and_by_the_person_it_came_for() -> None:
    arrivals = Arrivals(lambda: 0.0)
    arrivals.put(1, "fyers", {"auth_code": "a"})
    assert arrivals.take(2) is None
    taken = arrivals.take(1)
    assert taken is not None
    assert (taken.broker, dict(taken.params)) == ("fyers", {"auth_code": "a"})
    assert arrivals.take(1) is None


def test_the_newest_arrival_counts_and_an_old_one_is_forgotten() -> None:
    now = [0.0]
    arrivals = Arrivals(lambda: now[0])
    arrivals.put(1, "fyers", {"auth_code": "first"})
    arrivals.put(1, "fyers", {"auth_code": "second"})
    now[0] = LASTS_S - 1
    arrivals.put(2, "fyers", {"auth_code": "other"})
    now[0] = LASTS_S + 1
    assert arrivals.take(1) is None
    assert arrivals.take(2) is not None


def test_an_arrival_in_a_log_line_shows_no_token() -> None:
    arrivals = Arrivals(lambda: 0.0)
    arrivals.put(1, "fyers", {"auth_code": TOKEN})
    assert TOKEN not in repr(arrivals.take(1))
