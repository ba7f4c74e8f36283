"""People at the door: passwords, and the browsers that are signed in.

A password is kept as its Argon2id hash. A sign-in is a token of 256 random bits of which only a digest is kept: nothing that
stands in the database, a backup or a log opens the door.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from sigma.domain.errors import Conflict, Denied, NotFound, RateLimited
from sigma.domain.events import Level
from sigma.domain.people import SignIn, User, require_good_password
from sigma.ports.clock import Clock
from sigma.ports.infra import Failures
from sigma.ports.storage import Store, Unit
from sigma.services.events import EventsService
from sigma.services.settings import SettingsService

HASH_DOMAIN = b"sigma sign-in\x00"
CACHE_NS = 2_000_000_000
MOST_CACHED = 1_000
LONGEST_KEY = 100


@dataclass(frozen=True, slots=True)
class Visit:
    """A sign-in as it was read at a moment of the boot clock."""

    read_ns: int
    sign_in: SignIn
    user: User


def token_hash(token: str) -> str:
    """Return what is stored of a sign-in token."""
    return "sha256:" + hashlib.sha256(HASH_DOMAIN + token.encode("utf-8", "surrogatepass")).hexdigest()


class Passwords:
    """Argon2id at the library's own cost, which follows RFC 9106."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobody = self._hash_of_nothing()

    def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        return self._hasher.hash(_normal(password))

    def matches(self, password: str, stored: str | None) -> bool:
        """Say whether it is the password; without a stored hash it is not, at the same cost."""
        try:
            return self._hasher.verify(stored or self._nobody, _normal(password)) and stored is not None
        except VerifyMismatchError:
            return False

    def outdated(self, stored: str) -> bool:
        """Say whether a hash was made at another cost than is used now."""
        return self._hasher.check_needs_rehash(stored)

    def _hash_of_nothing(self) -> str:
        """Return a hash of today's cost that no password is known for, without the work of making one."""
        cost = f"m={self._hasher.memory_cost},t={self._hasher.time_cost},p={self._hasher.parallelism}"
        parts = (secrets.token_bytes(self._hasher.salt_len), secrets.token_bytes(self._hasher.hash_len))
        return "$".join(["", "argon2id", "v=19", cost, *(b64encode(part).decode().rstrip("=") for part in parts)])


