"""Check that the documentation names only what exists: relative links, headings linked to, and files named in backticks.

Run as ``python docs/check_links.py [ROOT]``; prints one line per mistake and exits 1 if there is any.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
# `sigma/domain/money.py` or `docs/adr/`: a path under one of our folders, without wildcards or placeholders.
NAMED_FILE = re.compile(r"`((?:sigma|pages|notebooks|scheduler|tests|bench|docs)/[\w./-]*)(?:::?[\w.:\[\]-]+)?`")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def documents(root: Path) -> list[Path]:
    """All Markdown files that a reader meets: those in the root and those below docs/."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def anchors(text: str) -> set[str]:
    """Return the anchors that a renderer makes from the headings of `text`."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"[^\w\s-]", "", LINK.sub(lambda match: match[0].split("]")[0], heading).lower())
        slug = re.sub(r"\s", "-", plain.strip())
        number = 0
        while (candidate := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(candidate)
    return found


def mistakes(document: Path, root: Path) -> list[str]:
    """Return one line for each link or named file of `document` that does not exist."""
    text = document.read_text(encoding="utf-8")
    name = document.relative_to(root)
    wrong = [f"{name}: `{path}` does not exist" for path in NAMED_FILE.findall(text) if not (root / path).exists()]
    for link in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            wrong.append(f"{name}: the link {link} leads nowhere")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            wrong.append(f"{name}: the link {link} names no heading of {target.name}")
    return wrong


def main(root: Path) -> int:
    """Print every mistake below `root`; return the exit code."""
    found = documents(root)
    wrong = [line for document in found for line in mistakes(document, root)]
    print("\n".join(wrong) if wrong else f"docs: {len(found)} documents, every link and named file exists")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
