"""The key that credentials and sessions are encrypted with: where it comes from, how it is checked, how it is changed.

The database holds one known text encrypted with the key. Whoever opens it with another key is told so at once; nothing
is ever encrypted anew by itself.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Table, Update, bindparam, delete, exists, select, update

from sigma.domain.accounts import AuthMode
from sigma.domain.errors import ConfigError, Conflict
from sigma.store.database import Database, Link, make_private_home
from sigma.store.schema import account_secrets, account_sessions, accounts, secret_check
from sigma.store.statements import putting

_CHECK_TEXT = "sigma key check"
_NO_BACKUP = "If it is gone for good, `sigma db erase-credentials` lets you enter them anew."
_CHECK = select(secret_check.c.token)
_ANY_SECRET = select(exists(select(account_secrets.c.account_id)) | exists(select(account_sessions.c.account_id)))
_ENCRYPTED = (account_secrets, account_sessions)


class SecretCipher:
    """Encrypts with the first key, decrypts with any of them (Fernet).

    Parameters
    ----------
    keys : sequence of str
        Fernet keys: 32 bytes in URL-safe base64. More than one only while keys are being changed.
    source : Path or None
        The file they came from; None for the environment.

    Raises
    ------
    ConfigError
        A key is no Fernet key.
    """

    def __init__(self, keys: Sequence[str], *, source: Path | None = None) -> None:
        self.source = source
        self.keys = tuple(keys)
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ConfigError(
                f"The key in {self.origin} is no valid key: it must be 32 bytes in URL-safe base64.",
                hint="Put the key back that was there before.",
            ) from None

    def __repr__(self) -> str:
        return f"<SecretCipher from {self.origin}>"

    @property
    def origin(self) -> str:
        """Where the key came from, in words."""
        return str(self.source) if self.source else "SIGMA_KEY"

    def encrypt(self, text: str) -> str:
        """Return `text` encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the text of `token`.

        Raises
        ------
        ConfigError
            It was encrypted with another key, or changed since.
        """
        try:
            return self._fernet.decrypt(token).decode()
        except InvalidToken:
            raise wrong_key(self) from None

    def opens(self, token: str) -> bool:
        """Say whether `token` was encrypted with one of these keys."""
        try:
            self._fernet.decrypt(token)
        except InvalidToken:
            return False
        return True


def new_key() -> str:
    """Return a fresh random key."""
    return Fernet.generate_key().decode()


def wrong_key(cipher: SecretCipher) -> ConfigError:
    """Return the error for a key that does not fit the database."""
    return ConfigError(
        f"The key from {cipher.origin} is not the one that the stored credentials were encrypted with.",
        hint=f"Put the right key back: without it nobody can read them. {_NO_BACKUP}",
        code="WRONG_KEY",
    )


def load_cipher(home: Path, *, url: str | None = None, environ: Mapping[str, str] | None = None) -> SecretCipher:
    """Return the cipher of an installation: SIGMA_KEY (keys separated by commas), else the file `key` in its home.

    The file is made on the first run, that is while the database holds nothing encrypted.

    Raises
    ------
    ConfigError
        The key is lost while there are secrets, the file may not be read, or the key is malformed.
    """
    from_environment = (os.environ if environ is None else environ).get("SIGMA_KEY", "").strip()
    if from_environment:
        return SecretCipher([key.strip() for key in from_environment.split(",") if key.strip()])
    path = home / "key"
    if not path.exists():
        if holds_secrets(home, url):
            raise ConfigError(
                f"The key that the stored credentials were encrypted with is gone: {path} is missing and SIGMA_KEY is not set.",
                hint=f"Put the key back from your backup. A new one would make the credentials unreadable for ever. {_NO_BACKUP}",
                code="LOST_KEY",
            )
        make_private_home(home)
        _make_key_file(path)
    return read_key_file(path)


def holds_secrets(home: Path, url: str | None) -> bool:
    """Say whether the database holds anything encrypted that a person entered."""
    database = Database("sigma", home, url, durable=True)
    try:
        if database.revision() is None:
            return False
        with database.read() as link:
            return _any_secret(link)
    finally:
        database.close()


def _any_secret(link: Link) -> bool:
    row = link.first(_ANY_SECRET)
    return row is not None and bool(row[0])


def _make_key_file(path: Path) -> None:
    """Put a fresh key in place, whole; where another process was quicker, its key stays."""
    part = _write_keys(path, [new_key()])
    try:
        os.link(part, path)
    except FileExistsError:
        return
    finally:
        part.unlink()
    sync_folder(path.parent)


def read_key_file(path: Path) -> SecretCipher:
    """Return the cipher of a key file: one key a line, the first encrypts."""
    try:
        keys = path.read_text(encoding="ascii").split()
        mode = path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The key file {path} cannot be read: {error}.", hint="Check its owner and mode (0600).") from error
    if mode:
        raise ConfigError(f"The key file {path} can be read by others.", hint=f"Run: chmod 600 {path}")
    if not keys:
        raise ConfigError(f"The key file {path} is empty.", hint="Put the key back from your backup.", code="LOST_KEY")
    return SecretCipher(keys, source=path)


def check_key(database: Database, cipher: SecretCipher) -> None:
    """Compare the key with the database; the first key that meets a database without secrets becomes its key.

    Raises
    ------
    ConfigError
        It is another key than the stored secrets'.
    """
    with database.read() as link:
        row = link.first(_CHECK)
    if row is None or not cipher.opens(row.token):
        with database.write() as link:
            require_key(link, cipher)


def require_key(link: Link, cipher: SecretCipher) -> None:
    """Make sure, in a write unit, that what is about to be encrypted can be read by whoever holds the database's key.

    Raises
    ------
    ConfigError
        It is another key than the stored secrets'.
    """
    row = link.first(_CHECK)
    if row is not None and cipher.opens(row.token):
        return
    if _any_secret(link):
        raise wrong_key(cipher)
    _put_check(link, cipher)


def _put_check(link: Link, cipher: SecretCipher) -> None:
    link.write(putting(link.dialect, secret_check, "id"), {"id": 1, "token": cipher.encrypt(_CHECK_TEXT)})


def erase_unreadable(link: Link, cipher: SecretCipher | None) -> int:
    """Erase all credentials and logins that no key opens any more, and return how many there were; accounts stay.

    Automatic logins end, since what they used is gone. The next start makes a new key, or takes the one that is there.

    Parameters
    ----------
    cipher : SecretCipher or None
        The key there is; None when it is lost.

    Raises
    ------
    Conflict
        The key fits: nothing is unreadable.
    """
    row = link.first(_CHECK)
    if cipher is not None and (row is None or cipher.opens(row.token)):
        hint = "`sigma accounts remove NAME` erases one account's."
        raise Conflict(f"The key from {cipher.origin} opens the stored credentials: nothing is lost.", hint=hint)
    erased = sum(link.write(delete(table)).rowcount for table in _ENCRYPTED)
    link.write(delete(secret_check))
    link.write(update(accounts).values(auth_mode=AuthMode.MANUAL, version=accounts.c.version + 1))
    return erased


def recrypt(link: Link, old: SecretCipher, new: SecretCipher) -> int:
    """Encrypt everything anew inside one write unit and return how many values that were."""
    require_key(link, old)
    count = 0
    for table in _ENCRYPTED:
        keys = list(table.primary_key.columns)
        for row in link.all(select(*keys, table.c.token).with_for_update()):
            values = {f"at_{key.name}": getattr(row, key.name) for key in keys}
            link.write(_retoken(table), values | {"new_token": new.encrypt(old.decrypt(row.token))})
            count += 1
    _put_check(link, new)
    return count


def _retoken(table: Table) -> Update:
    where = [key == bindparam(f"at_{key.name}") for key in table.primary_key.columns]
    return update(table).where(*where).values(token=bindparam("new_token"))


def write_key_file(path: Path, keys: Sequence[str]) -> None:
    """Replace a key file in one step that survives a power cut."""
    os.replace(_write_keys(path, keys), path)
    sync_folder(path.parent)


def _write_keys(path: Path, keys: Sequence[str]) -> Path:
    """Write keys into a new private file beside `path` and return it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w") as file:
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