class PeopleService:
    """Sign-in, sign-out, and whose browser this is."""

    def __init__(self, store: Store, clock: Clock, settings: SettingsService, events: EventsService, failures: Failures) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._events = events
        self._failures = failures
        self._passwords = Passwords()
        # One password is checked at a time: guesses sent side by side are counted one after another, and cost one memory.
        self._door = threading.Lock()
        self._lock = threading.Lock()
        self._visits: dict[str, Visit] = {}
        self._epoch = 0

    # -- passwords

    def needs_owner(self) -> bool:
        """Say whether nobody has chosen the owner's password yet."""
        with self._store.read() as tx:
            return tx.users.password_hash(tx.users.owner().id) is None

    def claim(self, password: str, address: str = "") -> str:
        """Store the owner's first password and return the token of a sign-in.

        Raises
        ------
        Conflict
            It was chosen already.
        InvalidInput
            It is too weak.
        """
        if not self.needs_owner():
            raise _chosen()
        require_good_password(password)
        stored, lasts = self._passwords.hash(password), self._lasts()
        with self._store.begin() as tx:
            owner = tx.users.owner()
            tx.users.lock(owner.id)
            if tx.users.password_hash(owner.id) is not None:
                raise _chosen()
            self._put_password(tx, owner, stored, first=True)
            return self._open(tx, owner, address, lasts)

    def change_password(self, token: str, old: str, new: str) -> None:
        """Replace the password of whoever is signed in by `token`, and end their other sign-ins.

        Raises
        ------
        Denied
            Nobody is signed in by it, or the old password is wrong.
        RateLimited
            Too many wrong passwords.
        InvalidInput
            The new one is too weak.
        """
        user = self.visitor(token)
        if user is None:
            raise Denied("You are signed out.", hint="Sign in again.", code="SIGNED_OUT")
        require_good_password(new)
        was = self._checked(user.name, old, "", Denied("The old password is wrong.", code="WRONG_PASSWORD"))
        stored = self._passwords.hash(new)
        with self._store.begin() as tx:
            tx.users.lock(user.id)
            self._require_unchanged(tx, user, was)
            self._put_password(tx, user, stored, first=False)
            tx.sign_ins.end_all(user.id, but=token_hash(token))
        self._forget_visits()

    def set_owner_password(self, password: str) -> int:
        """Store the owner's password without asking for the old one, end all their sign-ins, and return how many there were.

        Raises
        ------
        InvalidInput
            It is too weak.
        """
        require_good_password(password)
        stored = self._passwords.hash(password)
        with self._store.begin() as tx:
            owner = tx.users.owner()
            tx.users.lock(owner.id)
            self._put_password(tx, owner, stored, first=tx.users.password_hash(owner.id) is None)
            ended = tx.sign_ins.end_all(owner.id)
        self._forget_visits()
        return ended

    # -- sign-ins

    def sign_in(self, name: str, password: str, address: str) -> str:
        """Return the token of a new sign-in.

        Raises
        ------
        Denied
            Code ``WRONG_SIGN_IN``; the words and the time taken do not tell whether there is such a user.
        RateLimited
            Too many wrong ones from this address or for this name; then not even the right one is heard.
        """
        wrong = Denied("The name or the password is wrong.", hint="Try again.", code="WRONG_SIGN_IN")
        name = name.strip()
        was = self._checked(name, password, address, wrong)
        fresh = self._passwords.hash(password) if self._passwords.outdated(was) else ""
        lasts = self._lasts()
        with self._store.begin() as tx:
            user = tx.users.by_name(name)
            tx.users.lock(user.id)
            self._require_unchanged(tx, user, was)
            if fresh:
                tx.users.set_password_hash(user.id, fresh)
            return self._open(tx, user, address, lasts)

    def sign_in_owner(self) -> str:
        """Return the token of a new sign-in of the owner, without a password."""
        lasts = self._lasts()
        with self._store.begin() as tx:
            return self._open(tx, tx.users.owner(), "", lasts)

    def visitor(self, token: str | None) -> User | None:
        """Return who is signed in by `token`, as the database said at most two seconds ago; None for nobody."""
        if not token:
            return None
        digest = token_hash(token)
        visit = self._remembered(digest) or self._read(digest)
        return None if visit is None or visit.sign_in.expires_at <= self._clock.now() else visit.user

    def sign_out(self, token: str) -> None:
        """End a sign-in; one that has ended already stays so."""
        digest = token_hash(token)
        with self._store.begin() as tx:
            sign_in = tx.sign_ins.get(digest)
            if sign_in is not None and tx.sign_ins.end(digest):
                self._events.record("SIGNED_OUT", "signed out", tx=tx, user_id=sign_in.user_id)
        self._forget_visits()

    # -- parts

    def _checked(self, name: str, password: str, address: str, wrong: Denied) -> str:
        """Return the stored hash that `password` matches; raise `wrong` or RateLimited, and count, when it does not."""
        keys = [f"name {name[:LONGEST_KEY]}", *([f"address {address[:LONGEST_KEY]}"] if address else [])]
        most = int(self._settings.get("sign_in.failed_rate"))
        self._refuse_often(keys, most)
        with self._door:
            self._refuse_often(keys, most)
            user, stored = self._known(name)
            if self._passwords.matches(password, stored) and stored is not None:
                return stored
            for key in keys:
                self._failures.count(key, most)
        # The name as typed is not written down: people type passwords into the wrong field.
        text, who = f"a password was wrong{_origin(address)}", user.id if user else None
        self._events.record("SIGN_IN_FAILED", text, level=Level.WARNING, user_id=who)
        raise wrong

    def _refuse_often(self, keys: list[str], most: int) -> None:
        wait = max(self._failures.wait(key, most) for key in keys)
        if wait:
            raise RateLimited("Too many wrong passwords.", retry_after=wait, hint="Wait a minute, then try again.")

    def _known(self, name: str) -> tuple[User | None, str | None]:
        with self._store.read() as tx:
            try:
                user = tx.users.by_name(name)
            except NotFound:
                return None, None
            return user, tx.users.password_hash(user.id)

    def _require_unchanged(self, tx: Unit, user: User, was: str) -> None:
        if tx.users.password_hash(user.id) != was:
            raise Conflict("The password was changed just now.", hint="Sign in with the new one.")

    def _put_password(self, tx: Unit, user: User, stored: str, *, first: bool) -> None:
        tx.users.set_password_hash(user.id, stored)
        kind, text = ("PASSWORD_CHOSEN", "the password was chosen") if first else ("PASSWORD_CHANGED", "the password was changed")
        self._events.record(kind, text, tx=tx, user_id=user.id)

    def _open(self, tx: Unit, user: User, address: str, lasts: timedelta) -> str:
        now, token = self._clock.now(), secrets.token_urlsafe(32)
        tx.sign_ins.end_expired(now)
        tx.sign_ins.add(SignIn(token_hash(token), user.id, now, now + lasts))
        self._events.record("SIGNED_IN", f"signed in{_origin(address)}", tx=tx, user_id=user.id)
        return token

    def _lasts(self) -> timedelta:
        return timedelta(hours=int(self._settings.get("sign_in.lasts_hours")))

    def _remembered(self, digest: str) -> Visit | None:
        with self._lock:
            visit = self._visits.get(digest)
        return visit if visit is not None and self._clock.boot_ns() - visit.read_ns < CACHE_NS else None

    def _read(self, digest: str) -> Visit | None:
        epoch, read_ns = self._epoch, self._clock.boot_ns()
        with self._store.read() as tx:
            sign_in = tx.sign_ins.get(digest)
            if sign_in is None or not hmac.compare_digest(sign_in.token_hash, digest):
                return None
            visit = Visit(read_ns, sign_in, tx.users.get(sign_in.user_id))
        with self._lock:
            if epoch == self._epoch:  # else a sign-in ended here while this one was read
                if len(self._visits) >= MOST_CACHED:
                    self._visits.clear()
                self._visits[digest] = visit
        return visit

    def _forget_visits(self) -> None:
        with self._lock:
            self._epoch += 1
            self._visits.clear()


def _chosen() -> Conflict:
    return Conflict("The owner's password was chosen already.", hint="Sign in, or set a new one with `sigma user password`.")


def _origin(address: str) -> str:
    return f" from {address[:LONGEST_KEY]}" if address else ""


def _normal(password: str) -> bytes:
    """Return a password as the bytes that are hashed: the same ones however a keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
