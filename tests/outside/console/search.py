"""Search of ended calls, and opening one of them."""

ROWS = "[...document.querySelectorAll('#search-rows th')].map((n) => n.innerText)"


async def ended_calls(world):
    await world.serve()
    world.calls = await world.platform()
    for call_id, corpus, fields in (
        ("e-1", "te-020", {"queue": "billing", "team": "t1", "agent_id": "ana"}),
        ("e-2", "tj-005", {"queue": "service", "team": "t1", "agent_id": "ben"}),
        ("e-3", "td-028", {"queue": "service", "team": "t2", "agent_id": "ana"}),
    ):
        call = await world.calls.play(call_id, corpus, **fields)
        await world.calls.end(call_id, outcome={"escalated": call["outcome"]["escalated"]})
    await world.calls.play("live", "tj-005", 4)


async def test_ended_calls_are_found_by_words_fields_and_outcome(world):
    await ended_calls(world)
    page = await world.page("/#/search")
    await page.until(f"{ROWS}.join() === 'e-3,e-2,e-1'", "ended calls, the newest first")
    for query, found in (("queue=service", "e-3,e-2"), ("team=t1&agent=ana", "e-1"), ("outcome=escalated", "e-3,e-1"), ("outcome=not_escalated", "e-2"), ("q=telescope", "e-2"), ("queue=none", "")):
        await page.value(f"location.hash = '#/search?{query}'")
        await page.until(f"{ROWS}.join() === '{found}'", f"{query} finds {found!r}")
    await page.shows("No ended call fits.")
    await page.click("#search-q")
    await page.value("document.querySelector('#search-form').reset()")
    await page.until(f"{ROWS}.length === 3", "all again")
    await page.type("telescope")
    await page.key("Enter")
    await page.until(f"{ROWS}.join() === 'e-2' && location.hash === '#/search?q=telescope'", "what is asked stands in the address")


async def test_a_result_opens_as_the_same_call_view_read_only(world):
    await ended_calls(world)
    page = await world.page("/#/search?agent=ana")
    await page.until(f"{ROWS}.length === 2", "two calls")
    await page.click("#search-rows tr:last-child a")
    await page.shows("Pellworth", "#call .transcript")
    await page.until("document.querySelectorAll('.turns li').length > 0", "its curve")
    await page.shows("This call", "#groups")
    assert await page.value("[...document.querySelectorAll('#groups .group:first-child .actions button')].every((b) => !b.checkVisibility())"), "nothing to be done"
    await page.key("Escape")
    await page.until(f"location.hash === '#/search?agent=ana' && {ROWS}.length === 2", "back to the same list")


async def test_a_long_list_comes_in_parts(world):
    await world.serve()
    world.calls = await world.platform()
    for number in range(55):
        await world.calls.start(f"n-{number}")
        await world.calls.end(f"n-{number}")
    page = await world.page("/#/search")
    await page.until(f"{ROWS}.length === 50", "the first part")
    await page.click("#search-more")
    await page.until(f"new Set({ROWS}).size === 55", "the rest, none twice")
    await page.until("document.querySelector('#search-more').hidden", "no more")


async def test_what_the_server_refuses_is_said(world):
    await world.serve()
    page = await world.page("/#/search?outcome=escalated")
    await page.until("document.querySelector('#search-note').innerText === 'No ended call fits.'", "an empty list")
    await page.value("(() => { const f = document.querySelector('#search-form'); f.elements.outcome.options[1].value = 'wrong'; f.requestSubmit(); })()")
    await page.until("/outcome/.test(document.querySelector('#search-note').innerText)", "why not")
