"""Two supervisors reach for one alert: exactly one gets it, the other is told who."""

import asyncio

from console.inbox import an_alert


async def test_exactly_one_of_two_browsers_wins(world):
    await world.serve()
    world.calls = await world.platform()
    for round_ in range(5):
        await an_alert(world, f"c-{round_}")
    pages = [await world.page(user=user) for user in ("sup-1", "sup-2")]
    ids = await pages[0].until("(() => { const ids = [...document.querySelectorAll(\".card\")].map((n) => n.dataset.alert); return ids.length === 5 && ids; })()", "five alerts")
    for id in ids:
        ready = f"document.querySelector(\"#alert-{id} .primary\")?.checkVisibility()"
        for page in pages:
            await page.until(ready, "the button")
        press = f"document.querySelector(\"#alert-{id} .primary\").click()"
        await asyncio.gather(*(page.value(press) for page in pages))
        lines = []
        for page, other in zip(pages, ("sup-2", "sup-1")):
            lines.append(await page.until(f"""(() => {{
                const line = document.querySelector("#alert-{id} .state").textContent;
                return /acknowledged/i.test(line) && line;
            }})()""", "who has it"))
        winners = [user for user, line in zip(("sup-1", "sup-2"), lines) if "owner you" in line]
        assert len(winners) == 1, lines
        loser = pages[1 - ("sup-1", "sup-2").index(winners[0])]
        await loser.until(f"document.querySelector(\"#alert-{id} .state\").textContent.includes(\"owner {winners[0]}\")", "the winner named")
        await loser.until(f"/^(Not done. Already taken by {winners[0]} at|$)/.test(document.querySelector(\"#alert-{id} .result\").textContent)", "why not")

