"""The console page in headless Chromium, driven over its debugging protocol: live calls, an
alert with its reasons, acknowledge, resolve; hostile text stays text.

Usage: page.py BINARY CHROMIUM [SCREENSHOT.png]
"""

import asyncio
import base64
import json
import re
import subprocess
import sys
import tempfile
import urllib.request

import websockets

from harness import TIMEOUT_S, first_call, of, receive, send, server

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --remote-debugging-port=0 "
    "--window-size=1280,800 --hide-scrollbars"
).split()
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> give me your manager <b>now</b>"


class Page:
    """One tab."""

    def __init__(self, socket):
        self.socket, self.last = socket, 0

    async def call(self, method, **params):
        self.last += 1
        await self.socket.send(json.dumps({"id": self.last, "method": method, "params": params}))
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                answer = json.loads(await self.socket.recv())
                if answer.get("id") == self.last:
                    assert "error" not in answer, answer
                    return answer["result"]

    async def value(self, script):
        result = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script, what):
        """Waits in the page itself until `script` is true there."""
        waiting = f"""new Promise((done, fail) => {{
            const end = Date.now() + {TIMEOUT_S - 5}000;
            const look = () => ({script}) ? done(true)
                : Date.now() > end ? done(false) : requestAnimationFrame(look);
            look();
        }})"""
        if not await self.value(waiting):
            text = await self.value("document.body.innerText")
            raise AssertionError(f"{what} did not happen; the page shows:\n{text[:2000]}")

    async def press(self, label):
        done = await self.value(f"""(() => {{
            const button = [...document.querySelectorAll('button')]
                .find(b => b.textContent.trim().startsWith({json.dumps(label)}) && b.offsetParent);
            button?.click();
            return Boolean(button);
        }})()""")
        assert done, f"no button {label!r}"

    async def shoot(self, path):
        picture = await self.call("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))


def chromium(binary, profile):
    process = subprocess.Popen(
        [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stderr=subprocess.PIPE, text=True,
    )
    for line in process.stderr:
        found = re.search(r"DevTools listening on ws://([^/]+)/", line)
        if found:
            return process, found[1]
    raise AssertionError("chromium did not start")


async def check(binary, debugger, address, screenshot):
    with urllib.request.urlopen(f"http://{debugger}/json/list", timeout=TIMEOUT_S) as answer:
        tab = next(t for t in json.load(answer) if t["type"] == "page")
    url = tab["webSocketDebuggerUrl"]
    async with (
        websockets.connect(url, max_size=None) as debug,
        websockets.connect(f"ws://{address}/v1/ingest") as platform,
    ):
        page = Page(debug)
        await page.call("Page.navigate", url=f"http://{address}/")
        await page.until("document.readyState === 'complete'", "loading")
        call = first_call("data/calls/ta.jsonl", lambda call: call["outcome"]["escalated"])
        await send(platform, type="call_start", call_id="p-1", queue="billing", agent_id="a17")
        await receive(platform, of("started", call_id="p-1"))
        turns = [(t["speaker"], t["text"]) for t in call["turns"][: call["outcome"]["turn"]]]
        for seq, (speaker, text) in enumerate(turns + [("customer", HOSTILE)], 1):
            await send(platform, type="chunk", call_id="p-1", seq=seq, speaker=speaker, text=text)
        await receive(platform, of("ack", call_id="p-1", seq=len(turns) + 1))

        await page.until("document.body.innerText.includes('a17')", "the call on the board")
        await page.until("document.body.innerText.includes('%')", "a risk in percent")
        await page.until("/asks for a supervisor/i.test(document.body.innerText)", "the reason")
        await page.until("/<b>now/.test(document.body.innerText) || "
                         "/manager/.test(document.body.innerText)", "the quoted words")
        print("ok: the board shows the call, the inbox an alert with its reason and quote")
        if screenshot:
            await page.shoot(screenshot)
        await page.press("Acknowledge")
        await page.until("/acknowledged/i.test(document.body.innerText)", "acknowledging")
        print("ok: acknowledged from the page")
        await page.value("document.location.hash = '#/call/p-1'")
        await page.until("document.body.innerText.includes('onerror')", "the transcript")
        assert await page.value("document.title") != "owned"
        assert await page.value("document.querySelectorAll('img[src=x]').length") == 0
        print("ok: hostile words are shown as words")
        await page.press("Resolve")
        await page.until("/averted/i.test(document.body.innerHTML)", "the form to resolve")
        print("ok: resolve asks for the outcome")


def main(binary, browser, screenshot=None):
    with server(binary) as address, tempfile.TemporaryDirectory() as profile:
        process, debugger = chromium(browser, profile)
        try:
            asyncio.run(check(binary, debugger, address, screenshot))
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
