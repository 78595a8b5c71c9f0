"""The inbox: one key for each thing that is done with an alert, refusals in place, held ones apart."""

from harness import of, receive, send
from world import World  # noqa: F401  (the type of `world`)


async def an_alert(world, call_id="c-1", corpus="te-020", **fields):
    """A live call with one alert that waits."""
    if not hasattr(world, "server"):
        await world.serve()
        world.calls = await world.platform()
    await world.calls.play(call_id, corpus, 10, **fields)


async def state(page, wanted):
    await page.until(f"document.querySelector('.card[data-current] .state')?.innerText.toLowerCase().includes({wanted!r})", wanted)


async def test_a_card_says_what_who_why_and_what_to_do(world):
    await an_alert(world)
    page = await world.page()
    card = await page.until("document.querySelector('.card[data-current]')?.innerText", "the current alert")
    for part in ("likely to escalate", "c-1", "a17", "billing", "Say", "Avoid", "because", "Raised · no owner"):
        assert part.lower() in card.lower(), f"{part!r} is not in {card!r}"
    assert await page.count(".card[data-current] .quote") > 0, "the words that counted"
    await page.click(".card[data-current] details summary")
    await page.shows("where every call starts", ".account")
    parts = await page.value("[...document.querySelectorAll('.account li data')].map((n) => Number(n.value))")
    total = await page.value("Number(document.querySelector('.account .sum data').value)")
    assert len(parts) > 4 and abs(sum(parts) - total) < 1e-9, (parts, total)
    await page.shows("raised by engine", ".history")


async def test_one_key_acknowledges(world):
    await an_alert(world)
    page = await world.page()
    await page.until("document.querySelector('.card[data-current]')", "the alert")
    await page.key("a")
    await state(page, "acknowledged · owner you")
    await page.shows("Mine 1", "#groups")
    await page.shows("0", "#count-waiting")


async def test_one_key_assigns_to_me_or_to_a_name(world):
    await an_alert(world)
    page = await world.page()
    await page.until("document.querySelector('.card[data-current]')", "the alert")
    await page.key("n", "Enter")
    await state(page, "owner you")
    await page.key("n")
    await page.type("sup-9")
    await page.key("Enter")
    await state(page, "owner sup-9")
    await page.shows("With others 1", "#groups")


async def test_one_key_snoozes(world):
    await an_alert(world)
    page = await world.page(kept={"snooze_s": 600})
    await page.until("document.querySelector('.card[data-current]')", "the alert")
    await page.shows("Snooze 10\u202fmin", ".card")
    await page.key("s")
    await page.shows("Snoozed 1", "#groups")


async def test_r_and_a_digit_resolve_with_a_note(world):
    await an_alert(world)
    page = await world.page()
    await page.until("document.querySelector('.card[data-current]')", "the alert")
    await page.key("r", "1")
    await page.type("credited the fee")
    await page.key("Enter")
    await page.shows("Closed 1", "#groups")
    await page.click("details.closed summary")
    await page.click("details.closed .card h4")
    await page.click("details.closed .card details summary")
    await page.shows("credited the fee", ".history")
    await page.shows("Resolved: averted", "details.closed .card .state")


async def test_escape_leaves_a_form_and_nothing_else(world):
    await an_alert(world)
    page = await world.page()
    await page.until("document.querySelector('.card[data-current]')", "the alert")
    await page.key("o")
    await page.shows("Transcript", "#call")
    await page.key("r")
    await page.until("document.activeElement.type === 'radio'", "the form")
    await page.key("Escape")
    await page.until("document.activeElement.textContent.startsWith('Resolve')", "the button it came from")
    assert await page.value("location.hash") == "#/call/c-1"
    await page.key("Escape")
    await page.until("location.hash === '#/'", "then back to the board")


async def test_keys_do_nothing_while_one_types_or_when_switched_off(world):
    await an_alert(world)
    page = await world.page(kept={"keys": False})
    await page.until("document.querySelector('.card[data-current]')", "the alert")
    await page.key("a", "s")
    await page.click("#filter-word")
    await page.key("a")
    await page.until("document.querySelector('#filter-word').value === 'a'", "typing")
    await state(page, "raised · no owner")


async def test_a_key_meant_for_the_card_before_hits_nothing(world):
    await an_alert(world)
    await an_alert(world, "c-2", "te-020")
    page = await world.page()
    await page.until("document.querySelectorAll('.card').length === 2", "two alerts")
    first = await page.value("document.querySelector('.card[data-current]').dataset.alert")
    await page.value("document.activeElement.blur()")
    await page.value(f"""(async () => {{
        const other = new WebSocket(`ws://${{location.host}}/v1/console?user=sup-2`);
        await new Promise((done) => (other.onopen = done));
        other.send(JSON.stringify({{ type: 'subscribe', id: '1' }}));
        other.send(JSON.stringify({{ type: 'acknowledge', id: '2', alert_id: '{first}' }}));
        const press = () => document.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'a', bubbles: true }}));
        await new Promise((done) => new MutationObserver((_, me) => {{
            const now = document.querySelector('.card[data-current]');
            if (now && now.dataset.alert !== '{first}') {{ me.disconnect(); press(); done(); }}
        }}).observe(document.querySelector('#groups'), {{ subtree: true, attributes: true, childList: true }}));
    }})()""")
    await page.shows("With others 1", "#groups")
    await state(page, "raised · no owner")
    await page.until("new Promise((done) => setTimeout(() => done(true), 1600))", "a moment later")
    await page.key("a")
    await state(page, "acknowledged · owner you")


async def test_the_current_alert_stays_while_somebody_is_there(world):
    await world.serve()
    world.calls = await world.platform()
    await world.calls.play("mild", "tf-015", 9, agent_id="ana")
    page = await world.page()
    current = "document.querySelector('.card[data-current]')?.dataset.alert"
    mild = await page.until(current, "an alert")
    await page.mouse("mouseMoved", 300, 700)
    await world.calls.play("worse", "te-020", 18, agent_id="ben")
    await page.until("document.querySelectorAll('.card').length > 1", "another")
    assert await page.value(current) == mild
    # Nobody moves for a while: the most pressing one is the first to be read by who comes back.
    await page.until("performance.now() > window.since + 10500 || !(window.since ??= performance.now())", "a pause", seconds=14)
    await world.calls.say("worse", "customer", "Give me your manager, now.")
    await page.until(f"{current} !== '{mild}'", "the most pressing one")
    assert await page.value(f"document.querySelector('.card').dataset.alert === {current}")


async def test_a_refusal_is_shown_where_the_button_is(world):
    await an_alert(world)
    page = await world.page()
    await page.until("document.querySelector('.card[data-current]')", "the alert")
    # The server is told first by somebody else, and our page does not know yet.
    await page.value("""(() => {
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
            const message = JSON.parse(text);
            if (message.type !== 'acknowledge') return send.call(this, text);
            WebSocket.prototype.send = send;
            const other = new WebSocket(`ws://${location.host}/v1/console?user=sup-2`);
            other.onopen = () => {
                other.send(JSON.stringify({ type: 'subscribe', id: '1' }));
                other.send(JSON.stringify({ ...message, id: '2' }));
            };
            other.onmessage = (event) => JSON.parse(event.data).id === '2' && send.call(this, text);
        };
    })()""")
    await page.key("a")
    said = await page.until("document.querySelector('.card .result')?.innerText", "the refusal")
    import re
    assert re.fullmatch(r"Not done\. Already taken by sup-2 at \d\d:\d\d:\d\d\.", said), said
