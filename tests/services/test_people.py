"""Sign-in: who gets in, who does not, and what is said about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest
from argon2 import PasswordHasher

from sigma.domain.errors import Conflict, Denied, InvalidInput, RateLimited, SigmaError
from sigma.infra.failures import FailureMinute
from sigma.ports.infra import Watch
from sigma.ports.storage import Store, Unit
from sigma.services.people import CACHE_NS, PeopleService, token_hash
from tests.services.rooms import Rooms

GOOD = "three quiet horses"
OTHER = "four loud engines"
HERE = "127.0.0.1"


@dataclass
class Meanwhile:
    """The store, with something that happens once: before the next write begins, or after the next read has ended."""

    store: Store
    before_write: list[Callable[[], object]] = field(default_factory=list)
    after_read: list[Callable[[], object]] = field(default_factory=list)

    def begin(self) -> AbstractContextManager[Unit]:
        while self.before_write:
            self.before_write.pop()()
        return self.store.begin()

    @contextmanager
    def read(self) -> Iterator[Unit]:
        with self.store.read() as tx:
            yield tx
        while self.after_read:
            self.after_read.pop()()

    def watch(self) -> Watch:
        return self.store.watch()


def people_on(rooms: Rooms, store: Store) -> PeopleService:
    return PeopleService(store, rooms.clock, rooms.settings, rooms.events, FailureMinute(rooms.clock))


@pytest.fixture
def claimed(rooms: Rooms) -> str:
    """The owner chose GOOD; their first token."""
    return rooms.people.claim(GOOD, HERE)


def add_user(rooms: Rooms, name: str = "bob", password: str | None = None) -> None:
    with rooms.store.database.write() as link:
        link.connection.exec_driver_sql(
            "INSERT INTO users (name, role, trading_mode, created_at) VALUES (?, 'trader', 'NORMAL', '2026-01-01')", (name,)
        )
    if password is not None:
        with rooms.store.begin() as tx:
            tx.users.set_password_hash(tx.users.by_name(name).id, PasswordHasher().hash(password))


def everything_stored(rooms: Rooms) -> bytes:
    """Return all bytes of the database."""
    return b"".join(path.read_bytes() for path in sorted(rooms.home.glob("sigma.db*")))


def refusal(act: Callable[[], object]) -> SigmaError:
    with pytest.raises(SigmaError) as told:
        act()
    return told.value


def test_the_first_password_is_chosen_once(rooms: Rooms) -> None:
    assert rooms.people.needs_owner()
    token = rooms.people.claim(GOOD, HERE)
    assert not rooms.people.needs_owner()
    visitor = rooms.people.visitor(token)
    assert visitor is not None
    assert (visitor.id, visitor.role) == (rooms.user, "owner")
    for password in (OTHER, "short"):
        with pytest.raises(Conflict, match="chosen already"):
            rooms.people.claim(password, HERE)
    with pytest.raises(Denied):
        rooms.people.sign_in("owner", OTHER, HERE)
    assert [event.text for event in rooms.audit("PASSWORD_CHOSEN")] == ["the password was chosen"]


def test_of_two_who_claim_at_once_one_gets_in(rooms: Rooms) -> None:
    def claim(number: int) -> str | Conflict:
        try:
            return rooms.other_people().claim(f"{GOOD} {number}", HERE)
        except Conflict as error:
            return error

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(claim, range(4)))
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert len(rooms.audit("PASSWORD_CHOSEN")) == 1


def test_a_weak_password_is_refused_and_nothing_is_stored(rooms: Rooms, claimed: str) -> None:
    other = Rooms(rooms.home.with_name("other"))
    with pytest.raises(InvalidInput):
        other.people.claim("short", HERE)
    assert other.people.needs_owner()
    other.close()
    for act in (
        lambda: rooms.people.change_password(claimed, GOOD, "short"),
        lambda: rooms.people.set_owner_password("x" * 20),
    ):
        with pytest.raises(InvalidInput):
            act()
    assert rooms.people.visitor(rooms.people.sign_in("owner", GOOD, HERE))


def test_the_right_password_signs_in_and_each_token_is_its_own(rooms: Rooms, claimed: str) -> None:
    tokens = {claimed, *(rooms.people.sign_in(name, GOOD, HERE) for name in ("owner", " owner "))}
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens)
    assert all(rooms.people.visitor(token) for token in tokens)
    assert [event.text for event in rooms.audit("SIGNED_IN")] == ["signed in from 127.0.0.1"] * 3


def test_neither_token_nor_password_is_stored(rooms: Rooms, claimed: str) -> None:
    rooms.people.change_password(claimed, GOOD, OTHER)
    refusal(lambda: rooms.people.sign_in("a secret typed as a name", "a wrong password", HERE))
    stored = everything_stored(rooms)
    assert token_hash(claimed).encode() in stored
    for text in (claimed, GOOD, OTHER, "a secret typed as a name", "a wrong password"):
        assert text.encode() not in stored


def test_a_wrong_password_is_refused_and_says_nothing_about_the_name(rooms: Rooms, claimed: str) -> None:
    add_user(rooms, "no-password-yet")
    told = [
        refusal(lambda name=name: rooms.people.sign_in(name, OTHER, "")) for name in ("owner", "nobody", "no-password-yet", "")
    ]
    assert {type(error) for error in told} == {Denied}
    assert {(error.code, error.message, error.hint) for error in told} == {
        ("WRONG_SIGN_IN", "The name or the password is wrong.", "Try again.")
    }


def test_an_unknown_name_costs_as_much_work_as_a_wrong_password(rooms: Rooms, claimed: str) -> None:
    def work(name: str) -> float:
        started = time.process_time()
        refusal(lambda: rooms.people.sign_in(name, OTHER, ""))
        return time.process_time() - started

    assert min(work("nobody") for _ in range(4)) > 0.4 * min(work("owner") for _ in range(4))


def test_a_failed_sign_in_is_a_warning_to_whom_it_concerns(rooms: Rooms, claimed: str) -> None:
    for name in ("owner", "nobody"):
        refusal(lambda name=name: rooms.people.sign_in(name, OTHER, "10.0.0.9"))
    (event,) = rooms.audit("SIGN_IN_FAILED")
    assert (event.level, event.text) == ("WARNING", "a password was wrong from 10.0.0.9")
    with rooms.store.read() as tx:
        assert [each.user_id for each in tx.journal.events(kind="SIGN_IN_FAILED")] == [None, rooms.user]


def test_too_many_wrong_passwords_from_an_address_shut_it_out_for_a_minute(rooms: Rooms, claimed: str) -> None:
    for number in range(10):
        assert refusal(lambda name=f"name {number}": rooms.people.sign_in(name, OTHER, "10.0.0.9")).code == "WRONG_SIGN_IN"
    shut = refusal(lambda: rooms.people.sign_in("owner", GOOD, "10.0.0.9"))
    assert isinstance(shut, RateLimited)
    assert shut.retry_after == 60.0
    assert rooms.people.sign_in("owner", GOOD, "10.0.0.8")
    with rooms.store.read() as tx:
        assert len(tx.journal.events(kind="SIGN_IN_FAILED")) == 10, "what is not heard is not written down"
    rooms.clock.pass_by(61)
    assert rooms.people.sign_in("owner", GOOD, "10.0.0.9")


def test_too_many_wrong_passwords_for_a_name_shut_it_out_from_everywhere(rooms: Rooms, claimed: str) -> None:
    rooms.settings.set("sign_in.failed_rate", 2, user_id=rooms.user)
    for name in ("owner", "nobody"):
        codes = [refusal(lambda name=name, n=n: rooms.people.sign_in(name, OTHER, f"10.0.0.{n}")).code for n in range(3)]
        assert codes == ["WRONG_SIGN_IN", "WRONG_SIGN_IN", "RATE_LIMITED"]


def test_guesses_sent_side_by_side_are_counted_one_after_another(rooms: Rooms, claimed: str) -> None:
    rooms.settings.set("sign_in.failed_rate", 3, user_id=rooms.user)
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda _: refusal(lambda: rooms.people.sign_in("owner", OTHER, HERE)).code, range(8)))
    assert sorted(told) == ["RATE_LIMITED"] * 5 + ["WRONG_SIGN_IN"] * 3


@pytest.mark.parametrize("token", [None, "", "unknown", "\ud800", "x" * 10_000])
def test_an_unknown_token_is_nobody_s(rooms: Rooms, claimed: str, token: str | None) -> None:
    assert rooms.people.visitor(token) is None


def test_the_stored_digest_is_no_token(rooms: Rooms, claimed: str) -> None:
    assert rooms.people.visitor(token_hash(claimed)) is None


def test_a_sign_in_ends_after_its_hours_to_the_second(rooms: Rooms) -> None:
    rooms.settings.set("sign_in.lasts_hours", 2, user_id=rooms.user)
    token = rooms.people.claim(GOOD, HERE)
    rooms.clock.pass_by(2 * 3600 - 1)
    assert rooms.people.visitor(token)
    rooms.clock.pass_by(1)
    assert rooms.people.visitor(token) is None, "though it was remembered a second ago"
    rooms.people.sign_in("owner", GOOD, HERE)
    with rooms.store.read() as tx:
        assert tx.sign_ins.get(token_hash(token)) is None, "what expired is erased"


def test_signing_out_ends_one_sign_in_at_once_and_elsewhere_within_two_seconds(rooms: Rooms, claimed: str) -> None:
    second, elsewhere = rooms.people.sign_in("owner", GOOD, HERE), rooms.other_people()
    assert elsewhere.visitor(claimed)
    assert rooms.people.visitor(claimed)
    rooms.people.sign_out(claimed)
    assert rooms.people.visitor(claimed) is None
    assert elsewhere.visitor(claimed), "it is remembered"
    rooms.clock.pass_by(CACHE_NS / 1e9)
    assert elsewhere.visitor(claimed) is None
    assert rooms.people.visitor(second)
    rooms.people.sign_out(claimed)
    rooms.people.sign_out("unknown")
    assert len(rooms.audit("SIGNED_OUT")) == 1


def test_a_visitor_is_answered_from_memory_for_two_seconds(rooms: Rooms, claimed: str) -> None:
    assert rooms.people.visitor(claimed)
    with rooms.store.database.write() as link:
        link.connection.exec_driver_sql("UPDATE users SET role = 'viewer'")
    rooms.clock.pass_by(1.9)
    remembered = rooms.people.visitor(claimed)
    rooms.clock.pass_by(0.2)
    fresh = rooms.people.visitor(claimed)
    assert remembered is not None
    assert fresh is not None
    assert (remembered.role, fresh.role) == ("owner", "viewer")


def test_a_changed_password_ends_the_other_sign_ins_of_that_person_only(rooms: Rooms, claimed: str) -> None:
    add_user(rooms, "bob", "bob's own password")
    bob, other = rooms.people.sign_in("bob", "bob's own password", HERE), rooms.people.sign_in("owner", GOOD, HERE)
    assert rooms.people.visitor(other)
    rooms.people.change_password(claimed, GOOD, OTHER)
    assert rooms.people.visitor(other) is None
    assert rooms.people.visitor(claimed)
    visitor = rooms.people.visitor(bob)
    assert visitor is not None
    assert visitor.name == "bob"
    assert refusal(lambda: rooms.people.sign_in("owner", GOOD, HERE)).code == "WRONG_SIGN_IN"
    assert rooms.people.sign_in("owner", OTHER, HERE)
    assert len(rooms.audit("PASSWORD_CHANGED")) == 1


def test_a_password_that_is_changed_while_it_is_checked_signs_nobody_in(rooms: Rooms, claimed: str) -> None:
    change = Meanwhile(rooms.store, before_write=[lambda: rooms.people.set_owner_password(OTHER)])
    with pytest.raises(Conflict, match="changed just now"):
        people_on(rooms, change).sign_in("owner", GOOD, HERE)
    assert len(rooms.audit("SIGNED_IN")) == 1, "that of the first run"


def test_a_sign_in_that_ends_while_it_is_read_is_not_remembered(rooms: Rooms, claimed: str) -> None:
    ending = Meanwhile(rooms.store)
    people = people_on(rooms, ending)
    ending.after_read.append(lambda: people.sign_out(claimed))
    assert people.visitor(claimed)
    assert people.visitor(claimed) is None


def test_changing_a_password_needs_a_sign_in_and_the_old_one_and_cannot_be_guessed(rooms: Rooms, claimed: str) -> None:
    rooms.settings.set("sign_in.failed_rate", 2, user_id=rooms.user)
    assert refusal(lambda: rooms.people.change_password("unknown", GOOD, OTHER)).code == "SIGNED_OUT"
    codes = [refusal(lambda: rooms.people.change_password(claimed, OTHER, OTHER)).code for _ in range(3)]
    assert codes == ["WRONG_PASSWORD", "WRONG_PASSWORD", "RATE_LIMITED"]
    rooms.clock.pass_by(61)
    assert rooms.people.sign_in("owner", GOOD, HERE)


def test_a_password_set_at_the_machine_ends_all_sign_ins_of_the_owner(rooms: Rooms, claimed: str) -> None:
    assert rooms.people.visitor(claimed)
    assert rooms.people.set_owner_password(OTHER) == 1
    assert rooms.people.visitor(claimed) is None
    assert rooms.people.sign_in("owner", OTHER, HERE)
    assert len(rooms.audit("PASSWORD_CHANGED")) == 1


def test_the_owner_can_be_signed_in_without_a_password(rooms: Rooms) -> None:
    visitor = rooms.people.visitor(rooms.people.sign_in_owner())
    assert visitor is not None
    assert visitor.id == rooms.user
    assert rooms.people.needs_owner()


def test_a_hash_made_at_another_cost_is_made_anew_at_sign_in(rooms: Rooms, claimed: str) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=1024).hash(GOOD)
    with rooms.store.begin() as tx:
        tx.users.set_password_hash(rooms.user, cheap)
    assert rooms.people.sign_in("owner", GOOD, HERE)
    with rooms.store.read() as tx:
        stored = tx.users.password_hash(rooms.user)
    assert stored is not None
    assert not PasswordHasher().check_needs_rehash(stored)
    assert rooms.people.sign_in("owner", GOOD, HERE)


def test_a_password_is_the_same_however_its_characters_are_composed(rooms: Rooms) -> None:
    rooms.people.claim("un caf\N{LATIN SMALL LETTER E WITH ACUTE} noir", HERE)
    assert rooms.people.sign_in("owner", "un cafe\N{COMBINING ACUTE ACCENT} noir", HERE)
