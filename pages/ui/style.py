"""The whole stylesheet; everything else of the look is in ``.streamlit/config.toml``.

The bar is drawn in a fragment, which wraps it: it is that wrapper, a child of the page's column, that stays in sight.
"""

STYLESHEET = """<style>
div:has(> div > div > .st-key-bar){position:sticky;top:.5rem;margin-top:-3.9rem;height:2.9rem;z-index:999990}
div:has(> div > div > .st-key-bar){width:calc(100% - 2rem)}
@media(max-width:768px){div:has(> div > div > .st-key-bar){margin-left:2rem;width:calc(100% - 4rem)}}
@media(max-width:768px){.st-key-kill kbd{display:none}}
[data-testid=stSidebarNavLink]:focus-visible{outline:2px solid currentColor;outline-offset:-2px}
.st-key-person a{color:inherit}
.st-key-login-link a{display:inline-block;padding:.4rem 1rem;border-radius:.4rem;text-decoration:none}
.st-key-login-link a{background:#1F4FBF;color:#FFF}
@media(prefers-color-scheme:dark){.st-key-login-link a{background:#5B8DEF;color:#0B1220}}
@media(prefers-color-scheme:dark){[class*="st-key-go_"] button:enabled :is(p,span){color:#0B1220}}
</style>"""
