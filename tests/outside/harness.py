"""Starts the built server for the tests in this folder. Needs only `websockets`."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess

TIMEOUT_S = 20


class Server:
    """`forewarn serve` on a free port until `stop`; settings are given as `desk_resume_grace_s=2`."""

    def __init__(self, binary, *arguments, listen="127.0.0.1:0", **settings):
        self.settings = {f"FOREWARN_{name.upper()}": str(value) for name, value in settings.items()}
        self.command = [binary, "serve", *arguments]
        self.process = None
        self.run(listen)

    def run(self, listen):
        self.process = subprocess.Popen(
            [*self.command, "--listen", listen],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **self.settings, "RUST_BACKTRACE": "1"},
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on http://(\S+)\n", line)
        assert found, f"the server said {line!r}"
        self.address = found[1]

    def again(self):
        """Starts once more at the same address, as after a restart."""
        self.run(self.address)

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(10) == 0, "SIGTERM must end the server with exit code 0"
        finally:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def server(binary, *arguments):
    """Runs `forewarn serve` on a free port; gives its address, ends it with SIGTERM."""
    running = Server(binary, *arguments)
    try:
        yield running.address
        running.stop()
    finally:
        running.kill()


async def receive(socket, wanted, seen=None):
    """The next message for which `wanted` holds; fails with what came instead."""
    passed = []
    try:
        async with asyncio.timeout(TIMEOUT_S):
            async for text in socket:
                message = json.loads(text)
                if seen is not None:
                    seen.append(message)
                if wanted(message):
                    return message
                passed.append(text[:200])
    except TimeoutError:
        pass
    raise AssertionError(f"the message did not come; others were {passed[-5:]}")


def of(kind, **fields):
    """A test for a message of type `kind` with these fields."""
    return lambda m: m.get("type") == kind and all(m.get(k) == v for k, v in fields.items())


async def send(socket, **message):
    await socket.send(json.dumps(message))


def first_call(path, wanted):
    with open(path, encoding="utf-8") as lines:
        return next(call for call in map(json.loads, lines) if wanted(call))
