"""Every file of ours keeps the rules of rules.py, and each rule catches what it forbids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.architecture import rules

ROOT = Path(__file__).resolve().parents[2]
LONG_FUNCTION = "def longest():\n" + "    print()\n" * rules.FUNCTION_LINES

# (rule, name of the file, code that breaks the rule)
BROKEN = [
    (rules.standard_library_only, "sigma/domain/bars.py", "import pandas"),
    (rules.standard_library_only, "sigma/domain/bars.py", "import sigma.engines"),
    (rules.standard_library_only, "sigma/engines/bars.py", "def late():\n    import httpx"),
    (rules.page_imports, "pages/orders.py", "from sigma.services import orders"),
    (rules.page_imports, "pages/orders.py", "from starlette.requests import Request"),
    (rules.page_imports, "pages/web/app.py", "import sigma.infra.locks"),
    (rules.page_imports, "streamlit_app.py", "import sigma.bootstrap"),
    (rules.wall_clock, "sigma/services/sync.py", "from datetime import UTC, datetime as dt\nnow = dt.now(UTC)"),
    (rules.wall_clock, "sigma/services/sync.py", "import datetime\nnow = datetime.datetime.utcnow()"),
    (rules.wall_clock, "sigma/domain/calendar.py", "from datetime import date\ntoday = date.today()"),
    (rules.wall_clock, "scheduler/jobs.py", "import time\nstarted = time.time()"),
    (rules.wall_clock, "scheduler/jobs.py", "from time import time_ns\nclock = time_ns"),
    (rules.wall_clock, "sigma/desk/market.py", "import pandas as pd\nnow = pd.Timestamp.now()"),
    (rules.swallowed_error, "sigma/services/sync.py", "try:\n    work()\nexcept:\n    raise"),
    (rules.swallowed_error, "scheduler/jobs.py", "try:\n    work()\nexcept Exception:\n    pass"),
    (
        rules.swallowed_error,
        "tests/test_jobs.py",
        "for job in jobs:\n    try:\n        job()\n    except BaseException:\n        continue",
    ),
    (rules.long_function, "sigma/services/sync.py", LONG_FUNCTION),
    (rules.long_file, "sigma/services/sync.py", "pass\n" * (rules.FILE_LINES + 1)),
    (rules.broker_name, "sigma/services/sync.py", "if account.broker == 'zerodha': pass"),
    (rules.broker_name, "sigma/adapters/transport.py", "URL = 'https://api.kite.example'"),
    (rules.broker_name, "scheduler/jobs.py", "def angelone_sync(): pass"),
    (rules.broker_name, "sigma/store/rows.py", "class KiteRow: pass"),
    (rules.broker_name, "pages/accounts.py", "label = f'smartapi {name}'"),
]
# (rule, name of the file, code that the rule must leave alone)
KEPT = [
    (rules.standard_library_only, "sigma/domain/bars.py", "import decimal\nfrom sigma.domain import money"),
    (rules.standard_library_only, "sigma/domain/ticks.py", "import numpy as np"),
    (rules.standard_library_only, "sigma/engines/bars.py", "import numpy as np\nfrom sigma.domain.money import ZERO"),
    (rules.page_imports, "pages/orders.py", "import sigma\nimport streamlit as st\nfrom sigma.domain.orders import Side"),
    (rules.page_imports, "pages/web/app.py", "from starlette.requests import Request\nfrom sigma.infra.serving import serve"),
    (rules.wall_clock, "sigma/infra/clock.py", "import time\nnow = time.time()"),
    (rules.wall_clock, "sigma/services/sync.py", "import time\nstarted = time.monotonic()\nnow = clock.now()"),
    (
        rules.wall_clock,
        "sigma/domain/calendar.py",
        "from datetime import datetime, time\nopens = datetime.combine(day, time(9, 15))",
    ),
    (rules.swallowed_error, "sigma/services/sync.py", "try:\n    work()\nexcept Exception as error:\n    log(error)"),
    (rules.long_function, "sigma/services/sync.py", LONG_FUNCTION.removesuffix("    print()\n")),
    (rules.broker_name, "sigma/services/sync.py", '"""Zerodha calls it a tag."""\n# as does AngelOne\nname = "broker"'),
    (rules.broker_name, "sigma/adapters/zerodha/mapping.py", "from kiteconnect import KiteConnect"),
    (rules.broker_name, "sigma/cli/demo.py", "BROKERS = ('zerodha', 'angelone')"),
]


def named(cases: list[tuple[rules.Rule, str, str]]) -> list[str]:
    return [f"{rule.__name__}-{number}" for number, (rule, _, _) in enumerate(cases)]


@pytest.fixture(scope="module")
def ours() -> list[rules.Source]:
    return rules.sources(ROOT)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_file_of_ours_keeps_the_rule(ours: list[rules.Source], rule: rules.Rule) -> None:
    assert len(ours) > 20
    complaints = [f"{source.name}:{complaint}" for source in ours for complaint in rule(source)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(("rule", "name", "code"), BROKEN, ids=named(BROKEN))
def test_a_rule_catches_what_it_forbids(rule: rules.Rule, name: str, code: str) -> None:
    assert list(rule(rules.Source.of(name, code)))


@pytest.mark.parametrize(("rule", "name", "code"), KEPT, ids=named(KEPT))
def test_a_rule_leaves_good_code_alone(rule: rules.Rule, name: str, code: str) -> None:
    assert not list(rule(rules.Source.of(name, code)))


def test_every_rule_has_code_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


def test_notebooks_reach_the_core_through_desk_only() -> None:
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
        for cell in cells:
            lines = "".join(cell["source"]).splitlines()
            code = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in lines)
            assert not list(rules.notebook_imports(code)), path.name


@pytest.mark.parametrize("code", ["import sigma.store", "from sigma.adapters import zerodha", "import sqlalchemy"])
def test_a_notebook_that_reaches_past_desk_is_caught(code: str) -> None:
    assert list(rules.notebook_imports(code))
