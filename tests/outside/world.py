"""What a test of the page stands on: a server of its own, a platform that calls come from, pages."""

import asyncio
import contextlib
import json
import pathlib
import shutil
import tempfile

import websockets

from harness import Server, of, receive, send

CALLS = pathlib.Path("data/calls")


class Platform:
    """Plays calls in and waits for their acks."""

    def __init__(self, address):
        self.address, self.seqs = address, {}

    async def __aenter__(self):
        self.socket = await websockets.connect(f"ws://{self.address}/v1/ingest", max_size=None)
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def start(self, call_id, **fields):
        await send(self.socket, type="call_start", call_id=call_id, **fields)
        await receive(self.socket, of("started", call_id=call_id))
        self.seqs.setdefault(call_id, 0)

    async def say(self, call_id, speaker, text, **fields):
        """One chunk; gives its seq once it is acked."""
        self.seqs[call_id] = seq = self.seqs[call_id] + 1
        await send(self.socket, type="chunk", call_id=call_id, seq=seq, speaker=speaker, text=text, **fields)
        await receive(self.socket, of("ack", call_id=call_id, seq=seq))
        return seq

    async def end(self, call_id, **fields):
        self.seqs[call_id] = seq = self.seqs[call_id] + 1
        await send(self.socket, type="call_end", call_id=call_id, seq=seq, reason="completed", **fields)
        await receive(self.socket, of("ack", call_id=call_id, seq=seq))

    async def play(self, call_id, corpus_id, turns=None, **fields):
        """The first turns of a recorded call, with its times."""
        call = recorded(corpus_id)
        await self.start(call_id, **({"queue": "billing", "team": "t1", "agent_id": "a17"} | fields))
        said = call["turns"][:turns]
        for seq, turn in enumerate(said, 1):
            times = {"start_ms": turn["start_ms"], "end_ms": turn["end_ms"]}
            await send(self.socket, type="chunk", call_id=call_id, seq=seq, speaker=turn["speaker"], text=turn["text"], **times)
        self.seqs[call_id] = len(said)
        await receive(self.socket, of("ack", call_id=call_id, seq=len(said)))
        return call


def recorded(corpus_id):
    for path in sorted(CALLS.glob("*.jsonl")):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if f'"{corpus_id}"' in line[:200]:
                    return json.loads(line)
    raise AssertionError(f"no recorded call {corpus_id}")


class World:
    """`binary` and `browser` for one test; whatever it opens is closed after it."""

    def __init__(self, binary, browser, options):
        self.binary, self.browser, self.options = binary, browser, options
        self.exits = contextlib.AsyncExitStack()
        self.pages = []

    async def serve(self, *arguments, **settings):
        """A server; settings as `desk_resume_grace_s=2`."""
        server = Server(self.binary, *arguments, **settings)
        self.exits.callback(server.stop)
        self.server = server
        return server

    async def platform(self):
        return await self.exits.enter_async_context(Platform(self.server.address))

    def folder(self):
        path = tempfile.mkdtemp()
        self.exits.callback(shutil.rmtree, path, ignore_errors=True)
        return path

    async def page(self, path="/", user="sup-1", live=True, **how):
        kept = {"user": user} | how.pop("kept", {})
        page = await self.browser.page(f"http://{self.server.address}{path}", kept=kept, **how)
        self.pages.append(page)
        if live:
            await page.shows("Connected", "#link")
        return page

    async def shoot(self, page, name):
        """A picture for the README, when the run was asked for them."""
        if self.options.screenshots:
            await asyncio.sleep(0.3)  # fonts and the last drawing
            await page.shoot(self.options.screenshots / name)

    async def close(self):
        troubles = [trouble for page in self.pages for trouble in page.troubles]
        for page in self.pages:
            await page.close()
        await self.exits.aclose()
        assert not troubles, f"the page reported: {troubles}"
