# Sourced by the small shells beside it: sees to it that Node >= 24 and the packages are there.
# Sets PARALLAX_ROOT and puts node_modules/.bin first on PATH. Everything it says goes to stderr, because
# the programs it starts own stdout. When nothing changed since the last install it costs a few milliseconds.

PARALLAX_ROOT="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)"
PARALLAX_PNPM=12.21.0
PARALLAX_NODE_MAJOR=24

parallax_say() { printf '%s\n' "$*" >&2; }
parallax_fail() {
  parallax_say "error: $1"
  [ $# -lt 2 ] || parallax_say "hint: $2"
  exit 1
}

# Everything that decides what an install brings, on this kind of machine.
parallax_fingerprint() (
  cd "$PARALLAX_ROOT" || exit 1
  shopt -s nullglob
  {
    uname -sm
    cat package.json pnpm-workspace.yaml pnpm-lock.yaml */package.json {executors,coordinator}/*/package.json
  } | cksum
)

# The workspace's own Node comes first; where none exists for this machine, a new enough one may be behind it.
parallax_node_fits() {
  local version
  version="$(PATH="$PARALLAX_ROOT/node_modules/.bin:$PATH" node --version 2>/dev/null)" || return 1
  version="${version#v}"
  [ "${version%%.*}" -ge "$PARALLAX_NODE_MAJOR" ] 2>/dev/null
}

# pnpm itself if a fitting one is installed, else through npx.
parallax_pnpm() {
  local found
  if found="$(pnpm --version 2>/dev/null </dev/null)" && [ "${found%%.*}" = "${PARALLAX_PNPM%%.*}" ]; then
    pnpm "$@"
  else
    npx --yes "pnpm@$PARALLAX_PNPM" "$@"
  fi
}

parallax_install() (
  cd "$PARALLAX_ROOT" || exit 1
  log="node_modules/.parallax-install.log"
  mkdir -p node_modules 2>/dev/null && : >"$log" 2>/dev/null ||
    parallax_fail "cannot write to $PARALLAX_ROOT/node_modules" "run as the owner of the checkout, or clone it anew"
  command -v node >/dev/null 2>&1 ||
    parallax_fail "Node.js is not installed" "install any Node.js from 20 on with npm (Debian: apt install nodejs npm); it brings the fitting one"
  command -v npx >/dev/null 2>&1 || command -v pnpm >/dev/null 2>&1 ||
    parallax_fail "neither npx nor pnpm is installed" "install npm (Debian: apt install npm)"

  # Two shells started at once: the second waits, then finds the work done.
  if command -v flock >/dev/null 2>&1; then
    exec 9>node_modules/.parallax-install.lock
    flock 9
    [ "$(parallax_fingerprint)" != "$(cat node_modules/.parallax-installed 2>/dev/null)" ] || exit 0
  fi

  # npm and pnpm keep caches in the home; services and containers may have none that they can write to.
  if [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; then
    export HOME="$PARALLAX_ROOT/node_modules/.parallax-home"
    mkdir -p "$HOME"
  fi

  parallax_say "Installing packages (only when they changed) ..."
  fingerprint="$(parallax_fingerprint)"
  if ! CI=true parallax_pnpm install --frozen-lockfile </dev/null >"$log" 2>&1 9>&-; then
    cat "$log" >&2
    if grep -q ERR_PNPM_OUTDATED_LOCKFILE "$log"; then
      parallax_fail "pnpm-lock.yaml does not fit the package.json files" "run: npx -y pnpm@$PARALLAX_PNPM install"
    fi
    parallax_fail "installing packages failed; the output is above" "it needs the npm registry (a proxy or mirror: npm config, HTTPS_PROXY) and 1 GB of free disk; no compiler"
  fi
  # Without a fitting Node the work is not done, and the next start tries again.
  ! parallax_node_fits || printf '%s\n' "$fingerprint" >node_modules/.parallax-installed
)

parallax_bootstrap() {
  local marker="$PARALLAX_ROOT/node_modules/.parallax-installed"
  if [ ! -f "$marker" ] || [ "$(parallax_fingerprint)" != "$(cat "$marker")" ]; then
    parallax_install || exit 1
  fi
  parallax_node_fits ||
    parallax_fail "Node.js >= $PARALLAX_NODE_MAJOR was neither found nor installed (node on PATH: $(node --version 2>/dev/null || echo none))" \
      "remove node_modules and start again, or install Node.js $PARALLAX_NODE_MAJOR"
  PATH="$PARALLAX_ROOT/node_modules/.bin:$PATH"
  export PATH PARALLAX_ROOT
}

parallax_bootstrap
