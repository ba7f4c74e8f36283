"""Settings: typed by the registry in domain/settings.py, stored as text, cached for a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sigma.domain.errors import ConfigError, InvalidInput, NotFound
from sigma.domain.settings import SETTINGS, SettingScope, SettingSpec, Value, setting
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services.events import EventsService
from sigma.services.owner import require_owner

CACHE_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting with the value in force for a user; `changed` says that it is not the default."""

    spec: SettingSpec
    value: Value
    changed: bool


class SettingsService:
    """Reads and changes settings. A value lives in the database and nowhere else: the environment does not override it.

    Reads are cached in the process for a second of real time; what this process changes it sees at once.
    """

    def __init__(self, store: Store, clock: Clock, events: EventsService) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._cache: dict[int | None, tuple[int, Mapping[str, str]]] = {}
        self.changes = 0
        """How often this process changed a setting."""

    def get(self, name: str, user_id: int | None = None) -> Value:
        """Return the value of `name` in force: the stored one, else the default.

        Raises
        ------
        InvalidInput
            There is no such setting.
        ConfigError
            What is stored does not fit the registry (any more).
        """
        spec = setting(name)
        text = self._texts(_holder(spec, user_id)).get(name)
        return spec.default if text is None else _parsed(spec, text)

    def seconds(self, name: str, user_id: int | None = None) -> float:
        """Return a setting that is a number."""
        return float(self.get(name, user_id))

    def snapshot(self, user_id: int | None = None) -> Mapping[str, Value]:
        """Return every setting's value in force, from the cache."""
        return {name: self.get(name, user_id) for name in SETTINGS}

    def set(self, name: str, value: object, *, user_id: int) -> Value:
        """Store a new value and return it as the registry reads it; the change is an audit event.

        Raises
        ------
        InvalidInput
            No such setting, a wrong type, out of bounds, or the name of an account that the user has not.
        Denied
            A setting of the installation, and the user is not its owner.
        """
        spec = setting(name)
        parsed = spec.parse(value)
        with self._store.begin() as tx:
            self._allow(tx, spec, user_id)
            if spec.names_account and parsed:
                _check_account(tx, spec, str(parsed), user_id)
            holder = _holder(spec, user_id)
            before = tx.journal.settings(holder).get(name, _text(spec.default))
            tx.journal.put_setting(holder, name, _text(parsed))
            told = f"{name} was {before or 'empty'}, is {_text(parsed) or 'empty'}"
            self._events.record("SETTING_CHANGED", told, user_id=user_id, name=name, before=before, after=_text(parsed), tx=tx)
        self._cache.pop(holder, None)
        self.changes += 1
        return parsed

    def table(self, user_id: int) -> Sequence[SettingRow]:
        """Return all settings with the values in force for a user, by name."""
        rows = []
        for name, spec in sorted(SETTINGS.items()):
            value = self.get(name, user_id)
            rows.append(SettingRow(spec, value, value != spec.default))
        return rows

    def _allow(self, tx: Unit, spec: SettingSpec, user_id: int) -> None:
        if spec.scope is SettingScope.SYSTEM:
            require_owner(tx, user_id, f"Setting {spec.name}")

    def _texts(self, holder: int | None) -> Mapping[str, str]:
        now = self._clock.boot_ns()
        cached = self._cache.get(holder)
        if cached is not None and now - cached[0] < CACHE_NS:
            return cached[1]
        with self._store.read() as tx:
            texts = dict(tx.journal.settings(holder))
        self._cache[holder] = (now, texts)
        return texts


def _check_account(tx: Unit, spec: SettingSpec, name: str, user_id: int) -> None:
    try:
        tx.accounts.by_name(user_id, name)
    except NotFound as error:
        told = f"Setting {spec.name} takes the name of an account, and there is none {name!r}."
        raise InvalidInput(told, hint=error.hint) from error


def _holder(spec: SettingSpec, user_id: int | None) -> int | None:
    """Return whose row a setting is in; a user's setting asked without a user is its default's."""
    return user_id if spec.scope is SettingScope.USER else None


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(spec: SettingSpec, text: str) -> Value:
    try:
        return spec.parse(text)
    except InvalidInput as error:
        hint = f"Set it anew: `sigma settings set {spec.name} VALUE` (default {_text(spec.default)})."
        raise ConfigError(f"The stored value does not fit: {error.message}", hint=hint) from error
