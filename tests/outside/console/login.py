"""The page where the server asks for a token: asked once, kept with the tab, gone when it is revoked."""

import subprocess

FORM = "document.querySelector('#login').open"


def token(world, folder, *arguments):
    """A new token: its id and its text."""
    command = [world.binary, "token", "new", "--data-dir", folder, *arguments]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return words[0], words[-1]


async def enter(page, text):
    await page.until(FORM, "the page asks for a token")
    await page.click("#login-form input")
    await page.type(text)
    await page.key("Enter")


async def test_a_token_is_asked_for_and_kept_with_the_tab(world):
    folder = world.folder()
    identity, good = token(world, folder, "--role", "supervisor", "--user", "ana", "--scope", "queue:billing")
    await world.serve("--data-dir", folder)
    page = await world.page(user="", live=False)
    await enter(page, "fw_000000000000_wrong")
    await page.shows("does not know this token", "#login-why")
    await enter(page, good)
    await page.shows("Connected", "#link")
    await page.shows("ana", "#user-name")
    assert not await page.value(f"{FORM} || document.cookie !== '' || JSON.stringify(localStorage).includes('fw_')")
    # REST too, and after the page is loaded anew.
    await page.go(f"http://{world.server.address}/#/search")
    await page.shows("Connected", "#link")
    await page.click("#search-form button[type=submit]")
    await page.shows("No ended call fits", "#search-note")
    subprocess.run([world.binary, "token", "revoke", identity, "--data-dir", folder], check=True, capture_output=True)
    await page.until(FORM, "it is asked for again")
    await page.click("#login-form button[value=cancel]")
    await page.shows("The server asks for a token", "#banner-text")


async def test_a_token_that_opens_no_console_says_so(world):
    folder = world.folder()
    _, feed = token(world, folder, "--role", "ingest")
    await world.serve("--data-dir", folder)
    page = await world.page(user="", live=False)
    await enter(page, feed)
    await page.shows("does not open the console", "#banner-text")
    assert not await page.value(FORM)
