"""The example clients of docs/clients/ against a server that is killed under them.

Usage: examples.py BINARY [CHROMIUM]     without CHROMIUM the page is left out
"""

import asyncio
import contextlib
import functools
import http.server
import json
import pathlib
import re
import sys
import tempfile
import threading
import urllib.request

from browser import chromium
from harness import TIMEOUT_S, Server

CLIENTS = pathlib.Path("docs/clients")
SAMPLES = pathlib.Path("data/samples.jsonl")
CALLS = 6


def is_kept(kept, said):
    """Whether the words are as they were said, but for what the server takes out of them."""
    pieces = re.split(r"\[[a-z_]+\]", kept)
    return re.fullmatch(".+".join(map(re.escape, pieces)), said) is not None


class Client:
    """An example that runs; what it prints is gathered in `lines`."""

    def __init__(self, process):
        self.process, self.lines, self.more = process, [], asyncio.Condition()
        self.reader = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self.process.stdout:
            async with self.more:
                self.lines.append(line.decode().rstrip())
                self.more.notify_all()

    async def says(self, wanted):
        """Waits until the lines so far are such."""
        try:
            async with self.more, asyncio.timeout(3 * TIMEOUT_S):
                await self.more.wait_for(lambda: wanted(self.lines))
        except TimeoutError:
            raise AssertionError("the client said only:\n" + "\n".join(self.lines[-30:])) from None


@contextlib.asynccontextmanager
async def client(name, *arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, CLIENTS / name, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Client(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@contextlib.contextmanager
def site(folder):
    """A web server of somebody else, with the example page on it; gives its origin."""
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def rest(address, path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=TIMEOUT_S) as answer:
        return json.load(answer)


async def platform_and_console(binary, folder):
    """Nothing is lost and nothing is told twice, though the server is killed in the middle."""
    calls = [json.loads(line) for line in SAMPLES.read_text().splitlines()[:CALLS]]
    played = folder / "calls.jsonl"
    played.write_text("".join(json.dumps(call) + "\n" for call in calls))
    server = Server(binary, "--data-dir", str(folder / "data"))
    url = f"ws://{server.address}"
    try:
        async with client("console.py", "--url", url, "--user", "ann", "--acknowledge") as console:
            await console.says(lambda lines: "connected" in lines)
            async with client("call_platform.py", "--url", url, "--speed", "20", str(played)) as platform:
                await console.says(lambda lines: any("raised" in line for line in lines))
                server.kill()
                server.again()
                await platform.says(lambda lines: sum("all durable" in line for line in lines) == CALLS)
                assert any(line.startswith("connection:") for line in platform.lines), platform.lines
                assert not [line for line in platform.lines if "refused" in line or "forgotten" in line]
            for call in calls:
                kept = rest(server.address, f"/v1/calls/{call['id']}")
                kept = [chunk["text"] for chunk in kept["transcript"]]
                said = [turn["text"] for turn in call["turns"]]
                assert len(kept) == len(said) and all(map(is_kept, kept, said)), call["id"]
            told = [f" {alert['call_id']} {step['state']} by {step['by']}"
                    for alert in rest(server.address, "/v1/alerts")["items"] for step in alert["history"]]
            assert any(line.endswith("acknowledged by ann") for line in told), told
            await console.says(lambda lines: all(any(t in line for line in lines) for t in told))
            changes = [line for line in console.lines if " by " in line and not line.startswith("  ")]
            # At twenty times the speed a call may end before somebody can take its alert.
            refused = [line for line in console.lines if line.startswith("refused")]
            assert all("by engine" in line for line in refused), refused
        print(f"ok: call_platform.py and console.py: {CALLS} calls, {len(changes)} changes of alerts, one kill -9 between")
    finally:
        server.kill()


async def page(binary, folder, browser_binary):
    """The page in thirty lines shows an alert, takes it, and resumes."""
    script = (CLIENTS / "console.html").read_text().split('<script type="module">')[1].split("</script>")[0]
    lines = [line for line in script.splitlines() if line.strip()]
    assert len(lines) <= 30, f"README promises 30 lines of JavaScript; there are {len(lines)}"
    with site(CLIENTS) as origin:
        server = Server(binary, "--data-dir", str(folder / "page"), server_allowed_origins=json.dumps([origin]))
        try:
            async with chromium(browser_binary) as browser:
                alerts = await take_one(browser, f"{origin}/console.html?server=", server, folder)
        finally:
            server.kill()
    print(f"ok: console.html: {alerts} alerts in {len(lines)} lines of JavaScript, one kill -9 between")


async def take_one(browser, address, server, folder):
    url = f"ws://{server.address}"
    shown = await browser.page(address + url)
    async with client("call_platform.py", "--url", url, "--speed", "20", str(folder / "calls.jsonl")) as platform:
        await shown.until("document.querySelector('button')", "an alert to take")
        text = await shown.text("li")
        assert "“" in text and "raised" in text, text
        await shown.click("button")
        await shown.shows("acknowledged")
        server.kill()
        server.again()
        await platform.says(lambda lines: sum("all durable" in line for line in lines) == CALLS)
    alerts = len(rest(server.address, "/v1/alerts")["items"])
    await shown.until(f"document.querySelectorAll('li').length === {alerts}", f"{alerts} alerts")
    assert not shown.troubles, shown.troubles
    return alerts


async def main(binary, browser_binary=None):
    with tempfile.TemporaryDirectory() as folder:
        await platform_and_console(binary, pathlib.Path(folder))
        if browser_binary:
            await page(binary, pathlib.Path(folder), browser_binary)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
