"""The accounts a simulator starts with. Their credentials are public test values, good for nothing else.

One-time-code secrets are twice the usual example text, because `pyotp` refuses secrets below 112 bits.
"""

from __future__ import annotations

from decimal import Decimal

from sigma.simulator.model import SimAccount, SimHolding
from sigma.simulator.securities import Universe

ZERODHA, ANGELONE = "zerodha", "angelone"

# listing, settled, T1, pledged, average price in rupees
_FIRST = (
    ("NSE:INFY", 40, 0, 0, "1421.3575"),
    ("NSE:RELIANCE", 25, 0, 10, "1288.90"),
    ("NSE:SBIN", 100, 20, 0, "742.615"),
    ("BSE:TCS", 12, 0, 0, "3290.00"),
    ("NSE:NIFTYBEES", 250, 0, 150, "231.42"),
    ("NSE:M&M", 8, 0, 0, "2755.40"),
    ("NSE:YESBANK", 1500, 0, 0, "17.93"),
    ("NSE:GTLINFRA-BE", 400, 0, 0, "2.11"),
)
_SECOND = (("NSE:ITC", 60, 0, 0, "431.05"), ("NSE:GOLDBEES", 120, 30, 0, "78.26"))
_THIRD = (
    ("NSE:INFY", 15, 5, 0, "1502.10"),
    ("NSE:HDFCBANK", 50, 0, 20, "871.48"),
    ("NSE:SBIN", 30, 0, 0, "801.25"),
    ("BSE:ITC", 90, 0, 0, "399.9333"),
    ("NSE:BAJAJ-AUTO", 2, 0, 0, "8420.00"),
    ("NSE:TATAPOWER", 75, 0, 0, "352.60"),
)
_FOURTH = (("NSE:COALINDIA", 40, 0, 0, "391.20"),)


def default_accounts(universe: Universe) -> list[SimAccount]:
    """Return two Kite and two SmartAPI accounts with holdings and money."""
    return [
        _account(universe, ZERODHA, "AB1234", "Asha Bhat", "kitekey", {"api_secret": "kitesecret"}, 1_000_000, _FIRST),
        _account(universe, ZERODHA, "CD5678", "Chetan Dalvi", "kitekey2", {"api_secret": "kitesecret2"}, 150_000, _SECOND),
        _account(
            universe, ANGELONE, "A100001", "Anil Deshmukh", "smartkey",
            {"pin": "1234", "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}, 800_000, _THIRD,
        ),
        _account(
            universe, ANGELONE, "A100002", "Bela Gokhale", "smartkey2",
            {"pin": "4321", "totp_secret": "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"}, 100_000, _FOURTH,
        ),
    ]  # fmt: skip


def _account(
    universe: Universe,
    broker: str,
    client_id: str,
    name: str,
    api_key: str,
    secrets: dict[str, str],
    cash: int,
    rows: tuple[tuple[str, int, int, int, str], ...],
) -> SimAccount:
    account = SimAccount(broker, client_id, name, f"{client_id.lower()}@example.com", api_key, secrets, Decimal(cash))
    for listing, settled, t1, pledged, average in rows:
        security = universe.get(listing)
        if security is None or security.isin is None:
            raise ValueError(f"{listing} is not in the table of securities")
        account.holdings[security.isin] = SimHolding(security, settled, Decimal(average), t1, pledged)
        account.collateral += (security.base_price * pledged * Decimal("0.90")).quantize(Decimal("0.01"))
    return account
