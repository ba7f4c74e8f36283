from decimal import Decimal
from sigma.domain.orders import *
from sigma.services.kill import Stop
from sigma.services.orders.submit import Origin
from sigma.domain.kill import KillVerdict
from sigma.services.strategies import StrategyChange
from tests.orders.stage import *
from tests.orders.test_kill import start, ended, positions, of_strategy, QUICK

def test_case(stage):
    stage.waits(**QUICK)
    stage.house.strategies.add(stage.user_id, "ORB", StrategyChange())
    mine = of_strategy(stage, 4)
    stage.send(); stage.settled(mine)
    start(stage, Stop(stage.account().id, "orb"))
    (run,) = ended(stage)
    print("CASE", run.verdict, positions(stage))

def test_twice(stage):
    stage.waits()
    stage.executed(quantity=200)
    stage.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=8, ask_quantity=0)
    stage.exchange.post("config", liquidity_replenish_s=None)
    stage.fault("empty_book", "fills", times=None)
    first = stage.order(side="SELL", quantity=100, price=PRICE-5)
    stage.send()
    got = stage.settled(first, until=lambda now: now.filled_quantity > 0)
    o = stage.house.orders.submission.submit(OrderRequest("NSE:INFY", Side.SELL, 100), user_id=stage.user_id, account=stage.account().id, origin=Origin(Source.PERSON, reduce_only=True))
    print("TWICE", got, list(stage.house.orders.views.fills(user_id=stage.user_id, account=KITE))[-1:], o, o.risk_note)


def test_conv(stage):
    from tests.orders.test_slices import FUTURE
    for a in stage.server.exchange.accounts(): a.cash = Decimal(10_000_000_000)
    stage.hold(50_000.0, FUTURE)
    stage.waits(**QUICK)
    o = stage.desk.orders.submit(account=KITE, listing=FUTURE, side="BUY", quantity=30, product="MIS")
    stage.send(); stage.settled(o)
    acc = stage.account().id
    from sigma.simulator.conversion import convert
    held = stage.server.exchange.account("zerodha", "AB1234")
    print("adopted", _adopt(stage, acc))
    convert(stage.server.exchange, held, FUTURE, Side.BUY, 30, Product.MIS, Product.NRML, overnight=False)
    start(stage, Stop(acc))
    (run,) = ended(stage, seconds=60)
    print("CONV", run.verdict, run.notes, positions(stage))

def test_kill_all_leaves_chain(stage):
    from tests.orders.test_slices import FUTURE
    for a in stage.server.exchange.accounts(): a.cash = Decimal(10_000_000_000)
    stage.hold(50_000.0, FUTURE)
    stage.waits(**QUICK)
    stage.house.strategies.add(stage.user_id, "ORB", StrategyChange())
    mine = of_strategy(stage, 30, listing=FUTURE, product=Product.NRML)
    stage.send(); stage.settled(mine)
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    stage.sync()
    with stage.house.store.read() as tx:
        print("CHAIN", run.verdict, positions(stage), stage.house.ledger.strategy_positions(tx, stage.user_id, "ORB"), stage.house.ledger.positions(tx, stage.account().id))

def test_big(stage):
    from tests.orders.test_slices import FUTURE
    for a in stage.server.exchange.accounts(): a.cash = Decimal(10_000_000_000_0)
    stage.hold(50_000.0, FUTURE)
    stage.waits(**QUICK)
    for q in (12000, 600):
        o = stage.desk.orders.submit(account=KITE, listing=FUTURE, side="BUY", quantity=q, product="NRML")
        import time
        for _ in range(40):
            r = stage.sender().run_once(); time.sleep(min(r.delay, .3))
            if not r.delay and not r.sent: break
        stage.settled(o)
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage, seconds=60)
    print("BIG", run.verdict, run.notes, positions(stage))

def _adopt(stage, acc):
    h = stage.house
    h.portfolio.renew("positions", acc) if False else None
    from sigma.services.portfolio import POSITIONS, HOLDINGS
    h.portfolio.renew(POSITIONS, acc, attempts=1); h.portfolio.renew(HOLDINGS, acc, attempts=1)
    return h.openings.adopt(acc) if hasattr(h, "openings") else "no"
