"""What a password must be."""

from __future__ import annotations

import pytest

from sigma.domain.errors import InvalidInput
from sigma.domain.people import LONGEST_PASSWORD, require_good_password


@pytest.mark.parametrize("password", ["", "short", "nine char", "x" * 10, " " * 30, "ab" * LONGEST_PASSWORD])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as told:
        require_good_password(password)
    assert told.value.code == "WEAK_PASSWORD"
    assert told.value.hint
    assert not password or password not in str(told.value)


@pytest.mark.parametrize("password", ["ten chars.", "मेरा पासवर्ड लंबा है", "ab" * (LONGEST_PASSWORD // 2)])
def test_any_other_password_is_taken(password: str) -> None:
    assert require_good_password(password) is None
