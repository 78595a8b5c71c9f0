"""The pictures of the README, from recorded calls as they come in."""

import asyncio
import json
import random

from harness import of, receive, send
from world import CALLS

MOMENT = 14  # seconds in which the calls of the pictures come in
PEOPLE = ("ana", "ben", "chloe", "dev", "emil", "fay", "goran", "hana", "ines", "jo", "kofi", "lena")


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


async def test_pictures_for_the_readme(world):
    if not world.options.screenshots:
        return
    await world.serve()
    # A shift that has been going on: ended calls, and what supervisors made of their alerts.
    past, live = some_calls(60), [c for c in some_calls(200)[60:] if not c["outcome"]["escalated"] or c["outcome"]["turn"] > 9]
    platform = await world.platform()
    page = await world.page("/", user="sup-3", before=ANSWER)
    for number, call in enumerate(past):
        await begin(platform, call, number)
        last = await speak(platform, call, len(call["turns"]))
        await send(platform.socket, type="call_end", call_id=call["id"], seq=last + 1, reason="completed", outcome={"escalated": call["outcome"]["escalated"]})
        await receive(platform.socket, of("ack", call_id=call["id"], seq=last + 1))
    await page.value("window.answering = false")
    # What goes on now, each call on a platform connection of its own so that all talk at once.
    talks = []
    for number, call in enumerate(live[:24]):
        line = await world.platform()
        await begin(line, call, number)
        upto = min(len(call["turns"]) - 2, call["outcome"].get("turn", 99) - 1, 6 + number % 9)
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


# A supervisor's browser that takes alerts as they come and says how they ended.
ANSWER = """
    window.answering = true;
    const outcomes = ['averted', 'averted', 'false_alarm', 'escalated', 'averted', 'false_alarm'];
    let count = 0;
    const set = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage').set;
    Object.defineProperty(WebSocket.prototype, 'onmessage', { set(run) {
        set.call(this, run && ((event) => {
            const { type, alert } = JSON.parse(event.data);
            if (window.answering && type === 'alert' && alert.state === 'raised' && alert.history.length === 1) {
                const pause = 200 + (count * 977) % 1800;
                const outcome = outcomes[count++ % outcomes.length];
                const say = (command) => this.send(JSON.stringify({ ...command, alert_id: alert.alert_id }));
                setTimeout(() => { say({ type: 'acknowledge' }); say({ type: 'resolve', outcome }); }, pause);
            }
            run(event);
        }));
    } });
"""
