"""Headless Chromium over its own debugging protocol; needs only `websockets`."""

import asyncio
import base64
import contextlib
import json
import re
import subprocess
import tempfile

import websockets

from harness import TIMEOUT_S

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --remote-debugging-port=0 "
    "--hide-scrollbars --autoplay-policy=user-gesture-required --lang=en-GB"
).split()
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36}


class Browser:
    """One Chromium; every `Page` has a profile of its own in it."""

    def __init__(self, socket):
        self.socket, self.last = socket, 0
        self.answers, self.pages = {}, {}
        self.reader = asyncio.create_task(self._read())

    async def _read(self):
        async for text in self.socket:
            message = json.loads(text)
            if "id" in message:
                answer = self.answers.pop(message["id"], None)
                if answer and not answer.done():
                    answer.set_result(message)
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].heard(message)

    async def call(self, method, session=None, **params):
        self.last += 1
        answer = self.answers[self.last] = asyncio.get_running_loop().create_future()
        request = {"id": self.last, "method": method, "params": params}
        await self.socket.send(json.dumps(request | ({"sessionId": session} if session else {})))
        async with asyncio.timeout(TIMEOUT_S):
            message = await answer
        assert "error" not in message, (method, message)
        return message["result"]

    async def page(self, url, *, width=1280, height=800, theme="light", reduced=False, kept=None, before=""):
        """A tab with a profile of its own; `kept` is what its browser remembers, `before` runs first."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"], target["targetId"], context)
        self.pages[page.session] = page
        for domain in ("Runtime", "Log", "Page"):
            await page.call(f"{domain}.enable")
        await page.size(width, height)
        await page.media(theme, reduced)
        if kept is not None:
            before += f"if (!localStorage.getItem('forewarn')) localStorage.setItem('forewarn', {json.dumps(json.dumps(kept))});"
        if before:
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        await page.go(url)
        return page


class Page:
    """One tab. What goes wrong in it is gathered in `troubles`."""

    def __init__(self, browser, session, target, context):
        self.browser, self.session, self.target, self.context = browser, session, target, context
        self.troubles = []

    def heard(self, message):
        params = message["params"]
        if message["method"] == "Runtime.exceptionThrown":
            self.troubles.append(json.dumps(params["exceptionDetails"])[:500])
        entry = params.get("entry", {})
        # A connection that is refused while the server restarts is no trouble of the page.
        if entry.get("level") == "error" and entry.get("source") != "network" and "WebSocket connection" not in entry["text"]:
            self.troubles.append(f"{entry['text']} {entry.get('url', '')}")

    async def call(self, method, **params):
        return await self.browser.call(method, self.session, **params)

    async def go(self, url):
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'", "loading")

    async def size(self, width, height=800):
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    async def media(self, theme, reduced=False):
        features = {"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce" if reduced else "no-preference"}
        await self.call("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in features.items()])

    async def value(self, script):
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=False)
        assert "exceptionDetails" not in result, json.dumps(result)[:1500]
        return result["result"].get("value")

    async def until(self, script, what, seconds=TIMEOUT_S - 5):
        """Waits in the page itself until `script` is true there."""
        waiting = f"""new Promise((done) => {{
            const end = Date.now() + {seconds * 1000};
            const look = () => {{
                const found = ({script});
                found ? done(found instanceof Node ? true : found) : Date.now() > end ? done(null) : setTimeout(look, 20);
            }};
            look();
        }})"""
        found = await self.value(waiting)
        if not found:
            text = await self.value("document.body.innerText")
            raise AssertionError(f"{what}: did not happen; the page shows:\n{text[:2500]}")
        return found

    async def shows(self, text, where="body"):
        await self.until(f"document.querySelector({json.dumps(where)})?.innerText.includes({json.dumps(text)})", f"{text!r} in {where}")

    async def text(self, where):
        return await self.value(f"document.querySelector({json.dumps(where)})?.innerText ?? ''")

    async def count(self, selector):
        return await self.value(f"document.querySelectorAll({json.dumps(selector)}).length")

    async def place(self, selector):
        """The middle of the first element that can be seen."""
        found = await self.until(f"""(() => {{
            const node = [...document.querySelectorAll({json.dumps(selector)})].find((n) => n.checkVisibility() && n.getBoundingClientRect().width);
            if (!node) return null;
            node.scrollIntoViewIfNeeded?.();
            const box = node.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()""", f"{selector} on screen")
        await self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")  # scrolled
        return found

    async def click(self, selector):
        x, y = await self.place(selector)
        await self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            await self.mouse(kind, x, y, button="left", clickCount=1)

    async def hover(self, selector):
        await self.mouse("mouseMoved", *await self.place(selector))

    async def mouse(self, kind, x, y, **more):
        await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    async def key(self, *names):
        for name in names:
            printed = {} if name in KEYS and name != "Enter" else {"text": "\r" if name == "Enter" else name}
            code = KEYS.get(name) or ord(name.upper())
            await self.call("Input.dispatchKeyEvent", type="keyDown", key=name, windowsVirtualKeyCode=code, **printed)
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)

    async def type(self, text):
        await self.call("Input.insertText", text=text)

    async def shoot(self, path):
        picture = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(picture["data"]))

    async def close(self):
        await self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)


@contextlib.asynccontextmanager
async def chromium(binary):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen([binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.PIPE, text=True)
        try:
            found = None
            for line in process.stderr:
                found = re.search(r"DevTools listening on (ws://\S+)", line)
                if found:
                    break
            assert found, "chromium did not start"
            async with websockets.connect(found[1], max_size=None) as socket:
                browser = Browser(socket)
                try:
                    yield browser
                finally:
                    browser.reader.cancel()
        finally:
            process.kill()
            process.wait()
