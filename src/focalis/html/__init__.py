"""What the pages that focalis writes have in common: one look, one file, and no network.

`page.css` and `page.js` are of every page, and Plotly's own script (from the package plotly) goes into
it, so that it opens now and in ten years.
"""

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from focalis.files import write_whole

__all__ = ["asset", "content_security_policy", "embedded_json", "plotly_script", "write_page"]


def asset(package: str, name: str) -> str:
    """Return the text of a file of a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def plotly_script() -> str:
    """Return the script of Plotly."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def content_security_policy(*scripts: str) -> str:
    """Allow exactly these scripts and no network: the browser enforces what the page promises."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    sources = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def embedded_json(value: Any) -> str:
    """Write JSON that no text in it can end the script element of; NaN is an error."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def write_page(path: Path, text: str) -> None:
    """Write a page that is there in full or not at all."""
    write_whole(path, text.encode())
