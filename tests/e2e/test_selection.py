"""A row that a person ticks is the row that is acted on, however many rows arrive meanwhile."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout

import sigma
from sigma.cli.demo.stage import Stage
from sigma.domain.orders import OrderStatus
from tests.e2e.app import Person

Come = Callable[..., Person]
CLICKS = 12
# What stands on the table's canvas, as it is painted: at each press of the pointer the text of that row is kept.
WITNESS = """
const painted = window.painted = new Map();
const paint = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
  const at = this.getTransform();
  const place = Math.round((at.a ? (y * at.d + at.f) / at.d : y));
  if (/^\\d+ \\/ [\\d,]+$/.test(text)) painted.set(place, text);
  return paint.call(this, text, x, y, ...more);
};
window.witnessed = [];
document.addEventListener('pointerdown', event => {
  const table = document.querySelector('[data-testid=stDataFrame] canvas')?.getBoundingClientRect();
  if (!table || event.clientX > table.left + 30) return;
  const y = event.clientY - table.top;
  const near = [...painted].filter(([place]) => Math.abs(place - y) < 15).sort((a, b) => Math.abs(a[0] - y) - Math.abs(b[0] - y));
  window.witnessed.push(near.length ? near[0][1] : null);
}, true);
"""


@pytest.fixture
def arriving(stage: Stage) -> Iterator[threading.Event]:
    """An order each 100 ms, each of another quantity; nobody sends them."""
    stage.supervisor.remove("worker")
    ended, first = threading.Event(), threading.Event()

    def submit() -> None:
        with sigma.open(home=stage.home.folder, source="PERSON") as desk:
            quantity = 0
            while not ended.wait(0.1):
                quantity += 1
                desk.orders.submit(
                    account="zerodha-main", listing="NSE:INFY", side="BUY", quantity=quantity, order_type="LIMIT", price=1000
                )
                if quantity == 8:
                    first.set()

    thread = threading.Thread(target=submit)
    thread.start()
    assert first.wait(30)
    yield ended
    ended.set()
    thread.join()


def test_what_is_cancelled_is_what_was_ticked_while_rows_arrive_each_100_ms(
    person: Come, stage: Stage, arriving: threading.Event
) -> None:
    visitor = person()
    visitor.context.add_init_script(WITNESS)
    visitor.open("/orders?account=zerodha-main")
    bar, draw = visitor.key("acts-orders"), random.Random(7)
    page, ticked = visitor.page, list[int]()
    page.wait_for_function("() => painted.size > 6")
    while len(ticked) < CLICKS:
        visitor.tick(draw.randrange(0, 6))
        seen = page.evaluate("window.witnessed.at(-1)")
        assert seen is not None
        if not taken(bar):
            continue  # the table was just being drawn anew: such a click is lost
        named = re.search(r"BUY ([\d,]+) NSE:INFY", bar.inner_text())
        assert named, bar.inner_text()
        assert seen.split(" / ")[1] == named[1], (seen, bar.inner_text())
        ticked.append(int(named[1].replace(",", "")))
        visitor.press("Cancel", bar)
        visitor.dialog().wait_for()
        assert f"BUY {named[1]} NSE:INFY" in visitor.dialog().inner_text()
        visitor.press("Cancel order", visitor.dialog())
        visitor.dialog().wait_for(state="detached")
        bar.wait_for(state="detached")
    arriving.set()
    table = stage.desk.orders.table("zerodha-main", status=OrderStatus.CANCELLED)
    assert sorted(table["quantity"]) == sorted(ticked)


def taken(bar: Locator) -> bool:
    """Wait a moment for the bar that names the row; say whether it came."""
    try:
        bar.wait_for(timeout=3000)
    except PlaywrightTimeout:
        return False
    return True
