"""A platform and two consoles written from the protocol alone, against the built server.

Usage: platform_and_console.py BINARY
"""

import asyncio
import json
import subprocess
import sys
import urllib.request

import websockets

from harness import first_call, of, receive, send, server

CALLS = "data/calls/ta.jsonl"


async def play(address, call):
    """Sends a recorded call as chunks; returns its scores once everything is acked."""
    url = f"ws://{address}/v1/ingest?scores=true"
    async with websockets.connect(url, subprotocols=["escalation.ingest.v1"]) as platform:
        assert platform.subprotocol == "escalation.ingest.v1"
        await receive(platform, of("ready"))
        call_id = call["id"]
        await send(platform, type="call_start", call_id=call_id, queue="billing", team="t1")
        started = await receive(platform, of("started", call_id=call_id))
        assert started["last_seq"] == 0, started
        for seq, turn in enumerate(call["turns"], 1):
            await send(
                platform, type="chunk", call_id=call_id, seq=seq, speaker=turn["speaker"],
                start_ms=turn["start_ms"], end_ms=turn["end_ms"], text=turn["text"],
            )
        last = len(call["turns"]) + 1
        await send(platform, type="call_end", call_id=call_id, seq=last)
        seen = []
        await receive(platform, of("ack", call_id=call_id, seq=last), seen)
        assert not [m for m in seen if m["type"] in ("error", "nack")], seen
        return [m for m in seen if m["type"] == "score"]


async def console(address, user, since=None):
    url = f"ws://{address}/v1/console?user={user}"
    socket = await websockets.connect(url, subprotocols=["escalation.console.v1"])
    hello = await receive(socket, of("hello"))
    assert hello["user"] == user, hello
    await send(socket, type="subscribe", id="s", filter={"queues": ["billing"]}, since=since)
    snapshot = await receive(socket, of("snapshot", id="s", last=True))
    return socket, hello["epoch"], snapshot


async def check(binary, address):
    call = first_call(CALLS, lambda call: call["outcome"].get("kind") == "supervisor_request")
    ann, epoch, snapshot = await console(address, "ann")
    bob, _, _ = await console(address, "bob")
    assert snapshot["recovered"] is False

    scores = await play(address, call)
    line = json.dumps(call)
    offline = subprocess.run(
        [binary, "score", "-"], input=line, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    risks = [json.loads(text)["risk"] for text in offline]
    assert [score["risk"] for score in scores] == risks, "live and offline risks differ"
    print(f"ok: {len(risks)} live risks equal those of `forewarn score`, bit for bit")

    alert = (await receive(ann, of("alert")))["alert"]
    total = alert["intercept"] + sum(reason["contribution"] for reason in alert["reasons"])
    assert abs(total - alert["log_odds"]) < 1e-9, alert
    print(f"ok: an alert of kind {alert['kind']} whose reasons sum to its log-odds")
    ended = await receive(ann, of("call", event="ended"))

    # Nobody took it, so the end of the call closed it; a raised hand opens one to race for.
    url = f"ws://{address}/v1/ingest"
    async with websockets.connect(url) as platform:
        await send(platform, type="call_start", call_id="race", queue="billing")
        await receive(platform, of("started", call_id="race"))
        await send(ann, type="raise_hand", id="h", call_id="race", note="needs a waiver")
        raised = await receive(bob, lambda m: m["type"] == "alert" and m["alert"]["kind"] == "manual")
        alert_id = raised["alert"]["alert_id"]
        await asyncio.gather(
            send(ann, type="acknowledge", id="a", alert_id=alert_id),
            send(bob, type="acknowledge", id="b", alert_id=alert_id),
        )
        replies = [await receive(ann, of("reply", id="a")), await receive(bob, of("reply", id="b"))]
        assert sorted(reply["ok"] for reply in replies) == [False, True], replies
        loser = next(reply for reply in replies if not reply["ok"])
        assert loser["code"] == "already_acknowledged", loser
        print(f"ok: of two people one wins, the other hears {loser['message']!r}")

    again, _, resumed = await console(address, "cyd", {"epoch": epoch, "offset": ended["offset"]})
    assert resumed["recovered"] is True and not resumed.get("calls"), resumed
    missed = await receive(again, of("call", event="started"))
    assert missed["call"]["call_id"] == "race" and missed["offset"] > ended["offset"], missed
    print("ok: a console that comes back hears exactly what it missed")

    request = urllib.request.Request(f"http://{address}/v1/score", line.encode(), method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        timeline = json.load(answer)
    assert [turn["risk"] for turn in timeline["turns"]] == risks
    print("ok: POST /v1/score gives the same risks")
    for socket in (ann, bob, again):
        await socket.close()


if __name__ == "__main__":
    with server(sys.argv[1]) as address:
        asyncio.run(check(sys.argv[1], address))
