"""The agent's panel: own calls only, what to say, a hand to raise."""

# Keeps everything that the server tells the page.
EARS = """
    window.heard = [];
    const set = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage').set;
    Object.defineProperty(WebSocket.prototype, 'onmessage', { set(run) { set.call(this, run && ((event) => { window.heard.push(event.data); run(event); })); } });
"""


async def a_panel(world, width=360):
    await world.serve()
    world.calls = await world.platform()
    await world.calls.play("mine", "te-020", 12, agent_id="a17")
    await world.calls.play("x-99", "tc-011", 14, agent_id="b2")
    return await world.page("/?view=agent&agent=a17", user="", width=width, height=740, before=EARS)


async def test_an_agent_sees_the_own_call_and_what_to_say(world):
    page = await a_panel(world)
    await page.shows("mine", "#panel")
    await page.shows("Say", "#panel-advice .say")
    await page.shows("Avoid", "#panel-advice .avoid")
    await page.shows("Nobody has taken it yet", "#panel-help")
    assert "x-99" not in await page.text("body"), "a call of somebody else"
    await world.calls.say("x-99", "customer", "Get me your manager, right now.")
    await world.calls.say("mine", "customer", "Well?")
    await page.until("window.heard.filter((text) => text.includes('\"call_id\":\"mine\"')).length >= 2", "news of the own call")
    assert not await page.value("window.heard.some((text) => text.includes('\"call_id\":\"x-99\"'))"), "nothing of others is even sent"
    assert await page.value("getComputedStyle(document.querySelector('.desk')).display") == "none"
    assert await page.value("document.documentElement.scrollWidth") <= 360
    say, rest = await page.value("['.say', '.avoid'].map((s) => parseFloat(getComputedStyle(document.querySelector('#panel-advice ' + s)).fontSize))")
    assert say > rest, "what to say is large"


async def test_raising_a_hand_reaches_the_supervisor_who_comes(world):
    page = await a_panel(world)
    supervisor = await world.page(user="sup-3")
    await page.shows("mine", "#panel")
    await page.key("h")
    await page.type("needs a fee waiver")
    await page.key("Enter")
    await page.shows("Your hand is up.", "#hand-result")
    await supervisor.shows("Raised by hand", "#groups")
    card = "[...document.querySelectorAll('.card')].find((n) => n.innerText.includes('Raised by hand'))"
    await supervisor.value(f"{card}.focus()")
    await supervisor.shows("needs a fee waiver", "#groups")
    await supervisor.key("a")
    await page.shows("sup-3 is on it", "#panel-help")


async def test_the_panel_follows_the_agent_from_call_to_call(world):
    page = await a_panel(world)
    await page.shows("mine", "#panel-id")
    await world.calls.play("next", "tj-005", 6, agent_id="a17")
    await page.until("document.querySelectorAll('#panel-others option').length === 2", "a choice of two calls")
    await world.calls.end("mine")
    await page.shows("next", "#panel-id")
    await page.shows("Going well", "#panel-level")
    await page.click("#panel-words summary")
    await page.until("document.querySelectorAll('#panel-transcript .said').length === 6", "the words, when asked for")
    await world.calls.say("next", "customer", "Right you are.")
    await page.shows("Right you are.", "#panel-transcript")
    await world.calls.end("next")
    await page.shows("No call of a17 right now.")


async def test_without_a_name_it_asks_whose_it_is(world):
    await world.serve()
    page = await world.page("/?view=agent", user="", width=360)
    await page.shows("Whose panel is this?")
