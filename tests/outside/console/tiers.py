"""The escalation matrix as the inbox shows it: tier, countdown to the next, held ones apart and quiet."""

import pathlib

MATRIX = """
version = 1
[budget]
warnings_per_team_per_hour = {budget}
[[rule]]
name = "all"
[[rule.tier]]
notify = ["supervisors"]
within_s = {within_s}
[[rule.tier]]
notify = ["user:boss"]
"""


async def serve(world, **fields):
    path = pathlib.Path(world.folder()) / "matrix.toml"
    path.write_text(MATRIX.format(**fields), encoding="utf-8")
    await world.serve("--matrix", str(path))
    world.calls = await world.platform()


async def test_a_countdown_runs_to_the_next_tier(world):
    await serve(world, budget=9, within_s=6)
    boss = await world.page(user="boss")
    page = await world.page()
    await world.calls.play("c-1", "te-020", 10)
    first = await page.until("document.querySelector('.card .tier')?.innerText", "the countdown")
    assert first.startswith("tier 2 in 0:0"), first
    await page.until(f"document.querySelector('.card .tier').innerText !== '{first}'", "it runs")
    await page.until("document.querySelector('.card .tier').innerText === 'tier 2'", "the next tier")
    await boss.until("document.querySelector('.card .tier').innerText === 'tier 2'", "for everybody")
    await page.key("a")
    await page.until("document.querySelector('.card .state').innerText.includes('owner you')", "acknowledged")


async def test_acknowledging_stops_the_countdown(world):
    await serve(world, budget=9, within_s=600)
    page = await world.page()
    await world.calls.play("c-1", "te-020", 10)
    await page.until("document.querySelector('.card .tier')?.innerText.startsWith('tier 2 in')", "the countdown")
    await page.key("a")
    await page.until("document.querySelector('.card .tier').innerText === ''", "no countdown")


async def test_held_ones_stand_apart_and_make_no_noise(world):
    await serve(world, budget=1, within_s=600)
    page = await world.page(before="window.spoken = 0; addEventListener('DOMContentLoaded', () => new MutationObserver(() => window.spoken++).observe(document.querySelector('#announce'), { childList: true }));")
    await world.calls.play("first", "tf-015", 9)
    await page.shows("Waiting for someone 1", "#groups")
    await page.until("window.spoken === 1", "the first is spoken")
    await world.calls.play("second", "te-020", 7)
    await page.shows("Held, over the budget 1", "#groups")
    assert await page.text("#count-waiting") == "1" and "second" not in await page.text("#groups"), "folded away"
    await page.click("details.held summary")
    await page.shows("over the team's budget", "details.held")
    assert await page.value("getComputedStyle(document.querySelector('details.held .card h4')).fontWeight") == "500"
    # Once it turns critical it passes every budget.
    for turn in ("This is the fifth time, nobody came, I want your manager.", "Get me a supervisor now."):
        await world.calls.say("second", "customer", turn)
    await page.until("document.querySelector('#count-waiting').innerText >= '2'", "no longer held")
