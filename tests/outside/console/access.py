"""Accessibility: axe in every view, both themes, both widths; sizes of targets, large text, less motion."""

import json

from console.inbox import an_alert

VIEWS = ("/", "/#/call/c-1", "/#/search", "/#/shift", "/?view=agent&agent=a17")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def scene(world):
    await world.serve()
    world.calls = await world.platform()
    await an_alert(world, "c-1", attributes={"tier": "gold"})
    await an_alert(world, "c-2", "tc-011", agent_id="b2")
    await world.calls.play("e-1", "te-020", 10)
    await world.calls.end("e-1", outcome={"escalated": True})


async def settled(page, path):
    """The view has what it shows."""
    ready = {"/#/call/c-1": ".said mark", "/#/search": "#search-rows tr", "/#/shift": "#shift-rows tr", "/?view=agent&agent=a17": "#panel-advice .say"}
    await page.until(f"document.querySelector({json.dumps(ready.get(path, '.card'))})", path)


async def complaints(page):
    found = json.loads(await page.value(f"""axe.run(document, {{ runOnly: {json.dumps(RULES)} }}).then((r) => JSON.stringify(r.violations.map((v) =>
        [v.id, v.help, ...v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? ''))])))"""))
    return found


async def test_axe_finds_nothing(world):
    if not world.options.axe:
        print("!! SKIPPED: axe.min.js could not be had; accessibility is not checked by machine", flush=True)
        return
    axe = world.options.axe.read_text(encoding="utf-8")
    await scene(world)
    for theme in ("light", "dark"):
        for width in (1280, 360):
            for path in VIEWS:
                page = await world.page(path, user="sup-1" if "agent" not in path else "", theme=theme, width=width)
                await settled(page, path)
                await page.value(axe + ";0")
                where = f"{path} {theme} {width}"
                assert not (found := await complaints(page)), f"{where}: {json.dumps(found, indent=1)}"
                if path == "/":
                    if width == 360:
                        await page.click("#pane-alerts")
                    await page.key("r")
                    await page.until("document.querySelector('.card form:not([hidden])')", "a form")
                    assert not (found := await complaints(page)), f"{where}, resolving: {json.dumps(found, indent=1)}"
                for button in ("#settings-open", "#keys-open"):
                    await page.click(button)
                    await page.until("document.querySelector('dialog[open]')", "a dialog")
                    assert not (found := await complaints(page)), f"{where}, {button}: {json.dumps(found, indent=1)}"
                    await page.value("document.querySelector('dialog[open]').close()")
                world.pages.remove(page)
                await page.close()
                assert not page.troubles, page.troubles


async def test_targets_are_large_enough(world):
    await scene(world)
    for width in (1280, 360):
        for path in VIEWS:
            page = await world.page(path, user="sup-1" if "agent" not in path else "", width=width)
            await settled(page, path)
            small = await page.value("""[...document.querySelectorAll('button, select, input, summary, #views a, #rows a, .quote, tbody a, .back, .listen, .where a')]
                .filter((n) => n.checkVisibility({ visibilityProperty: true }) && !n.closest('.hidden, .skip'))
                .map((n) => [n, (n.closest('label.check, label.choice') ?? n).getBoundingClientRect()])
                .filter(([, b]) => b.width > 0 && (b.width < 24 || b.height < 23.9))
                .map(([n, b]) => `${n.outerHTML.slice(0, 90)} ${b.width}x${b.height}`)""")
            assert not small, f"{path} at {width}: {small}"


async def test_nothing_is_cut_off_at_360_or_with_text_at_200_percent(world):
    await scene(world)
    for how in ({"width": 360}, {"width": 1280, "kept": {"text": 200}}, {"width": 640, "kept": {"text": 200}}):
        for path in VIEWS:
            page = await world.page(path, user="sup-1" if "agent" not in path else "", live=False, **how)
            await settled(page, path)
            over = await page.value("""[document.documentElement, document.querySelector('#main'), document.querySelector('#inbox'), document.querySelector('#panel')]
                .filter((n) => n.checkVisibility() && n.scrollWidth > n.clientWidth + 1).map((n) => `${n.id || n.tagName} ${n.scrollWidth} in ${n.clientWidth}`)""")
            assert not over, f"{path} with {how}: {over}"


async def test_less_motion_means_none(world):
    await scene(world)
    moving = """[...document.querySelectorAll('*')].filter((n) => {
        const s = getComputedStyle(n);
        return s.transitionDuration.split(',').some((d) => parseFloat(d) > 0) || s.animationName !== 'none' || s.scrollBehavior === 'smooth';
    }).length"""
    page = await world.page("/#/call/c-1", reduced=True)
    await settled(page, "/#/call/c-1")
    assert await page.value(f"document.body.dataset.stale = 'yes', {moving}") == 0
    page = await world.page("/#/call/c-1")
    await settled(page, "/#/call/c-1")
    assert await page.value(f"document.body.dataset.stale = 'yes', {moving}") > 0, "this test looks at nothing"


async def test_only_warnings_are_spoken_and_once(world):
    await world.serve()
    world.calls = await world.platform()
    page = await world.page(before="window.spoken = []; addEventListener('DOMContentLoaded', () => { for (const region of document.querySelectorAll('[aria-live], [role=status], [role=log]')) new MutationObserver(() => window.spoken.push([region.id, region.textContent])).observe(region, { childList: true, subtree: true, characterData: true }); });")
    await page.value("window.spoken.length = 0")
    await world.calls.play("calm", "tj-005", 12)
    await an_alert(world, "hot")
    await page.until("window.spoken.some(([, text]) => /New alert: Critical.*call hot/.test(text))", "the alert")
    spoken = await page.value("window.spoken.filter(([id, text]) => text)")
    assert len(spoken) == 1, spoken
