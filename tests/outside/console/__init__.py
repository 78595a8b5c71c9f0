"""Tests of the console page, a file a subject; `tests/outside/page.py` runs them."""
