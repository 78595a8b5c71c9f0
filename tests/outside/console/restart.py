"""The server restarts in the middle of the shift: the page says so, resumes, loses and doubles nothing."""

from console.inbox import an_alert


async def test_a_restart_resumes_with_nothing_lost_or_doubled(world):
    await world.serve("--data-dir", world.folder(), desk_resume_grace_s=600)
    world.calls = await world.platform()
    await an_alert(world, "c-1")
    await an_alert(world, "c-2")
    page = await world.page(before="""
        window.sent = []; window.alerts = [];
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
            if (!this.heard) { this.heard = true; this.addEventListener('message', (e) => { const m = JSON.parse(e.data); if (m.type === 'alert') window.alerts.push(m.offset); if (m.type === 'snapshot') window.alerts.push(m.recovered); }); }
            window.sent.push(JSON.parse(text)); return send.call(this, text); };
    """)
    await page.until("document.querySelectorAll('.card').length === 2", "two alerts")
    await page.key("a")
    await page.shows("Mine 1", "#groups")
    await world.calls.socket.close()
    world.server.stop()
    await page.shows("Reconnecting", "#link-text")
    await page.shows("The server restarts. What you see is from", "#banner-text")
    await page.until("/Next attempt in \\d+\\u202fs/.test(document.querySelector('#banner-wait').innerText)", "the seconds")
    assert await page.value("document.body.dataset.stale === 'yes' && document.querySelector('.card[data-current] .actions button').disabled"), "old and said to be"
    world.server.again()
    # While the page is away, much happens.
    world.calls = await world.platform()
    await world.calls.play("c-3", "te-020", 10)
    await page.shows("Resumed, nothing missed", "#link-text")
    await page.until("document.querySelectorAll('.card').length === 3", "what was missed")
    await page.shows("Mine 1", "#groups")
    await page.until("document.querySelectorAll('#rows li').length === 3", "all calls are still there")
    subscribed = await page.value("window.sent.filter((m) => m.type === 'subscribe')")
    assert len(subscribed) == 2 and "since" not in subscribed[0] and subscribed[1]["since"]["offset"] > 0, subscribed
    heard = await page.value("window.alerts")
    offsets = [offset for offset in heard if isinstance(offset, int) and not isinstance(offset, bool)]
    assert True in heard and offsets == sorted(set(offsets)), heard
    await page.until("document.querySelector('#banner').hidden && !document.body.dataset.stale", "fresh again")


async def test_a_new_journal_gives_the_full_picture_anew(world):
    await world.serve()
    world.calls = await world.platform()
    await an_alert(world)
    page = await world.page()
    await page.until("document.querySelectorAll('.card').length === 1", "an alert")
    await world.calls.socket.close()
    world.server.stop()
    await page.shows("Reconnecting", "#link-text")
    world.server.again()
    await page.shows("Connected, all loaded anew", "#link-text")
    await page.until("document.querySelectorAll('.card, #rows li').length === 0", "what is gone is gone")


async def test_try_now_does_not_wait(world):
    await world.serve("--data-dir", world.folder())
    page = await world.page(before="Math.random = () => 1;")
    world.server.stop()
    await page.shows("Next attempt in", "#banner-wait")
    await page.until("/in (4|8|15|16|30)/.test(document.querySelector('#banner-wait').innerText)", "a long wait", seconds=30)
    world.server.again()
    await page.click("#banner-retry")
    await page.shows("Resumed, nothing missed", "#link-text")
