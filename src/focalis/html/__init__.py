"""What the HTML pages of focalis share: one look, one file each, and no network access.

Every page embeds `page.css`, `page.js` and Plotly's script (from the package plotly), so that it still
opens in ten years.
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
    """Return the text of a file in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def plotly_script() -> str:
    """Return Plotly's script."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def content_security_policy(*scripts: str) -> str:
    """Allow exactly these scripts and no network access; the browser enforces it."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    sources = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def embedded_json(value: Any) -> str:
    """Return JSON that cannot end the script element it is embedded in; NaN is an error."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def write_page(path: Path, text: str) -> None:
    """Write a page completely or not at all."""
    write_whole(path, text.encode())
