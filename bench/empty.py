"""An empty Streamlit page, served as the app is: by its own web process, behind the same gate, from the same home."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sigma.cli.demo.stage import Stage
from sigma.cli.supervise import Program, spawn

SCRIPT = """
import streamlit as st
st.title("Nothing")
@st.fragment
def counter():
    number = st.session_state.get("number", 0)
    if st.button("Count", key="count"):
        number = st.session_state["number"] = number + 1
    st.text(f"counted {number}")
counter()
"""

CLICKS = """async () => {
  const button = [...document.querySelectorAll('button')].find(one => one.innerText.includes('Count'));
  const times = [];
  for (let number = 1; number <= 120; number++) {
    const begin = performance.now();
    const shown = new Promise(done => {
      const watch = new MutationObserver(() => {
        const text = document.querySelector('[data-testid=stText]').textContent;
        if (text.includes(`counted ${number}`)) { watch.disconnect(); done(performance.now()); }
      });
      watch.observe(document.body, {childList: true, subtree: true, characterData: true});
    });
    button.click();
    times.push(await shown - begin);
    await new Promise(done => setTimeout(done, 20));
  }
  return times.slice(20);
}"""


@contextmanager
def serving(stage: Stage, text: str = SCRIPT) -> Iterator[str]:
    """Serve a page, the empty one or another, beside a stage and give its address; the stage's sign-ins hold there too."""
    script, announced = stage.home.folder / "empty.py", threading.Event()
    script.write_text(text)
    address: list[str] = []
    process = spawn(Program("empty", "bench.empty", (str(stage.home.folder), str(script))))

    def read() -> None:
        for line in process.stdout or ():
            if "listening on" in line:
                address.append(line.split()[-1])
                announced.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        if not announced.wait(30):
            raise RuntimeError("the empty page did not start")
        yield address[0]
    finally:
        process.terminate()
        process.wait()
        reader.join()


def main(home: str, script: str) -> None:
    """Serve `script` as the app is served."""
    import os

    os.environ["SIGMA_HOME"] = home
    from pages.web.app import create_app
    from pages.web.state import arrivals, entrance
    from sigma.infra.serving import leave_on_signals, listen, serve

    leave_on_signals()
    with closing(entrance()) as way_in:
        serve("web", create_app(way_in, arrivals(), script=Path(script)), listen("127.0.0.1", 0), websockets=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
