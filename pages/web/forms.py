"""The few pages that are not Streamlit's: plain HTML without a script, in the colours of the theme."""

from __future__ import annotations

import tomllib
from functools import cache
from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse

from pages.web.headers import digest

CONFIG = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"
COLOURS = {
    "page": "backgroundColor",
    "panel": "secondaryBackgroundColor",
    "text": "textColor",
    "border": "borderColor",
    "primary": "primaryColor",
    "link": "linkColor",
    "quiet": "grayTextColor",
    "wrong": "redTextColor",
    "wrong-back": "redBackgroundColor",
}
ON_PRIMARY = {"light": "#FFFFFF", "dark": "#0B1220"}
STYLE = """
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1rem;
background:var(--page);color:var(--text);font:14px/1.5 "Source Sans 3","Source Sans Pro",system-ui,sans-serif}
main{width:100%;max-width:22rem;padding:1.5rem;background:var(--panel);border:1px solid var(--border);border-radius:.5rem}
h1{margin:0 0 .25rem;font-size:1.3rem;line-height:1.3}
p{margin:.25rem 0 1rem;color:var(--quiet)}
p.wrong{padding:.5rem .75rem;border-radius:.25rem;color:var(--wrong);background:var(--wrong-back)}
label{display:block;margin:0 0 .9rem;font-weight:600}
input{display:block;width:100%;margin-top:.25rem;padding:.5rem .6rem;font:inherit;color:var(--text);background:var(--page);
border:1px solid var(--border);border-radius:.25rem;font-weight:400}
input[readonly]{color:var(--quiet);background:var(--panel)}
button{width:100%;padding:.55rem;font:inherit;font-weight:600;border:0;border-radius:.25rem;cursor:pointer;
color:var(--on-primary);background:var(--primary)}
a{color:var(--link)}
:focus-visible{outline:2px solid var(--primary);outline-offset:2px}
"""


@cache
def style() -> str:
    """Return the stylesheet: the theme's colours, light or dark as the browser asks."""
    theme = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"]
    sets = {}
    for mode in ("light", "dark"):
        colours = {name: theme[mode][key] for name, key in COLOURS.items()} | {"on-primary": ON_PRIMARY[mode]}
        sets[mode] = "".join(f"--{name}:{colour};" for name, colour in colours.items())
    dark = f"@media(prefers-color-scheme:dark){{:root{{{sets['dark']}}}}}"
    return f":root{{color-scheme:light dark;{sets['light']}}}{dark}{STYLE}"


def page(title: str, body: str, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Return a page of ours: `body` is HTML, `title` is text. It runs no script and is kept by no cache."""
    html = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} · SigmaTrader</title><link rel="icon" href="/favicon.png"><style>{style()}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    allowed = f"default-src 'none'; style-src {digest(style())}; img-src 'self'; form-action 'self'; base-uri 'none'"
    policy = f"{allowed}; frame-ancestors 'none'"
    return HTMLResponse(html, status, {"Content-Security-Policy": policy, "Cache-Control": "no-store", **(headers or {})})


def form(action: str, fields: str, button: str, *, words: str = "", wrong: str = "") -> str:
    """Return a form: `fields` is HTML, the rest is text; `wrong` says why the last try failed."""
    said = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    lead = f"<p>{escape(words)}</p>" if words else ""
    return f'{lead}{said}<form method="post" action="{escape(action)}">{fields}<button>{escape(button)}</button></form>'


def field(label: str, name: str, kind: str, complete: str, *, value: str = "", focus: bool = False, fixed: bool = False) -> str:
    """Return one labelled input; `complete` tells a password manager what it is; a `fixed` one can be read only."""
    more = f' value="{escape(value)}"' if value else ""
    more += (" autofocus" if focus else "") + (" readonly" if fixed else "")
    return f'<label>{escape(label)}<input name="{name}" type="{kind}" autocomplete="{complete}" required{more}></label>'


def hidden(name: str, value: str) -> str:
    """Return an input that nobody sees."""
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'
