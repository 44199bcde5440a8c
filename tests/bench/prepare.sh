# Read by run: the checkout of a repository of 2,000 files and 500 commits, in memory, dirtied between the steps. Beside
# gachette's prepare (the whole command, with its start) the original's commands, run here without any transport.
headline "prepare"
rounds=${PREPARE_ROUNDS:-5}
source_repository=$memory/large.git
git init -q --bare -b main "$source_repository"
git -C "$source_repository" config uploadpack.allowAnySHA1InWant true
# 500 commits, the first with all the files, each other with four changes.
awk 'BEGIN {
    for (c = 1; c <= 560; c++) {
        printf "commit refs/heads/main\nmark :%d\ncommitter b <b@example.org> %d +0000\ndata 1\nc\n", c, 1700000000 + c * 60
        for (f = 1; f <= (c == 1 ? 2000 : 4); f++) {
            n = c == 1 ? f : (c * 37 + f * 499) % 2000 + 1
            text = ""
            for (l = 1; l <= 40; l++) text = text "line " l " of file " n " in commit " c " " (n * 7919 + l * 104729 + c * 31) % 1000003 "\n"
            printf "M 100644 inline part%d/sub%d/file%d\ndata %d\n%s", n % 20, n % 7, n, length(text), text
        }
    }
}' > "$memory/stream"
git -C "$source_repository" fast-import --quiet < "$memory/stream"
rm "$memory/stream"
git -C "$source_repository" repack -q -a -d
mapfile -t commits < <(git -C "$source_repository" rev-list --reverse main)
url=file://$source_repository
cat > "$work/prepare.yml" <<END
build_hosts: { here: { local: true, base_path: $memory/base } }
END
point() { git -C "$source_repository" update-ref refs/heads/main "${commits[$1]}"; }
dirty() { find "$1" -name file7 -exec sh -c 'echo dirt >> "$1"' _ {} \; ; touch "$1/stray"; }

original() {
    local wc=$memory/wc
    if [ -d "$wc" ]; then rm -rf "${wc:?}"/*; else mkdir -p "$wc"; fi
    [ -d "$wc/.git" ] || git clone --depth=100 --quiet "$url" "$wc"
    git -C "$wc" fetch --quiet origin
    git -C "$wc" reset --quiet --hard origin/main
    git -C "$wc" submodule --quiet init
    git -C "$wc" submodule --quiet update
    git -C "$wc" rev-parse HEAD
}
own() { "$gachette" -c "$work/prepare.yml" --local prepare large "$url" origin/main; }
# step NAME WAY: times it and sees that the right commit came out.
step() {
    local begun found
    begun=$(now)
    found=$($2)
    since "$begun" >> "$work/prepare.$1.$2.tsv"
    case $found in *"$(git -C "$source_repository" rev-parse main)"*) ;; *) die "prepare by $2 gave: $found" ;; esac
}
for _ in $(seq "$rounds"); do
    rm -rf "$memory/wc" "$memory/base"
    point 499
    step first original
    step first own
    tree=$(find "$memory/base" -type f -name file7 -printf '%h\n' | head -n 1)
    for shape in "same 499" "next 500" "next 501" "later 551"; do
        read -r name number <<< "$shape"
        point "$number"
        dirty "$memory/wc"
        [ -z "$tree" ] || touch "$tree/stray"
        step "$name" original
        step "$name" own
    done
done
say "| | original's commands ms | gachette ms | ratio |"
say "|---|---|---|---|"
for name in first next later same; do
    o=$(median 1 "$work/prepare.$name.original.tsv")
    g=$(median 1 "$work/prepare.$name.own.tsv")
    case $name in
        first) what="first" ;; next) what="next commit" ;; later) what="50 commits later" ;; same) what="same commit again" ;;
    esac
    say "| $what | $o | $g | $(ratio "$g" "$o") |"
done
