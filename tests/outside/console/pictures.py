"""The pictures of the README, from recorded calls as they come in."""

import asyncio
import contextlib
import datetime
import json
import pathlib
import random
import sqlite3

import websockets

from harness import of, receive, send
from world import CALLS

MOMENT = 14  # seconds in which the calls of the pictures come in
PEOPLE = (
    "ana ben chloe dev emil fay goran hana ines jo kofi lena mara nils olga per quinn rosa sam tess uma vito wanda yara"
).split()


def some_calls(count):
    calls = [json.loads(line) for path in sorted(CALLS.glob("*.jsonl")) for line in open(path, encoding="utf-8")]
    calls = [call for call in calls if len(call["turns"]) >= 14]
    random.Random(7).shuffle(calls)
    return calls[:count]


async def begin(platform, call, number):
    await send(platform.socket, type="call_start", call_id=call["id"], queue=("billing", "service", "technical")[number % 3],
               team=("north", "south")[number % 2], agent_id=PEOPLE[number % len(PEOPLE)])


async def speak(platform, call, upto, seconds=0.0):
    """Says the turns up to one, spread over some seconds; gives the last seq."""
    for seq, turn in enumerate(call["turns"][:upto], 1):
        await send(platform.socket, type="chunk", call_id=call["id"], seq=seq, speaker=turn["speaker"], text=turn["text"], start_ms=turn["start_ms"], end_ms=turn["end_ms"])
        if seconds:
            await asyncio.sleep(seconds / upto)
    await receive(platform.socket, of("ack", call_id=call["id"], seq=upto))
    return upto


async def answer(address, outcomes):
    """A supervisor who takes every alert and says how its call ended."""
    async with websockets.connect(f"ws://{address}/v1/console?user=sup-1", max_size=None) as console:
        await send(console, type="subscribe", id="0")
        async for text in console:
            message = json.loads(text)
            alert = message.get("alert", {})
            if message["type"] != "alert" or alert["state"] != "raised":
                continue
            for command in ({"type": "acknowledge"}, {"type": "resolve", "outcome": outcomes[alert["call_id"]]}):
                await send(console, id=alert["alert_id"], alert_id=alert["alert_id"], **command)


async def a_shift(world):
    """Calls of the last hours with their alerts: played in now, then dated back in the journal's tables."""
    folder, past = world.folder(), some_calls(200)[:90]
    await world.serve("--data-dir", folder)
    # What a supervisor would have made of it is drawn by lot: these calls were written without one.
    drawn = random.Random(5).choices(("averted", "escalated", "false_alarm", "duplicate"), (45, 25, 22, 8), k=len(past))
    outcomes = {call["id"]: outcome for call, outcome in zip(past, drawn)}
    supervisor = asyncio.create_task(answer(world.server.address, outcomes))
    platform = await world.platform()
    for number, call in enumerate(past):
        await begin(platform, call, number)
        last = await speak(platform, call, len(call["turns"]), 0.1)
        await send(platform.socket, type="call_end", call_id=call["id"], seq=last + 1, reason="completed", outcome={"escalated": call["outcome"]["escalated"]})
        await receive(platform.socket, of("ack", call_id=call["id"], seq=last + 1))
    supervisor.cancel()
    await platform.socket.close()
    world.server.stop()
    date_back(pathlib.Path(folder) / "journal.db", random.Random(7))
    world.server.again()


def date_back(path, chance):
    """Spreads the calls of a journal over seven hours, and lets supervisors think for a while."""
    with contextlib.closing(sqlite3.connect(path)) as tables, tables:
        tables.execute("DELETE FROM batches")
        tables.execute("DELETE FROM log_calls")
        calls = tables.execute("SELECT call, started_at, ended_at FROM calls").fetchall()
        for number, (call, started_at, ended_at) in enumerate(calls):
            back = datetime.timedelta(hours=7 * (1 - number / len(calls)))
            tables.execute("UPDATE calls SET started_at = ?, ended_at = ? WHERE call = ?", (moved(started_at, back), moved(ended_at, back), call))
            for alert_id, text in tables.execute("SELECT alert_id, alert FROM alerts WHERE call = ?", (call,)).fetchall():
                alert = json.loads(text)
                alert["raised_at"] = moved(alert["raised_at"], back)
                think = datetime.timedelta(0)
                for entry in alert["history"]:
                    think -= datetime.timedelta(seconds=chance.expovariate(1 / 20)) if entry["state"] != "raised" else think * 0
                    entry["at"] = moved(entry["at"], back + think)
                tables.execute("UPDATE alerts SET alert = ?, raised_at = ? WHERE call = ? AND alert_id = ?", (json.dumps(alert), alert["raised_at"], call, alert_id))


def moved(at, back):
    return (datetime.datetime.fromisoformat(at) - back).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_pictures_for_the_readme(world):
    if not world.options.screenshots:
        return
    await a_shift(world)
    rest = some_calls(300)[90:]
    live = [call for call in rest if call["outcome"].get("turn", 0) > 12][:10] + [call for call in rest if not call["outcome"]["escalated"]][:14]
    page = await world.page("/", user="sup-3")
    # What goes on now, each call on a platform connection of its own so that all talk at once.
    talks = []
    for number, call in enumerate(live):
        line = await world.platform()
        await begin(line, call, number)
        upto = min(len(call["turns"]) - 2, call["outcome"].get("turn", 99) - 1, 8 + number % 9)
        talks.append(speak(line, call, upto, MOMENT))
    await asyncio.gather(*talks)
    await page.until("document.querySelectorAll('#rows li').length > 12 && document.querySelectorAll('.card').length > 2", "the board")
    await page.value("document.activeElement.blur()")
    await asyncio.sleep(3)  # the order follows
    await world.shoot(page, "console.png")
    await page.key("i", "o")
    await page.until("document.querySelectorAll('.said mark').length && document.querySelectorAll('.turns li').length", "the call")
    await page.value("document.querySelector('.transcript').scrollTop = 1e6, document.activeElement.blur()")
    await world.shoot(page, "call.png")
    agent = await page.value("[...document.querySelectorAll('.facts div')].find((n) => n.innerText.startsWith('Agent')).querySelector('dd').innerText")
    await page.value("location.hash = '#/shift'")
    await page.until("document.querySelectorAll('.stack rect').length > 2", "the shift")
    await world.shoot(page, "shift.png")
    panel = await world.page(f"/?view=agent&agent={agent}", user="", width=360, height=640)
    await panel.until("document.querySelector('#panel-advice .say')", "the panel")
    await world.shoot(panel, "panel.png")

