# Read by run: one job of a tiny repository whose build makes three small packages, from the acceptance of the push to
# its recorded end. Beside it the same 23 commands of the original's procedure, each by one ssh command: over a new
# connection, and over a standing one (ControlMaster). "alone" is the commands themselves, without any transport.
headline "one job"
rounds=${JOB_ROUNDS:-7}
# Somebody's .bashrc is not what is measured.
mkdir -p "$work/home"
start_sshd "$work/ssh" "$ssh_port" "SetEnv HOME=$work/home"
repository=$work/tiny.git
git init -q --bare -b main "$repository"
git init -q -b main "$work/tiny"
tiny() { git -C "$work/tiny" -c user.name=b -c user.email=b@example.org -c commit.gpgsign=false "$@"; }
cat > "$work/tiny/make" <<'END'
#!/bin/sh
set -eu
for name in tiny-a tiny-b tiny-c; do
    mkdir -p "$GACHETTE_OUTPUT/$name/DEBIAN"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: b <b@example.org>\nDescription: t\n' \
        "$name" "$GACHETTE_VERSION" > "$GACHETTE_OUTPUT/$name/DEBIAN/control"
    dpkg-deb -Znone --root-owner-group --build "$GACHETTE_OUTPUT/$name" "$GACHETTE_OUTPUT/$name-$GACHETTE_VERSION-all.deb"
done
END
chmod +x "$work/tiny/make"
tiny remote add origin "$repository"
next_commit() {
    echo "$RANDOM $RANDOM" > "$work/tiny/file"
    tiny add .
    tiny commit -q -m change
    tiny push -q origin main
}
next_commit

echo "$secret" > "$work/secret"
chmod 600 "$work/secret"
mkdir -p "$work/job-state" "$work/host/debs" "$work/host/meta"
cat > "$work/job.yml" <<END
listen: 127.0.0.1:$port
state_folder: $work/job-state
hooks: { bench: { forge: github, secrets: [{file: secret}] } }
projects:
  tiny: { url: $repository, repositories: [bench/tiny], builder: command, command: [./make] }
domains: { bench: { projects: [tiny], stacks: [{ branch: main, stack: edge, create: true }] } }
debs_path: $work/host/debs
meta_path: $work/host/meta
build_hosts:
  loopback: { address: 127.0.0.1, port: $ssh_port, user: $(id -un), key_filename: ssh/key, known_hosts: ssh/known_hosts, base_path: $work/host/base }
END
start_gachette "$work/job.yml"

# The time in ms from the acceptance to the end of the job for the newest commit.
job_time() {
    local commit
    commit=$(tiny rev-parse HEAD)
    cat > "$work/push.json" <<END
{"ref":"refs/heads/main","before":"$(printf 'a%.0s' $(seq 40))","after":"$commit","created":false,"deleted":false,"forced":false,
"repository":{"id":1,"full_name":"bench/tiny","clone_url":"https://git.invalid/bench/tiny.git"},"head_commit":{"id":"$commit","message":"m"},"commits":[]}
END
    eval "$("$gachette" -c "$work/job.yml" sign --hook bench --event push --curl "$work/push.json") -fsS -o '$work/answer'"
    local job
    job=$(grep -o '"jobs":\[{"id":[0-9]*' "$work/answer" | grep -o '[0-9]*$')
    "$gachette" -c "$work/job.yml" logs -f "$job" > "$work/job.log" 2>&1 || die "job $job: $("$gachette" -c "$work/job.yml" jobs "$job"; cat "$work/job.log")"
    sqlite3 -readonly "$work/job-state/gachette.db" "SELECT finished - created, started - created FROM jobs WHERE id = $job" | tr '|' '\t'
}

# The original's later run: $1 is how a command reaches the host.
steps() {
    local run=$1 wc=$work/steps/wc meta=$work/steps/meta stack=$work/steps/meta/domain/bench/stacks/edge version name
    $run "test -d $stack"
    $run "test -d $wc"
    $run "rm -rf $wc/*"
    $run "test -d $wc/.git"
    $run "cd $wc && git fetch --quiet origin"
    $run "cd $wc && git reset --quiet --hard origin/main"
    $run "cd $wc && git submodule --quiet init"
    $run "cd $wc && git submodule --quiet update"
    $run "cd $wc && git rev-parse HEAD" > /dev/null
    version=0.0.1rev$($run "cd $wc && git rev-parse --verify --short HEAD")-origin-main
    $run "cd $wc && rm -rf $work/steps/out && mkdir $work/steps/out && GACHETTE_VERSION=$version GACHETTE_OUTPUT=$work/steps/out ./make" > /dev/null
    for name in tiny-a tiny-b tiny-c; do
        $run "mkdir -p $meta/packages/$name/version/$version"
        $run "echo $name-$version-all.deb > $meta/packages/$name/version/$version/file"
        $run "mkdir -p $stack/packages/$name"
        $run "echo $version > $stack/packages/$name/version"
    done
}
ssh_options="-F none -p $ssh_port -i $work/ssh/key -o UserKnownHostsFile=$work/ssh/known_hosts -o BatchMode=yes"
each() { ssh $ssh_options -o ControlMaster=no 127.0.0.1 "$1"; }
shared() { ssh $ssh_options -o ControlPath="$work/cm" 127.0.0.1 "$1"; }
alone() { bash -c "$1"; }
mkdir -p "$work/steps/meta/domain/bench/stacks/edge/packages"
git clone -q "$repository" "$work/steps/wc"
ssh $ssh_options -o ControlMaster=yes -o ControlPath="$work/cm" -o ControlPersist=60 127.0.0.1 true

job_time > "$work/job.cold.tsv"
for _ in $(seq "$rounds"); do
    next_commit
    job_time >> "$work/job.warm.tsv"
    for way in alone shared each; do
        begun=$(now)
        steps $way
        since "$begun" >> "$work/job.$way.tsv"
    done
done
ssh $ssh_options -o ControlPath="$work/cm" -O exit 127.0.0.1 2>/dev/null || true
warm=$(median 1 "$work/job.warm.tsv")
say "| way | ms | gachette warm beside it |"
say "|---|---|---|"
say "| gachette, warm connection, everything synced | $warm | 1 |"
say "| gachette, first job after the start (connects, clones) | $(median 1 "$work/job.cold.tsv") | $(ratio "$warm" "$(median 1 "$work/job.cold.tsv")") |"
say "| 23 ssh commands, a connection each | $(median 1 "$work/job.each.tsv") | $(ratio "$warm" "$(median 1 "$work/job.each.tsv")") |"
say "| 23 ssh commands over one connection | $(median 1 "$work/job.shared.tsv") | $(ratio "$warm" "$(median 1 "$work/job.shared.tsv")") |"
say "| the 23 commands alone, without ssh | $(median 1 "$work/job.alone.tsv") | $(ratio "$warm" "$(median 1 "$work/job.alone.tsv")") |"
say "from the acceptance to the start of the job: $(median 2 "$work/job.warm.tsv") ms"
stop_process "$work/gachette.pid" "$work"
stop_process "$work/ssh/sshd.pid" "$work"
