# A build host on loopback for scripts: an sshd with keys of its own that lets only this user in. Read by ./quickstart
# and tests/bench/run; nothing here runs by itself. Needs packages.sh before it.

free_port() {
    local port
    for _ in $(seq 50); do
        port=$(( 20000 + RANDOM % 10000 ))
        if ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo $port; return; fi
    done
    die "found no free port on loopback"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local end=$(( SECONDS + $1 )) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || die "$what: still nothing after the time it gets"
        sleep 0.1
    done
}

# start_sshd FOLDER PORT [LINE]: keys, known_hosts and configuration in FOLDER (absolute), the process id in FOLDER/sshd.pid.
# LINE is added to the configuration.
start_sshd() {
    local folder=$1 port=$2 pam=no
    mkdir -p "$folder"
    chmod 700 "$folder"
    ssh-keygen -q -t ed25519 -N '' -C gachette-loopback -f "$folder/key"
    ssh-keygen -q -t ed25519 -N '' -C gachette-loopback -f "$folder/host_key"
    cp "$folder/key.pub" "$folder/authorized_keys"
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$folder/host_key.pub")" > "$folder/known_hosts"
    if [ "$(id -u)" = 0 ]; then
        mkdir -p /run/sshd
        # Without PAM sshd lets no account in whose password is locked, not even with a key.
        case $(getent shadow "$(id -un)" | cut -d: -f2) in '!'*) pam=yes ;; esac
    fi
    cat > "$folder/sshd_config" <<END
ListenAddress 127.0.0.1:$port
HostKey $folder/host_key
PidFile $folder/sshd.pid
AuthorizedKeysFile $folder/authorized_keys
AllowUsers $(id -un)
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM $pam
StrictModes no
AllowAgentForwarding no
AllowTcpForwarding no
X11Forwarding no
PrintMotd no
${3:-}
END
    /usr/sbin/sshd -f "$folder/sshd_config" -E "$folder/sshd.log" || die "sshd did not start: $(cat "$folder/sshd.log")"
    wait_for 10 "the start of sshd" test -s "$folder/sshd.pid"
}

# stop_process FILE MARK: ends the process whose id the file holds, if its command line still has the mark.
stop_process() {
    local pid
    [ -s "$1" ] || return 0
    pid=$(cat "$1")
    if [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF "$2"; then
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 150); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
    fi
    rm -f "$1"
}
