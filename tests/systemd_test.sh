#!/bin/bash
# The units hold what the README promises: systemd finds nothing wrong with them, and their exposure stays at most 1.2.
# Without systemd-analyze (./check installs it) it says so and proves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-}
if ! command -v systemd-analyze >/dev/null; then
    echo "systemd-analyze is not installed: nothing was tested"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# verify wants the programs to be there, so the unit is tried with the one just built.
for unit in systemd/gachette.service systemd/gachette.socket; do
    sed -e "s|/usr/bin/gachette|${binary:-/bin/true}|" \
        -e "s|file:/usr/share/doc/gachette/README.md|file:$PWD/README.md|" "$unit" > "$folder/${unit#*/}"
done
problems=$(SYSTEMD_UNIT_PATH="$folder:" systemd-analyze verify --man=no "$folder/gachette.service" "$folder/gachette.socket" 2>&1 |
    grep -F gachette || true)
if [ -n "$problems" ]; then
    echo "systemd-analyze verify:"
    echo "$problems"
    exit 1
fi

if ! systemd-analyze security --no-pager --offline=true --threshold=12 systemd/gachette.service > "$folder/security"; then
    grep -F '✗' "$folder/security" || true
    tail -n 1 "$folder/security"
    echo "the exposure of gachette.service is above 1.2"
    exit 1
fi
tail -n 1 "$folder/security"

# Settings that no score sees and that the daemon relies on.
for line in Type=notify WatchdogSec=30 KillMode=mixed RestartPreventExitStatus=2 StateDirectory=gachette \
    'LoadCredential=secrets:/etc/gachette/secrets' 'ExecReload=/bin/kill -HUP $MAINPID'; do
    grep -qxF -- "$line" systemd/gachette.service || { echo "gachette.service has no line $line"; exit 1; }
done
