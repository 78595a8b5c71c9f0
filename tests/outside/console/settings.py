"""What the browser keeps, and the alarms the person chose."""

from console.inbox import an_alert

EARS = """
    window.tones = 0; window.notes = [];
    const make = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function () { window.tones++; return make.call(this); };
    window.Notification = class { constructor(title, more) { window.notes.push([title, more.tag]); } close() {} static permission = 'granted'; };
"""


async def fill(page, name, value):
    await page.value(f"""(() => {{
        const field = document.querySelector('#settings-form').elements['{name}'];
        field.value = {value!r};
        field.dispatchEvent(new Event('input', {{ bubbles: true }}));
    }})()""")


async def test_settings_are_kept_in_this_browser(world):
    await world.serve()
    page = await world.page(user="")
    await page.click("#settings-open")
    for name, value in (("user", "sup-7"), ("theme", "dark"), ("text", "150"), ("listen", "https://pbx.example/{call_id}"), ("snooze_s", "600")):
        await fill(page, name, value)
    await page.click("#settings-form button[value=save]")
    await page.shows("sup-7", "#user-name")
    look = "[document.documentElement.dataset.theme, getComputedStyle(document.documentElement).fontSize, getComputedStyle(document.body).backgroundColor]"
    assert await page.value(look) == ["dark", "24px", "rgb(17, 22, 26)"], await page.value(look)
    await page.go(await page.value("location.href"))
    await page.shows("sup-7", "#user-name")
    assert await page.value(look) == ["dark", "24px", "rgb(17, 22, 26)"]


async def test_the_address_of_a_panel_changes_nothing_that_is_kept(world):
    await world.serve()
    page = await world.page("/?view=agent&agent=a17", user="", live=False)
    await page.shows("No call of a17 right now.")
    await page.click("#settings-open")
    assert await page.value("['view', 'agent'].every((name) => document.querySelector('#settings-form').elements[name].disabled)")
    await fill(page, "theme", "dark")
    await page.click("#settings-form button[value=save]")
    await page.go(f"http://{world.server.address}/")
    await page.until("document.querySelector('#board').checkVisibility()", "the supervisor's page")
    assert await page.value("document.documentElement.dataset.theme") == "dark"


async def test_a_listen_page_that_is_no_web_page_is_refused(world):
    await world.serve()
    page = await world.page()
    await page.click("#settings-open")
    await fill(page, "listen", "javascript:alert(1)")
    await page.click("#settings-form button[value=save]")
    assert await page.value("document.querySelector('#settings').open && !document.querySelector('#settings-form').checkValidity()")


async def test_what_is_kept_by_something_else_does_no_harm(world):
    await world.serve()
    page = await world.page(live=False, before="localStorage.setItem('forewarn', '{\"user\": 7, \"levels\": \"all\", \"text\": [], \"view\": \"x\"');")
    await page.shows("Connected", "#link")
    await page.value("localStorage.setItem('forewarn', JSON.stringify({ user: 7, levels: 'all', text: [], queues: null }))")
    await page.go(await page.value("location.href"))
    await page.shows("Connected", "#link")


async def test_sound_and_notification_for_what_was_chosen(world):
    await world.serve()
    world.calls = await world.platform()
    chosen = {"sound": True, "desktop": True, "levels": ["critical"], "queues": ["billing"]}
    page = await world.page(kept=chosen, before=EARS)
    await page.shows("Sound waits for a click", "#sound-waits")
    await page.click("h1")
    await page.until("document.querySelector('#sound-waits').hidden", "sound after the first click")
    await an_alert(world, "quiet", queue="service")
    await page.shows("quiet", "#groups")
    assert await page.value("[window.tones, window.notes.length]") == [0, 0], "of a queue that was not chosen"
    await an_alert(world, "loud", queue="billing")
    await page.until("window.tones > 0", "a sound")
    notes = await page.value("window.notes")
    assert len(notes) == 1 and "Critical" in notes[0][0] and "loud" in notes[0][0], notes


async def test_nothing_is_told_unless_chosen(world):
    await world.serve()
    world.calls = await world.platform()
    page = await world.page(before=EARS)
    await page.click("h1")
    await an_alert(world, "c-1")
    await page.until("document.querySelector('#announce').textContent.includes('New alert: Critical')", "the line for screen readers")
    assert await page.value("[window.tones, window.notes.length]") == [0, 0]
