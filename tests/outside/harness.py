"""Starts the built server for the tests in this folder. Needs only `websockets`."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess

TIMEOUT_S = 20


@contextlib.contextmanager
def server(binary, *arguments):
    """Runs `forewarn serve` on a free port; gives its address, ends it with SIGTERM."""
    process = subprocess.Popen(
        [binary, "serve", "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "RUST_BACKTRACE": "1"},
    )
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on http://(\S+)\n", line)
        assert found, f"the server said {line!r}"
        yield found[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, "SIGTERM must end the server with exit code 0"
    finally:
        process.kill()
        process.wait()


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
