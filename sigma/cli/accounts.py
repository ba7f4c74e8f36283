"""`sigma accounts …` and `sigma login`: logins at brokers, and the credentials they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Json, Yes, confirm, console, credentials, desk, say
from sigma.cli.table import as_json, show
from sigma.domain.accounts import SessionStatus
from sigma.domain.errors import InvalidInput

if TYPE_CHECKING:
    from sigma.desk import Desk

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--credential", "-c", metavar="KEY=VALUE",
        help="Seen by whoever can list this machine's processes: better let it ask (hidden), or set SIGMA_CREDENTIAL_<KEY>.",
    ),
]  # fmt: skip

app = typer.Typer(help="Accounts at brokers.", invoke_without_command=True)


@app.callback()
def accounts(ctx: typer.Context, raw: Json = False) -> None:
    """List accounts."""
    if ctx.invoked_subcommand is None:
        listing(raw)


@app.command("list")
def list_accounts(raw: Json = False) -> None:
    """List accounts (what `sigma accounts` does)."""
    listing(raw)


def listing(raw: bool) -> None:
    """Print accounts."""
    with desk() as opened:
        rows = tables.rows(opened.accounts.table())
        empty = "No accounts yet. Add one: `sigma accounts add zerodha --name main`, or try `sigma demo`."
        show(console(), rows, tables.accounts(opened.now()), empty=empty, raw=raw)


@app.command()
def add(
    broker: Annotated[str, typer.Argument(help="Name of the broker: zerodha, angelone, paper.")],
    name: Annotated[str, typer.Option("--name", help="What you want to call it.")],
    credential: Given = None,
    cash: Annotated[str | None, typer.Option("--cash", help="Rupees that a paper account begins with.")] = None,
) -> None:
    """Add an account; its keys are asked for, hidden, and kept encrypted."""
    with desk() as opened:
        capabilities = opened.capabilities(broker)
        entered = credentials(capabilities.credentials, credential or [])
        added = opened.accounts.add(broker, name=name, cash=cash, **entered)
        say(f"Account {added.name} at {capabilities.title} was added{' and is the default' if added.is_default else ''}.")
        say(Text(f"  Next: `sigma login {added.name!r}`" if " " in added.name else f"  Next: `sigma login {added.name}`", "dim"))


@app.command()
def update(
    name: Name,
    rename: Annotated[str | None, typer.Option("--rename", help="New name.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether strategies may send orders there.")] = None,
    mode: Annotated[str | None, typer.Option("--mode", help="NORMAL, EXIT_ONLY or PAUSED.")] = None,
    auth: Annotated[str | None, typer.Option("--auth", help="manual, or auto: log in with stored credentials.")] = None,
    consent: Annotated[bool, typer.Option("--consent", help="I read what automatic login means and agree.")] = False,
    new_credentials: Annotated[bool, typer.Option("--credentials", help="Ask for all its credentials anew.")] = False,
    credential: Given = None,
) -> None:
    """Change an account."""
    with desk() as opened:
        fields: tuple[str, ...] = opened.capabilities(name).credentials if new_credentials else ()
        if auth == "auto":
            fields += ("pin", "totp_secret")
        entered = credentials(fields, credential or [])
        if entered == {} and all(change is None for change in (rename, enabled, mode, auth)):
            raise InvalidInput("What shall be changed?", hint="`sigma accounts update --help` lists it.")
        after = opened.accounts.update(
            name,
            name=rename,
            enabled=enabled,
            is_default=None,
            trading_mode=mode,
            auth_mode=auth,
            consent=consent,
            **entered,
        )
        say(f"Account {after.name} was changed.")


@app.command()
def remove(
    name: Name,
    next_default: Annotated[str | None, typer.Option("--next-default", help="Which account becomes the default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Although orders are at work, which nobody will watch.")] = False,
    yes: Yes = False,
) -> None:
    """Erase an account's credentials and login; its orders and fills stay."""
    with desk() as opened:
        confirm(f"Erase credentials and login of {name}? Its orders and fills are kept.", yes=yes)
        opened.accounts.remove(name, next_default=next_default, force=force)
        say(f"Account {name} was removed.")


@app.command()
def reset(
    name: Name,
    cash: Annotated[str | None, typer.Option("--cash", help="Rupees that it begins with; else as a new one.")] = None,
    yes: Yes = False,
) -> None:
    """Begin a paper account anew: nothing held, its orders and executions stay in the lists."""
    with desk() as opened:
        confirm(f"Throw away positions, holdings and money of {name}?", yes=yes)
        opened.accounts.reset(name, cash=cash)
        say(f"Paper account {name} begins anew.")


@app.command()
def default(name: Name) -> None:
    """Make an account the default."""
    with desk() as opened:
        opened.accounts.update(name, is_default=True)
        say(f"{name} is the default account.")


@app.command()
def disconnect(name: Name, yes: Yes = False) -> None:
    """Log out at the broker and erase the login; credentials stay."""
    with desk() as opened:
        confirm(f"Log {name} out? Nothing is sent or read there until `sigma login {name}`.", yes=yes)
        status = opened.accounts.disconnect(name)
        say(f"{name} is disconnected.{f' {status.error}' if status.error else ''}")


@app.command()
def release(
    name: Name, reason: Annotated[str, typer.Option(help="Why it may send again; kept in the audit trail.")], yes: Yes = False
) -> None:
    """Let an account that was frozen send again."""
    with desk() as opened:
        confirm(f"Let {name} send orders again?", yes=yes)
        opened.risk.release(name, reason=reason)
        say(f"{name} may send again.")


@app.command()
def status(name: Name, raw: Json = False) -> None:
    """Ask the broker now whether the login still holds."""
    with desk() as opened:
        found = opened.accounts.status(name, refresh=True)
        if raw:
            say(as_json({key: getattr(found, key) for key in found.__dataclass_fields__}))
            return
        _told(found, opened)


@app.command()
def connect(name: Name, credential: Given = None) -> None:
    """Log in (the same as `sigma login`)."""
    login(name, credential)


def login(name: Name, credential: Given = None) -> None:
    """Log an account in at its broker; what is asked for is hidden, used once and not kept."""
    with desk() as opened:
        capabilities = opened.capabilities(name)
        entered = credentials((), credential or [])
        if capabilities.login_redirect and not entered:
            say("Log in there:")
            say(f"  {opened.accounts.login_url(name)}")
            say(Text("Then paste the whole address your browser was sent to, or only what follows request_token= in it.", "dim"))
        if "access_token" not in entered:
            entered = credentials(capabilities.login_fields, [f"{key}={value}" for key, value in entered.items()])
        _told(opened.accounts.connect(name, **entered), opened)


def _told(status: SessionStatus, opened: Desk) -> None:
    now = opened.now()
    who = " ".join(filter(None, (status.user_name, f"({status.client_id})" if status.client_id else "")))
    until = Text.assemble(", until ", texts.when(status.expires_at, now), " IST") if status.expires_at else Text("")
    say(Text.assemble((status.account, "bold"), "  ", texts.session(status.state), f"  {who}", until))
    if status.error:
        say(Text(f"  {status.error}", "yellow"))


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Accounts"
    root.add_typer(app, name="accounts", rich_help_panel=panel)
    root.command(rich_help_panel=panel)(login)
