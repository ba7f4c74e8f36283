"""The app: who is it, which page do they want. Pages draw themselves."""

from pathlib import Path

import streamlit as st

from pages.ui.bar import bar, person
from pages.ui.dialogs import draw_wanted
from pages.ui.first_look import send_to_login_first
from pages.ui.navigation import menu
from pages.ui.session import desk, visitor
from pages.ui.states import broken
from pages.ui.style import STYLESHEET
from sigma.domain.errors import SigmaError

icon = Path(__file__).parent / "pages" / "ui" / "icon.svg"
st.set_page_config(page_title="SigmaTrader", page_icon=icon, layout="wide", initial_sidebar_state=200)
try:
    user = visitor()
    page = menu(user.role, {"queue": desk().orders.count(status="WAITING", mode="MANUAL")})
    send_to_login_first()
    st.html(STYLESHEET)
    draw_wanted(page.url_path)
    bar()
    person()
    page.run()
except SigmaError as error:
    broken(error)
