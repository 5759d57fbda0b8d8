"""A real browser with a page open: it is asked what it shows, and its keys are pressed."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import websocket

from tests.e2e.suite.browser import CHROMIUM

WITHIN_S = 60
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "Home": 36, " ": 32}

CONTRASTS = """(() => {
  document.querySelectorAll('details').forEach(each => { each.open = true })
  const parts = colour => (colour.match(/[\\d.]+/g) ?? []).map(Number)
  const light = colour => {
    const [r, g, b] = parts(colour).map(each => each / 255).map(
      each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor
      if ((parts(colour)[3] ?? 1) > 0) return colour
    }
    return 'rgb(255, 255, 255)'
  }
  const low = []
  let texts = 0
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
    if (!own || !element.getClientRects().length) continue
    texts += 1
    const style = getComputedStyle(element)
    const size = parseFloat(style.fontSize)
    const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5
    const [one, other] = [light(style.color), light(behind(element))]
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (ratio < wanted) low.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`)
  }
  return {low, texts}
})()"""
"""The texts with less contrast than WCAG's level AA wants, and how many texts were looked at."""


class Page:
    """A page that is open."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)

    def call(self, method: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol, and what it comes to."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._connection.recv())
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]

    def tell(self, script: str) -> Any:
        """What an expression of JavaScript comes to."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys one after the other: characters, or the names of `KEYS`."""
        for key in keys:
            code = KEYS.get(key, ord(key[0].upper()))
            text = {"Enter": "\r", " ": " "}.get(key, key if key not in KEYS else "")
            about = {"key": key, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def shown(self, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Lay the page out in a window of this width, and in a colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.call(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )


@contextmanager
def opened(page: Path, scratch: Path) -> Iterator[Page]:
    """A browser with a page open, until it is left."""
    profile = scratch / "driven"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")
    with subprocess.Popen(
        [str(CHROMIUM), *options, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            port, path = _address(profile / "DevToolsActivePort")
            with _connection(port, path) as root:
                target = Page(root).call("Target.createTarget", url=page.as_uri())["targetId"]
            with _connection(port, f"/devtools/page/{target}") as connection:
                shown = Page(connection)
                deadline = time.monotonic() + WITHIN_S
                while shown.tell("document.readyState + location.protocol") != "completefile:":
                    assert time.monotonic() < deadline, "the page did not load"
                    time.sleep(0.05)
                yield shown
        finally:
            process.terminate()


def _connection(port: str, path: str) -> closing[Any]:
    address = f"ws://127.0.0.1:{port}{path}"
    return closing(websocket.create_connection(address, timeout=WITHIN_S, suppress_origin=True))


def _address(file: Path) -> tuple[str, str]:
    deadline = time.monotonic() + WITHIN_S
    while not (file.exists() and file.read_text().count("\n")):
        assert time.monotonic() < deadline, "the browser did not start"
        time.sleep(0.05)
    port, path = file.read_text().splitlines()[:2]
    return port, path
