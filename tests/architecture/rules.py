"""Rules of the house that import-linter cannot see, each a function from a parsed file to complaints."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CODE = ("sigma", "scheduler", "pages", "bench", "docs", "tests")
PRODUCT = ("sigma", "scheduler", "pages")
FILE_LINES = 450
FUNCTION_LINES = 60
BROKER_NAMES = re.compile(r"zerodha|angel|kite|smartapi|fyers", re.IGNORECASE)
CLOCKS = ("sigma/infra/clock.py", "sigma/simulator/clock.py")
WALL_CLOCK = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "pandas.Timestamp.now",
    "pandas.Timestamp.today",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
    "time.time",
    "time.time_ns",
}
NUMERIC = {"numpy", "pandas", "polars", "scipy", "talib"}
# What an array holds (its dtype) is a word of the domain.
ARRAYS = {"sigma/domain/bars.py", "sigma/domain/ticks.py"}
DOOR_LIBRARIES = {"numpy", "pandas", "plotly", "rich"}


@dataclass(frozen=True)
class Source:
    """One file of ours: `name` is its path below the root, with slashes."""

    name: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, name: str, text: str) -> Source:
        return cls(name, text, ast.parse(text, filename=name))

    def within(self, *folders: str) -> bool:
        return any(self.name == folder or self.name.startswith(f"{folder}/") for folder in folders)


Rule = Callable[[Source], Iterator[str]]


def sources(root: Path, folders: tuple[str, ...] = CODE) -> list[Source]:
    """Read every Python file of ours below `root`."""
    files = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    files += [path for path in [root / "streamlit_app.py"] if path.exists()]
    return [Source.of(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in files]


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted module) of every absolute import, at whatever depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def foreign_imports(tree: ast.AST, allowed: set[str]) -> Iterator[str]:
    """Yield a complaint for each import that is neither the standard library's nor in `allowed` (dotted prefixes)."""
    for line, module in imported_modules(tree):
        parts = module.split(".")
        prefixes = {".".join(parts[: depth + 1]) for depth in range(len(parts))}
        if parts[0] not in sys.stdlib_module_names and not prefixes & allowed:
            yield f"{line}: imports {module}"


def standard_library_only(source: Source) -> Iterator[str]:
    """Domain knows the standard library and itself, two files numpy besides; engines add the numeric libraries."""
    if source.within("sigma/domain"):
        yield from foreign_imports(source.tree, {"sigma.domain"} | ({"numpy"} if source.name in ARRAYS else set()))
    elif source.within("sigma/engines"):
        yield from foreign_imports(source.tree, {"sigma.domain", "sigma.engines"} | NUMERIC)


def page_imports(source: Source) -> Iterator[str]:
    """Pages and streamlit_app reach the core through `sigma`, desk and domain's values only; pages/web is a server besides."""
    if source.within("pages", "streamlit_app.py"):
        allowed = {"streamlit", "pages", "sigma.desk", "sigma.domain"} | DOOR_LIBRARIES
        if source.within("pages/web"):
            allowed |= {"starlette", "structlog", "sigma.infra.serving"}
        for complaint in foreign_imports(source.tree, allowed):
            if not complaint.endswith("imports sigma"):
                yield complaint


def notebook_imports(code: str) -> Iterator[str]:
    """A notebook reaches the core through `import sigma`; the simulator is started as a process."""
    for complaint in foreign_imports(ast.parse(code), DOOR_LIBRARIES | {"IPython"}):
        if not complaint.endswith("imports sigma"):
            yield complaint


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Return what `node` refers to ("datetime.datetime.now"), with the file's import aliases resolved; "" if not a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def import_names(tree: ast.AST) -> dict[str, str]:
    """Map each name that an import binds to what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def wall_clock(source: Source) -> Iterator[str]:
    """Only the Clock port says what time it is (a reference counts as a call: it may be handed on)."""
    if not source.within(*PRODUCT) or source.name in CLOCKS:
        return
    names = import_names(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and dotted(node, names) in WALL_CLOCK:
            yield f"{node.lineno}: {dotted(node, names)} reads the wall clock; ask the Clock port"


def swallowed_error(source: Source) -> Iterator[str]:
    """No handler catches everything namelessly, and none drops whatever happened."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else ""
        silent = all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
        if not caught:
            yield f"{node.lineno}: bare except"
        elif silent and caught in {"Exception", "BaseException"}:
            yield f"{node.lineno}: except {caught} without a word"


def long_function(source: Source) -> Iterator[str]:
    """A function fits on a screen. Migrations are lists of tables and may be longer."""
    if source.within("sigma/store/migrations"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.lineno}: {node.name} has {lines} lines, more than {FUNCTION_LINES}"


def long_file(source: Source) -> Iterator[str]:
    """A file can be read in one sitting."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES:
        yield f"1: {lines} lines, more than {FILE_LINES}"


def written_name(node: ast.AST) -> str:
    """Return the name or text that `node` puts into the program; "" for any other node."""
    for attribute in ("id", "attr", "arg", "name", "value"):
        word = getattr(node, attribute, None)
        if isinstance(word, str):
            return word
    return ""


def broker_name(source: Source) -> Iterator[str]:
    """Nothing outside a broker's own folder, the simulator, the wiring and the command line names a broker; docstrings may."""
    own = re.compile(r"sigma/adapters/\w+/|sigma/simulator/|sigma/bootstrap\b|sigma/cli/")
    if not source.within(*PRODUCT) or own.match(source.name):
        return
    texts = {
        id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(source.tree):
        if id(node) not in texts and BROKER_NAMES.search(written_name(node)):
            yield f"{getattr(node, 'lineno', 1)}: names a broker: {written_name(node)[:60]!r}"


RULES: tuple[Rule, ...] = (
    standard_library_only,
    page_imports,
    wall_clock,
    swallowed_error,
    long_function,
    long_file,
    broker_name,
)
