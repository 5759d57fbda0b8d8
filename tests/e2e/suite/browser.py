"""A real browser that looks at a page, and says what it sees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_PLACE = "what-the-browser-saw"


def look(page: Path, script: str, scratch: Path, width: int, *options: str) -> Any:
    """What an expression of JavaScript comes to once the page is laid out in a window of this width."""
    watched = scratch / f"watched-{width}.html"
    watched.write_text(
        page.read_text()
        + f'<pre id="{_PLACE}" hidden></pre><script>'
        + f"document.getElementById('{_PLACE}').textContent = JSON.stringify({script})</script>"
    )
    seen = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={scratch / f'profile-{width}'}",
            f"--window-size={width},900",
            *options,
            "--dump-dom",
            watched.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    found = re.search(f'<pre id="{_PLACE}"[^>]*>(.*?)</pre>', seen, re.DOTALL)
    assert found, seen[-500:]
    return json.loads(unescape(found[1]))
