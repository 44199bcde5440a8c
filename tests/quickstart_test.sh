#!/bin/bash
# The quickstart as a newcomer sees it, over SSH and with --local: push, tag, stacks, a second push, a second start, and
# nothing left after --clean.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:?"usage: tests/quickstart_test.sh BINARY"}
folder=$(mktemp -d /tmp/quickstart-XXXXXX)
trap './quickstart --folder "$folder/here" --clean >/dev/null 2>&1; rm -rf "$folder"' EXIT

run() { ./quickstart --program "$binary" --folder "$folder/here" "$@" > "$folder/output" 2>&1 || { cat "$folder/output"; exit 1; }; }
expect() {
    grep -qE -- "$1" "$folder/output" || { cat "$folder/output"; echo "missing in what it said: $1"; exit 1; }
}
packages_of() { cat "$folder/here/host/meta/domain/backend/stacks/$1/packages/hello-application/version"; }

for mode in "" --local; do
    run $mode
    expect 'answer 202:'
    expect '"stacks":\["backend/edge"\]'
    expect 'hello-config 1\.0\+1\.[0-9a-f]{7} from main'
    expect 'stack backend/edge@1'
    expect 'new Debian package, version 2\.0'
    expect '"same_build_as":1'
    expect 'stack backend/v1\.0\.0@1'
    expect 'ready after'
    [ "$(packages_of edge)" = "$(packages_of v1.0.0)" ] || { echo "the tag's stack differs from edge"; exit 1; }

    run --push
    expect 'stack backend/edge@2'
    case $(packages_of edge) in 1.0+2.*) ;; *) echo "edge did not get the second commit: $(packages_of edge)"; exit 1 ;; esac
    case $(packages_of v1.0.0) in 1.0+1.*) ;; *) echo "the tag's stack changed"; exit 1 ;; esac
done

run --clean
[ ! -e "$folder/here" ] || { echo "--clean left $folder/here"; exit 1; }
if pgrep -f "$folder/here" >/dev/null; then echo "--clean left processes:"; pgrep -af "$folder/here"; exit 1; fi
echo "quickstart works over SSH and locally"
