"""The shift: what became of its alerts, in figures that agree with what was done."""

from console.inbox import an_alert

CELL = """((name) => {
    const at = [...document.querySelectorAll('#shift-head th')].findIndex((n) => n.textContent === name);
    return Number(document.querySelector('#shift-sum').children[at].textContent);
})"""


async def resolve(page, digit):
    before = await page.value("Number(document.querySelector('#count-alerts').innerText)")
    await page.until("document.querySelector('.card[data-current] .primary')?.checkVisibility()", "an alert to take")
    await page.value("document.activeElement.blur()")
    await page.until("new Promise((done) => setTimeout(() => done(true), 1600))", "a moment after the one before")
    await page.key("a")
    await page.until("/acknowledged/i.test(document.querySelector('.card[data-current] .state').innerText)", "acknowledged")
    await page.key("r", digit, "Enter")
    await page.until(f"Number(document.querySelector('#count-alerts').innerText) === {before - 1}", "resolved")


async def test_figures_agree_with_what_was_done(world):
    for number in range(4):
        await an_alert(world, f"c-{number}")
    page = await world.page()
    await page.until("Number(document.querySelector('#count-alerts').innerText) === 4", "four alerts")
    for digit in ("1", "1", "3"):
        await resolve(page, digit)
    await page.value("location.hash = '#/shift'")
    await page.until(f"document.querySelector('#shift-sum').children.length && {CELL}('Raised') === 4", "four raised")
    sums = await page.value(f"['Averted', 'False alarm', 'Escalated', 'Open'].map({CELL})")
    assert sums == [2, 1, 0, 1], sums
    figures = await page.text("#shift-figures")
    assert "67\u202f%" in figures and "half of 3" in figures, figures
    areas = await page.value("Object.fromEntries(['averted', 'false_alarm', 'open'].map((k) => [k, [...document.querySelectorAll('.stack .' + k)].reduce((s, r) => s + Number(r.getAttribute('height')) + 1, 0)]))")
    assert abs(areas["averted"] / areas["false_alarm"] - 2) < 0.05 and abs(areas["open"] / areas["false_alarm"] - 1) < 0.05, areas


async def test_a_shift_of_another_queue_is_empty(world):
    await an_alert(world)
    page = await world.page("/#/shift?queue=none")
    await page.until(f"document.querySelector('#shift-sum').children.length && {CELL}('Raised') === 0", "nothing raised")
    await page.shows("–", "#shift-figures")
