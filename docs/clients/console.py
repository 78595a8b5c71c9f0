"""A console: prints each change of an alert, with its reasons, and misses none over a restart.

Needs `pip install websockets`.

    python console.py --url ws://127.0.0.1:8080 --user ann --queue billing --acknowledge
"""

import argparse
import asyncio
import json
import random

import websockets


def show(alert):
    risk = "" if alert["risk"] is None else f" {alert['risk']:.0%}"
    print(f"{alert['level']}{risk} {alert['call_id']} {alert['state']} by {alert['history'][-1]['by']}", flush=True)
    if alert["state"] == "raised":
        for reason in alert["reasons"]:
            quotes = " … ".join(f"“{quote['text']}”" for quote in reason["quotes"])
            weight = f"{reason['contribution']:+.2f} " if alert["kind"] == "risk" else ""
            print(f"  {weight}{reason['label']} {quotes}", flush=True)
        for advice in alert["guidance"]:
            print(f"  say: {advice['say']}", flush=True)


async def listen(socket, options, since):
    """Subscribes from where it left off; keeps `since` up to date while messages come."""
    filter = {"queues": options.queue}
    await socket.send(json.dumps({"type": "subscribe", "id": "s", "filter": filter, "since": since or None}))
    async for text in socket:
        message = json.loads(text)
        match message["type"]:
            case "hello":
                epoch = message["epoch"]
            case "snapshot" if message["last"] and not message["recovered"]:
                since.update(epoch=epoch, offset=message["offset"])
            case "alert":
                alert = message["alert"]
                show(alert)
                since.update(epoch=epoch, offset=message["offset"])
                if options.acknowledge and alert["state"] == "raised":
                    command = {"type": "acknowledge", "id": alert["alert_id"], "alert_id": alert["alert_id"]}
                    await socket.send(json.dumps(command))
            case "call":
                since.update(epoch=epoch, offset=message["offset"])
            case "reply" if not message["ok"]:
                print(f"refused: {message['message']}", flush=True)


async def main(options):
    since, pause = {}, 0.2
    while True:
        try:
            url = f"{options.url}/v1/console?user={options.user}"
            async with websockets.connect(url, subprotocols=["escalation.console.v1"]) as socket:
                print("connected", flush=True)
                pause = 0.2
                await listen(socket, options, since)
        except (OSError, websockets.WebSocketException) as problem:
            print(f"connection: {problem}; trying again", flush=True)
        await asyncio.sleep(random.uniform(0, pause))
        pause = min(pause * 2, 5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="ws://127.0.0.1:8080")
    parser.add_argument("--user", default="ann")
    parser.add_argument("--queue", action="append", default=[], help="only these; all when left out")
    parser.add_argument("--acknowledge", action="store_true", help="take every alert that is raised")
    asyncio.run(main(parser.parse_args()))
