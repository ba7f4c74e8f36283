from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sigma.domain.errors import InvalidInput
from sigma.domain.settings import SETTINGS, SettingSpec, setting

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("spec", SETTINGS.values(), ids=SETTINGS)
def test_a_default_is_a_value_of_its_own_setting(spec: SettingSpec) -> None:
    assert spec.parse(spec.default) == spec.default
    assert spec.parse(str(spec.default)) == spec.default
    assert spec.help.endswith(".")


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_read_somewhere(name: str) -> None:
    code = ["grep", "-rlF", f'"{name}"', "--include=*.py", *(str(ROOT / part) for part in ("sigma", "scheduler", "pages"))]
    readers = [
        path
        for path in subprocess.run(code, capture_output=True, text=True, check=False).stdout.split()
        if "domain/settings.py" not in path
    ]
    assert readers, f"nobody reads {name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("orders.send_window", 0), ("orders.send_window", "soon"), ("signals.rate", 1.5), ("instruments.stale_policy", "maybe")],
)
def test_a_value_out_of_bounds_or_of_the_wrong_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=name):
        setting(name).parse(value)


def test_a_setting_that_0_switches_off_takes_nothing_between_that_and_its_least_value() -> None:
    spec = setting("portfolio.refresh_every")
    assert [spec.parse(value) for value in ("0", 60, 180.0)] == [0, 60, 180]
    for wrong in (1, 59.9, 180.1, -1):
        with pytest.raises(InvalidInput, match=r"between 60 \(0: off\) and 180 s"):
            spec.parse(wrong)


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no setting"):
        setting("orders.retry_writes")
