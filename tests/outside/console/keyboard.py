"""A shift without a pointer: everything is reached, the focus can be seen, help is one key away."""

from console.inbox import an_alert


async def test_from_the_top_of_the_page_to_a_resolved_alert(world):
    await an_alert(world, "c-1")
    await an_alert(world, "c-2", "tc-011")
    page = await world.page()
    await page.until("document.querySelectorAll('.card').length === 2", "two alerts")
    await page.key("Tab")
    await page.until("document.activeElement.id === 'skip-calls'", "skip links come first")
    await page.key("Tab", "Enter")
    await page.until("document.activeElement.id === 'alerts-title'", "to the alerts")
    await page.key("i")
    first = await page.until("document.activeElement.dataset.alert", "the current alert")
    await page.key("j")
    await page.until(f"document.activeElement.dataset.alert && document.activeElement.dataset.alert !== '{first}'", "the next one")
    await page.key("k")
    await page.until(f"document.activeElement.dataset.alert === '{first}'", "and back")
    await page.key("a")
    await page.until(f"/acknowledged/i.test(document.querySelector('#alert-{first} .state').innerText)", "acknowledged")
    await page.key("o")
    await page.until("document.activeElement.id === 'call-title'", "its call")
    await page.key("Escape")
    await page.until("document.activeElement.matches('#rows a')", "back on its row")
    await page.key("i", "r", "2", "Enter")
    await page.shows("Closed 1", "#groups")


async def test_arrows_go_through_the_board_and_tab_passes_it(world):
    await world.serve()
    world.calls = await world.platform()
    for number in range(60):
        await world.calls.start(f"n-{number:02}", started_at=f"2026-11-22T03:{59 - number % 60:02}:00Z")
    page = await world.page()
    await page.until("document.querySelectorAll('#rows li').length > 10", "calls")
    await page.key("b")
    at = "Number(document.activeElement.closest('li')?.getAttribute('aria-posinset'))"
    await page.until(f"{at} === 1", "the first row")
    await page.key("ArrowDown", "j", "j", "k")
    await page.until(f"{at} === 3", "the third")
    await page.key("End")
    await page.until(f"{at} === 60", "the last of sixty")
    assert await page.value("document.activeElement.closest('li').getAttribute('aria-setsize')") == "60"
    box = await page.value("(() => { const b = document.activeElement.getBoundingClientRect(); return b.top >= 0 && b.bottom <= innerHeight; })()")
    assert box, "the focused row is on screen"
    await page.key("Home", "Enter")
    await page.until("location.hash.startsWith('#/call/n-')", "Enter opens")
    await page.until("document.activeElement.id === 'call-title'", "the call")
    await page.key("Escape")
    await page.until(f"{at} >= 1", "and Escape comes back")
    await page.key("Tab")
    await page.until("!document.activeElement.closest('#rows')", "one Tab leaves the list")


async def test_the_focus_can_be_seen_wherever_tab_goes(world):
    await an_alert(world)
    page = await world.page()
    await page.until("document.querySelectorAll('.card').length === 1", "an alert")
    seen = []
    for _ in range(24):
        await page.key("Tab")
        seen.append(await page.value("""(() => {
            const node = document.activeElement;
            if (node === document.body) return ['', true]; // between the end of the page and its top
            const style = getComputedStyle(node);
            return [node.id || node.textContent.trim().slice(0, 20), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
        })()"""))
    assert all(visible for name, visible in seen if name), seen
    assert len({name for name, _ in seen}) > 15, seen


async def test_help_and_views_are_one_key_away(world):
    await world.serve()
    page = await world.page()
    await page.key("?")
    await page.shows("acknowledge the current alert", "#keys")
    await page.key("Escape")
    await page.until("!document.querySelector('#keys').open", "closed")
    for key, title in (("2", "search-title"), ("3", "shift-title"), ("1", "calls-title")):
        await page.key(key)
        await page.until(f"document.querySelector('#{title}').checkVisibility()", title)
    await page.key("/")
    await page.until("document.activeElement.id === 'filter-word'", "the search")
