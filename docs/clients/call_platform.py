"""A call platform: plays recorded calls into Forewarn as they would be spoken.

It loses nothing: what the server has not acknowledged is kept, and sent again after a broken
connection or a gap. Needs `pip install websockets`.

    python call_platform.py --url ws://127.0.0.1:8080 --speed 20 data/samples.jsonl
"""

import argparse
import asyncio
import json
import random

import websockets


class Call:
    """One call: what it has sent and what of that is not durable yet."""

    def __init__(self, recorded, queue):
        self.id, self.turns = recorded["id"], recorded["turns"]
        self.start = {"type": "call_start", "call_id": self.id, "queue": queue}
        self.seq, self.unacked = 0, []
        self.all_sent, self.done = False, asyncio.Event()

    def next(self, **message):
        """Numbers a message and keeps it until it is acknowledged."""
        self.seq += 1
        message = {**message, "call_id": self.id, "seq": self.seq}
        self.unacked.append(message)
        return message

    def acked(self, seq):
        self.unacked = [message for message in self.unacked if message["seq"] > seq]
        if self.all_sent and not self.unacked:
            self.done.set()


class Platform:
    """Many calls over one connection, which is made again whenever it breaks."""

    def __init__(self, url):
        self.url, self.calls, self.socket = url, {}, None

    async def send(self, *messages):
        """Sends if connected; what gets lost here is sent again after the next `started`."""
        try:
            for message in messages:
                if self.socket:
                    await self.socket.send(json.dumps(message))
        except websockets.ConnectionClosed:
            pass

    async def run(self):
        pause = 0.2
        while True:
            try:
                async with websockets.connect(self.url, subprotocols=["escalation.ingest.v1"]) as socket:
                    self.socket, pause = socket, 0.2
                    await self.send(*(call.start for call in self.calls.values()))
                    async for text in socket:
                        await self.heard(json.loads(text))
            except (OSError, websockets.WebSocketException) as problem:
                print(f"connection: {problem}; trying again", flush=True)
            self.socket = None
            await asyncio.sleep(random.uniform(0, pause))  # not all platforms at the same moment
            pause = min(pause * 2, 5)

    async def heard(self, message):
        call = self.calls.get(message.get("call_id"))
        match message["type"]:
            case "started" if call:
                call.acked(message["last_seq"])
                await self.go_on(call, message["last_seq"] + 1)
            case "ack" if call:
                call.acked(message["seq"])
            case "nack" if call:
                await self.go_on(call, message["expected"])
            case "score" if message["level"]:
                print(f"{message['call_id']} {message['seq']}: {message['risk']:.0%} {message['level']}", flush=True)
            case "error":
                print(f"refused: {message['message']}", flush=True)
                if call and message["temporary"]:  # the server has too many calls just now
                    await asyncio.sleep(1)
                    await self.send(call.start)

    async def go_on(self, call, expected):
        """Sends again from there on what is not durable yet."""
        if call.unacked and call.unacked[0]["seq"] > expected:
            print(f"{call.id}: the server has forgotten what it had acknowledged", flush=True)
            call.done.set()
        else:
            await self.send(*call.unacked)

    async def play(self, call, speed):
        self.calls[call.id] = call
        await self.send(call.start)
        began = asyncio.get_running_loop().time()
        for turn in call.turns:
            due = began + turn["end_ms"] / 1000 / speed
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await self.send(call.next(type="chunk", **{k: turn[k] for k in ("speaker", "start_ms", "end_ms", "text")}))
        call.all_sent = True
        await self.send(call.next(type="call_end", reason="completed"))
        await call.done.wait()
        del self.calls[call.id]
        print(f"{call.id}: {call.seq} messages, all durable", flush=True)


async def main(options):
    with open(options.calls, encoding="utf-8") as lines:
        calls = [Call(json.loads(line), options.queue) for line in lines]
    platform = Platform(f"{options.url}/v1/ingest?scores=true")
    connection = asyncio.create_task(platform.run())
    await asyncio.gather(*(platform.play(call, options.speed) for call in calls))
    connection.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", help="recorded calls, JSON Lines as in data/README.md")
    parser.add_argument("--url", default="ws://127.0.0.1:8080")
    parser.add_argument("--queue", default="billing")
    parser.add_argument("--speed", type=float, default=1, help="times as fast as spoken")
    asyncio.run(main(parser.parse_args()))
