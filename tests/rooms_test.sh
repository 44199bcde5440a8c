#!/bin/sh
# The arrows between rooms point down only: an include may name a room at or below its own. Reads the sources, runs nothing.
set -eu
cd "$(dirname "$0")/.."
order="base model config handlers store door remote stacks build intake dispatch report serve cli"
allowed() {
    case $1 in
        base) echo base ;;
        model) echo base model ;;
        config) echo base model config ;;
        handlers) echo base model handlers ;;
        store) echo base model store ;;
        door) echo base door ;;
        remote) echo base model remote ;;
        stacks) echo base model remote stacks ;;
        build) echo base model remote stacks build ;;
        intake) echo base model config handlers store intake ;;
        dispatch) echo base model store remote stacks build dispatch ;;
        report) echo base model store report ;;
        serve) echo base model config handlers store door remote stacks build intake dispatch report serve ;;
        cli) echo "$order" ;;
    esac
}
bad=0
for room in $order; do
    folder=src/$room
    [ "$room" = handlers ] && folder=handlers
    for file in "$folder"/*.h "$folder"/*.cpp; do
        [ -e "$file" ] || continue
        for used in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$file" | sort -u); do
            case " $(allowed "$room") " in
                *" $used "*) ;;
                *) echo "$file includes $used/: the arrow from $room to $used points up"; bad=1 ;;
            esac
        done
    done
done
[ $bad = 0 ] && echo "all includes point down"
exit $bad
