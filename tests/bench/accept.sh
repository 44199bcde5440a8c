# Read by run: deliveries of 7.7 KB, signed, with a new id each. gachette verifies, reads, plans and syncs each before its
# answer; Debian's webhook verifies and forgets (its rule asks for another branch, so it starts nothing).
headline "accepting deliveries"
seconds=${ACCEPT_SECONDS:-3}
cat > "$work/hooks.json" <<END
[{"id": "bench", "execute-command": "/bin/true", "trigger-rule": {"and": [
  {"match": {"type": "payload-hmac-sha256", "secret": "$secret", "parameter": {"source": "header", "name": "X-Hub-Signature-256"}}},
  {"match": {"type": "value", "value": "refs/heads/nothing", "parameter": {"source": "payload", "name": "ref"}}}]}}]
END
echo "$secret" > "$work/secret"
chmod 600 "$work/secret"
mkdir -p "$work/state"
# Every push makes a job; its build host is away, so that nothing is built meanwhile.
cat > "$work/accept.yml" <<END
listen: 127.0.0.1:$port
state_folder: $work/state
hooks: { bench: { forge: github, secrets: [{file: secret}] } }
projects:
  large: { url: "https://git.invalid/bench/large.git", builder: command, command: ["true"] }
domains: { bench: { projects: [large], stacks: [{ branch: main, stack: edge, create: true }] } }
debs_path: /nowhere/debs
meta_path: /nowhere/meta
limits: { connections_per_address: 4096 }
build_hosts: { away: { address: 127.0.0.1, port: 9, user: nobody } }
END
webhook -hooks "$work/hooks.json" -ip 127.0.0.1 -port "$webhook_port" -urlprefix hooks > "$work/webhook.log" 2>&1 &
echo $! > "$work/webhook.pid"
start_gachette "$work/accept.yml"
wait_for 10 "the start of webhook" bash -c "exec 3<> /dev/tcp/127.0.0.1/$webhook_port"

say "| connections | webhook /s | gachette /s | ratio | webhook p99 ms | gachette p99 ms | ratio | CPU us each (webhook) | peak MB (webhook) |"
say "|---|---|---|---|---|---|---|---|---|"
for shape in "1 close" "16 close" "64 close" "256 close" "1 keep" "64 keep" "256 keep"; do
    read -r connections mode <<< "$shape"
    rm -f "$work"/accept.*.tsv
    for _ in 1 2 3; do
        "$load" "$webhook_port" /hooks/bench "$secret" "$(cat "$work/webhook.pid")" "$connections" "$mode" "$seconds" >> "$work/accept.webhook.tsv"
        "$load" "$port" /hooks/bench "$secret" "$(cat "$work/gachette.pid")" "$connections" "$mode" "$seconds" >> "$work/accept.gachette.tsv"
    done
    w=$work/accept.webhook.tsv
    m=$work/accept.gachette.tsv
    bad=$(awk -F "\t" "{ s += \$4 } END { print s }" "$m")
    [ "$bad" = 0 ] || say "gachette gave $bad answers that were no 2xx"
    say "| $connections, $mode | $(median 1 "$w") | $(median 1 "$m") | $(ratio "$(median 1 "$m")" "$(median 1 "$w")") | $(median 3 "$w") | $(median 3 "$m") | $(ratio "$(median 3 "$m")" "$(median 3 "$w")") | $(median 5 "$m") ($(median 5 "$w")) | $(median 6 "$m") ($(median 6 "$w")) |"
done
stop_process "$work/gachette.pid" "$work"
stop_process "$work/webhook.pid" "$work"
