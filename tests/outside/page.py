"""The console page in headless Chromium, driven over its debugging protocol, against live servers.

Usage: page.py BINARY CHROMIUM [--axe axe.min.js] [--screenshots DIR] [NAME…]

NAME picks tests, as in `page.py … inbox` or `page.py … inbox.test_one_key`.
"""

import argparse
import asyncio
import importlib
import inspect
import pathlib
import sys
import time
import traceback

from browser import chromium
from world import World

PARTS = ("logic", "login", "board", "inbox", "tiers", "race", "call", "panel", "search", "shift", "settings", "restart", "keyboard", "many", "access", "hostile", "pictures")


def tests(names):
    for part in PARTS:
        module = importlib.import_module(f"console.{part}")
        for name, test in inspect.getmembers(module, inspect.iscoroutinefunction):
            if name.startswith("test_") and test.__module__ == module.__name__:
                if not names or part in names or f"{part}.{name}" in names:
                    yield f"{part}.{name}", test


async def run(options):
    failed = []
    async with chromium(options.chromium) as browser:
        for name, test in tests(options.names):
            world, began = World(options.binary, browser, options), time.monotonic()
            try:
                try:
                    await test(world)
                finally:
                    await world.close()
                print(f"ok: {name} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception:
                failed.append(name)
                print(f"FAILED: {name}\n{traceback.format_exc()}", flush=True)
    if failed:
        sys.exit(f"{len(failed)} failed: {', '.join(failed)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("chromium")
    parser.add_argument("--axe", type=pathlib.Path, help="axe.min.js; without it accessibility is not checked by machine")
    parser.add_argument("--screenshots", type=pathlib.Path, help="folder for the pictures of the README")
    parser.add_argument("names", nargs="*")
    asyncio.run(run(parser.parse_intermixed_args()))


if __name__ == "__main__":
    main()
