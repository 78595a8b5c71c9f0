"""The view of one call: words as they come, what counted, the curve, and the way out."""


async def a_call(world, turns=12):
    await world.serve()
    world.calls = await world.platform()
    await world.calls.play("c-1", "te-020", turns, attributes={"tier": "gold"})
    page = await world.page("/#/call/c-1", kept={"listen": "https://pbx.example/listen/{call_id}"})
    await page.until(f"document.querySelectorAll('.said').length === {turns}", "the transcript")
    return page


async def test_words_partials_acts_and_facts(world):
    page = await a_call(world)
    for part in ("c-1", "a17", "billing", "t1", "gold", "negative"):
        await page.shows(part, "#call")
    assert await page.count(".said .act") > 0, "acts"
    assert await page.count(".said mark") > 0, "marked words"
    # An open partial is shown as such and replaced by its final.
    await world.calls.say("c-1", "customer", "I want to", segment_id="s1", final=False)
    await page.shows("I want to", ".said[data-partial] .text")
    await world.calls.say("c-1", "customer", "I want to know now.", segment_id="s1")
    await page.until("!document.querySelector('.said[data-partial]')", "the final in its place")
    await page.shows("I want to know now.", ".said:last-child")


async def test_marks_and_lines_say_what_they_counted(world):
    page = await a_call(world)
    await page.until("[...document.querySelectorAll('.said mark')].some((m) => /part of [+−]\\d/.test(m.dataset.why))", "parts of reasons")
    await page.hover(".said mark")
    await page.until("document.querySelector('.tip:not([hidden])')?.innerText", "a note beside the mark")
    await page.key("Escape")
    await page.until("document.querySelector('.tip').hidden", "Escape puts it away")
    await page.mouse("mouseMoved", 5, 5)
    await page.value("document.querySelector('.transcript').focus()")
    await page.key("ArrowUp")
    await page.until("document.activeElement.className === 'said' && document.activeElement.getAttribute('aria-describedby') === 'tip'", "a line under the keyboard")
    await page.shows("risk after this", ".tip")


async def test_the_curve_names_its_turns_and_reads_off_any_moment(world):
    page = await a_call(world)
    turns = await page.until("(() => { const t = [...document.querySelectorAll('.turns li')].map((n) => n.innerText); return t.length && t; })()", "turning points")
    assert any("▲" in turn for turn in turns) and any("agent" in turn or "customer" in turn for turn in turns), turns
    assert await page.count(".curve .knot") == len(turns)
    assert await page.count(".curve .mark") == 1, "the alert on the curve"
    await page.hover(".curve")
    moment = await page.until("!document.querySelector('.moment-text').hidden && document.querySelector('.moment-text').innerText", "the moment")
    assert "%" in moment and ": " in moment, moment
    await page.click(".turns button")
    await page.until("document.querySelector('.said[data-shown]')", "its words in the transcript")


async def test_a_quote_leads_to_its_words_and_reasons_stand_open(world):
    page = await a_call(world)
    await page.shows("This call 1", "#groups")
    await page.until("document.querySelector('#groups .card details').open", "all reasons")
    await page.shows("Sum, in log-odds", ".account")
    await page.shows("raised by engine", ".history")
    await page.click(".card .quote")
    await page.until("document.querySelector('.said[data-shown]') && /#\\/call\\/c-1\\/\\d+/.test(location.hash)", "the quoted words")


async def test_the_alert_of_the_call_comes_first_into_sight(world):
    await world.serve()
    world.calls = await world.platform()
    for number in range(12):
        await world.calls.play(f"c-{number}", "te-020", 10)
    page = await world.page()
    await page.until("document.querySelectorAll('.card').length === 12", "alerts")
    await page.value("document.querySelector('.card:last-child').focus()")
    await page.until("document.querySelector('#inbox').scrollTop > 100", "far down in the inbox")
    await page.key("o")
    await page.shows("This call 1", "#groups")
    await page.until("document.querySelector('#inbox').scrollTop === 0", "the top of the inbox")


async def test_the_listen_link_opens_the_platforms_page(world):
    page = await a_call(world)
    link = await page.value("(() => { const a = document.querySelector('.listen'); return [a.href, a.rel, a.target, a.hidden]; })()")
    assert link == ["https://pbx.example/listen/c-1", "noopener noreferrer", "_blank", False], link


async def test_a_gap_is_filled_by_rest(world):
    """The server drops chunks of a slow console and says so; the page then asks for the whole."""
    await world.serve()
    world.calls = await world.platform()
    await world.calls.play("c-1", "te-020", 6)
    # The line of this page loses every word, but the one that says that some were lost.
    page = await world.page("/#/call/c-1", live=False, before="""
        const add = EventTarget.prototype.addEventListener;
        const onmessage = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
        Object.defineProperty(WebSocket.prototype, 'onmessage', { set(run) {
            onmessage.set.call(this, run && ((event) => {
                const message = JSON.parse(event.data);
                if (message.type === 'chunk' && message.seq < 6) return;
                run(message.type === 'chunk' ? { data: JSON.stringify({ ...message, gap: true }) } : event);
            }));
        } });""")
    await page.until("document.querySelectorAll('.said').length === 6", "all words, by REST")


async def test_an_ended_call_is_shown_and_not_watched(world):
    page = await a_call(world)
    await world.calls.end("c-1", outcome={"escalated": True})
    await page.shows("Ended", "#call .level")
    await page.shows("Escalated", "#call .facts")
    again = await world.page("/#/call/c-1", user="sup-2")
    await again.until("document.querySelectorAll('.said').length === 12", "its words, by REST")
    await again.until("document.querySelectorAll('.turns li').length > 0", "its turning points")
    assert await again.value("document.querySelector('.listen').hidden"), "nobody to listen to"


async def test_an_unknown_call_says_so(world):
    await world.serve()
    page = await world.page("/#/call/never-heard-of")
    await page.shows("no such call is kept here", ".note")
    await page.key("Escape")
    await page.until("location.hash === '#/'", "the way out")
