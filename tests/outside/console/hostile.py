"""Words of strangers stay words, wherever they are shown."""

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> give me your manager <b>now</b>"


async def test_hostile_text_stays_text(world):
    await world.serve()
    world.calls = await world.platform()
    name = "<svg onload=document.title='owned'>/../\u202e%00"
    await world.calls.start("c-<b>1", queue=HOSTILE[:60], team=name, agent_id=name, attributes={"<i>tier</i>": HOSTILE[:80]})
    await world.calls.say("c-<b>1", "customer", HOSTILE)
    page = await world.page(user="sup<u>1")
    await page.until("document.querySelectorAll('.card').length > 0", "an alert by a rule")
    await page.key("r", "1")
    await page.type(HOSTILE)
    await page.key("Enter")
    await page.shows("Closed 1", "#groups")
    await page.click("#rows a")
    await page.shows("<b>now</b>", "#call .transcript")
    await world.calls.end("c-<b>1", outcome={"escalated": False})
    await page.value("location.hash = '#/search?q=manager'")
    await page.shows("c-<b>1", "#search-rows")
    await page.value("location.hash = '#/call/' + encodeURIComponent('c-<b>1') + '/1'")
    await page.shows("<b>now</b>", "#call .transcript")
    assert await page.value("document.title.startsWith('Forewarn') || document.title.includes('Forewarn')")
    strange = "document.querySelectorAll('img, script:not([src=\"/app.js\"]), [onerror], [onload], .said b, #call i i, .history b').length"
    assert await page.value(strange) == 0
    assert "owned" not in await page.value("document.title")


async def test_no_other_host_is_asked(world):
    await world.serve()
    world.calls = await world.platform()
    await world.calls.play("c-1", "te-020", 10)
    page = await world.page("/#/call/c-1", kept={"listen": "https://pbx.example/{call_id}"})
    await page.until("document.querySelectorAll('.said').length === 10", "the call")
    hosts = await page.value("[...new Set(performance.getEntriesByType('resource').map((e) => new URL(e.name).host))]")
    assert hosts == [world.server.address], hosts


async def test_who_may_frame_the_page_is_said_in_its_header(world):
    await world.serve(server_frame_ancestors='["https://crm.example"]')
    page = await world.page()
    policy = await page.value("fetch('/').then((r) => r.headers.get('content-security-policy'))")
    assert policy.endswith("frame-ancestors https://crm.example"), policy
