"""The live board: what it shows, its filters, and that nothing moves under the pointer."""

IDS = "[...document.querySelectorAll('#rows .name')].map((n) => n.textContent)"


async def three_calls(world):
    await world.serve()
    platform = await world.platform()
    await platform.play("hot", "te-020", 10, queue="billing", team="t1", agent_id="ana")
    await platform.play("calm", "tj-005", 10, queue="service", team="t2", agent_id="ben")
    await platform.start("new", queue="service", team="t1", agent_id="chloe", attributes={"tier": "gold"})
    return platform


async def test_a_row_tells_the_call(world):
    platform = await three_calls(world)
    page = await world.page()
    await page.until(f"{IDS}.length === 3", "three calls")
    row = await page.text("#rows li:first-child")
    for part in ("hot", "billing", "ana", "%", "waits 0:"):
        assert part in row, f"{part!r} is not in {row!r}"
    await page.until("document.querySelector('#rows .spark .line').getAttribute('d').length > 40", "the sparkline, also of what was before")
    assert "−" in await page.text("#rows li:first-child .mood"), "the sentiment"
    assert "Too early" in await page.text("#rows li:nth-child(3)")
    await page.click(".card .actions .primary")
    await page.until("/\\bsup-1|you\\b/.test(document.querySelector('#rows li .owner').innerText)", "the owner")
    await platform.end("calm")
    await page.until(f"{IDS}.length === 2", "an ended call leaves")


async def test_filters_by_queue_team_and_words(world):
    await three_calls(world)
    page = await world.page()
    await page.until(f"{IDS}.length === 3", "three calls")
    await page.value("(() => { const s = document.querySelector('#filter-queue'); s.value = 'service'; s.dispatchEvent(new Event('change')); })()")
    await page.until(f"{IDS}.sort().join() === 'calm,new'", "the calls of a queue")
    await page.shows("more waiting outside the filter", "#inbox")
    await page.value("(() => { const s = document.querySelector('#filter-team'); s.value = 't1'; s.dispatchEvent(new Event('change')); })()")
    await page.until(f"{IDS}.join() === 'new'", "the calls of a queue and a team")
    await page.go(await page.value("location.href"))
    await page.until(f"{IDS}.join() === 'new'", "filters are kept in the browser")
    await page.click("#filter-clear")
    await page.until(f"{IDS}.length === 3", "all again")
    for words, found in (("gold", "new"), ("BEN", "calm"), ("t1 billing", "hot"), ("nothing at all", "")):
        await page.value("document.querySelector('#filter-word').select()")
        await page.type(words)
        await page.until(f"{IDS}.join() === {found!r}", f"{words!r} finds {found!r}")
    await page.shows("No live call fits the filter.")
    await page.key("Escape")
    await page.until(f"{IDS}.length === 3", "Escape empties the search")


async def test_the_order_holds_under_the_pointer_and_the_keyboard(world):
    platform = await three_calls(world)
    page = await world.page()
    await page.until(f"{IDS}[0] === 'hot'", "the hot call on top")
    await page.hover("#rows li:nth-child(2) a")
    before = await page.value(IDS)
    await platform.play("hotter", "tc-011", 14, agent_id="dev")
    await page.shows("Order held while you point, 1 new", "#board-held")
    assert await page.value(IDS) == before, "the order changed under the pointer"
    await page.mouse("mouseMoved", 640, 790)
    await page.until(f"{IDS}.includes('hotter')", "the order once the pointer has left")
    await page.value("document.querySelector('#rows li:nth-child(2) a').focus()")
    before = await page.value(IDS)
    await platform.play("third", "td-028", 10, agent_id="eve")
    await page.shows("Order held while you point, 1 new", "#board-held")
    assert await page.value(IDS) == before, "the order changed under the keyboard"


async def test_rows_are_reordered_at_most_every_two_seconds(world):
    platform = await three_calls(world)
    page = await world.page()
    await page.until(f"{IDS}.length === 3", "three calls")
    await page.value("""(() => {
        window.moves = [];
        const order = () => [...document.querySelectorAll('#rows li')].sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)).map((n) => n.dataset.key).join();
        let last = order();
        new MutationObserver(() => { const now = order(); if (now !== last) { last = now; window.moves.push(performance.now()); } })
            .observe(document.querySelector('#rows'), { childList: true, subtree: true, attributes: true, attributeFilter: ['style'] });
    })()""")
    for turn in range(3):
        await platform.play(f"more-{turn}", "tc-011", 8 + turn, agent_id="dev")
        await page.until(f"{IDS}.includes('more-{turn}')", "a new call")
    gaps = await page.value("window.moves.slice(1).map((at, i) => at - window.moves[i])")
    assert gaps and min(gaps) >= 2000, gaps


async def test_a_hidden_page_catches_up(world):
    platform = await three_calls(world)
    page = await world.page()
    await page.until(f"{IDS}.length === 3", "three calls")
    other = await world.browser.call("Target.createTarget", url="about:blank", browserContextId=page.context, newWindow=False)
    await world.browser.call("Target.activateTarget", targetId=other["targetId"])
    await page.value("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    await platform.play("later", "td-028", 10, agent_id="eve")
    await platform.end("calm")
    await page.until("/waiting/.test(document.querySelector('#counts, .counts').innerText) && document.title.startsWith('(')", "the title tells of alerts")
    await page.value("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    await world.browser.call("Target.activateTarget", targetId=page.target)
    await page.until(f"{IDS}.sort().join() === 'hot,later,new'", "what came meanwhile")
