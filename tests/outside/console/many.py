"""A thousand live calls: few nodes in the document, no long task while one scrolls."""

import json

from harness import of, receive, send

CALLS = 1000


async def a_thousand(world):
    await world.serve()
    world.calls = await world.platform()
    socket = world.calls.socket
    for number in range(CALLS):
        call_id = f"m-{number:04}"
        await send(socket, type="call_start", call_id=call_id, queue=f"q{number % 7}", team=f"t{number % 3}", agent_id=f"a{number}")
        for seq, (speaker, text) in enumerate([("customer", "Hello, I have a question about my bill."), ("agent", "Of course."), ("customer", "It is the third time I call about it." if number % 3 else "Thank you.")], 1):
            await send(socket, type="chunk", call_id=call_id, seq=seq, speaker=speaker, text=text)
        if number % 100 == 99:
            await receive(socket, of("ack", call_id=call_id, seq=3))


async def test_a_thousand_calls_scroll_smoothly(world):
    await a_thousand(world)
    page = await world.page(before="""
        window.long = [];
        new PerformanceObserver((list) => window.long.push(...list.getEntries().map((e) => [Math.round(e.startTime), e.duration]))).observe({ type: 'longtask', buffered: true });
    """)
    await page.until(f"document.querySelector('#count-calls').innerText === '{CALLS}'", "a thousand calls")
    await page.until("document.querySelector('#rows li')?.getAttribute('aria-setsize') === '1000'", "all on the board")
    high = await page.value("[document.querySelector('#rows').offsetHeight, document.querySelector('#rows li').offsetHeight]")
    assert high[0] == CALLS * high[1], high
    # The others go on meanwhile: every step of the scroll meets new words.
    scrolled = json.loads(await page.value("""(async () => {
        const main = document.querySelector('#main');
        const seen = new Set();
        let most = 0, empty = 0, frames = 0;
        const began = performance.now();
        for (let top = 0; top < main.scrollHeight - main.clientHeight; top += 150) {
            main.scrollTop = top;
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            frames++;
            const rows = [...document.querySelectorAll('#rows li')];
            most = Math.max(most, rows.length);
            for (const row of rows) seen.add(row.dataset.key);
            const box = main.getBoundingClientRect();
            const at = document.elementFromPoint(box.left + 100, box.top + box.height / 2);
            if (!at.closest('#rows li')) empty++;
        }
        main.scrollTop = main.scrollHeight;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        for (const row of document.querySelectorAll('#rows li')) seen.add(row.dataset.key);
        return JSON.stringify({ most, empty, frames, seen: seen.size, nodes: document.querySelectorAll('*').length,
            long: window.long.filter(([at]) => at >= began) });
    })()"""))
    assert scrolled["most"] <= 50, scrolled
    assert scrolled["nodes"] < 3000, scrolled
    assert scrolled["seen"] == CALLS, scrolled
    assert scrolled["empty"] == 0, "a hole where rows should be"
    # A frame here and there may be late on a busy machine; a list that is not virtual is late in every one.
    assert len(scrolled["long"]) <= scrolled["frames"] / 10, scrolled


async def test_what_comes_for_calls_out_of_sight_touches_no_row(world):
    await a_thousand(world)
    page = await world.page()
    await page.until("document.querySelector('#rows li')?.getAttribute('aria-setsize') === '1000'", "all on the board")
    await page.hover("#rows li")
    shown = await page.value("[...document.querySelectorAll('#rows li')].map((n) => n.dataset.key)")
    hidden = next(f"m-{number:04}" for number in range(CALLS) if f"m-{number:04}" not in shown)
    await page.value("""(() => {
        window.written = 0;
        new MutationObserver((list) => { window.written += list.filter((m) => m.target.parentElement?.closest('.risk, .mood')).length; })
            .observe(document.querySelector('#rows'), { subtree: true, characterData: true, childList: true });
    })()""")
    world.calls.seqs[hidden] = 3
    await world.calls.say(hidden, "customer", "This is outrageous, I have waited for weeks.")
    world.calls.seqs[shown[3]] = 3
    await world.calls.say(shown[3], "customer", "This is outrageous, I have waited for weeks.")
    await page.until("window.written > 0", "the row on screen")
    assert await page.value("document.querySelectorAll('#rows li').length") <= 50
