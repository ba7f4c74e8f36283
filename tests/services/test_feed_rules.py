"""What a live feed is made with: where the broker's sockets are, and when it counts as silent or dead."""

from __future__ import annotations

from sigma.bootstrap import endpoints
from sigma.domain.instruments import Exchange
from sigma.services.connections import Connections, Endpoint
from sigma.services.turns import Turns
from tests.services.rooms import Rooms


def test_sockets_are_where_the_environment_says_and_at_their_real_address_otherwise() -> None:
    found = endpoints({"SIGMA_ZERODHA_WS_URL": "ws://127.0.0.1:9", "SIGMA_ANGELONE_URL": "http://127.0.0.1:8"})
    assert found["zerodha"] == Endpoint("", "", "ws://127.0.0.1:9")
    assert found["angelone"] == Endpoint("http://127.0.0.1:8", "", "")


def test_a_feed_is_made_with_the_settings_in_force_and_the_house_s_calendar(rooms: Rooms) -> None:
    connections = Connections(
        rooms.store,
        rooms.clock,
        {"alpha": rooms.alpha},
        rooms.lookup,
        rooms.settings,
        rooms.events,
        Turns(rooms.clock, rooms.budget),
        endpoints={"alpha": Endpoint(stream_url="ws://127.0.0.1:9")},
        is_open=lambda exchange: exchange is Exchange.MCX,
    )
    rooms.settings.set("market.feed_silent_after", 12.5, user_id=rooms.user)
    context = connections.context("alpha")
    assert context.stream_url == "ws://127.0.0.1:9"
    assert (context.feed_rules.silent_after_s, context.feed_rules.dead_after_s) == (12.5, 20.0)
    assert context.feed_rules.is_open(Exchange.MCX)
    assert not context.feed_rules.is_open(Exchange.NSE)


def test_who_does_not_know_the_hours_calls_nothing_silent(rooms: Rooms) -> None:
    assert not any(rooms.connections.context("alpha").feed_rules.is_open(exchange) for exchange in Exchange)
