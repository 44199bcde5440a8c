# What gachette needs of Debian 12, in one place; read by ./check, ./quickstart and tests/bench/run.
# Nothing here runs by itself.

# To build the program and its tests.
packages_build="g++ cmake ninja-build ccache pkg-config git libssl-dev libsqlite3-dev libspdlog-dev libfmt-dev
    libyaml-cpp-dev libcli11-dev libexpected-dev libsimdjson-dev nlohmann-json3-dev libssh-dev libsystemd-dev
    libcpp-httplib-dev libcurl4-openssl-dev catch2"
# To run: a build host by SSH, packages, requests.
packages_run="git perl-base dpkg-dev openssh-client openssh-server openssl curl ca-certificates"
# What the tests use beside that.
packages_test="procps sqlite3 systemd util-linux"
packages_fuzz="clang libclang-rt-14-dev"
packages_bench="webhook sqlite3"

say() { printf '%s\n' "$*"; }
# One line for a person: a bold word and the rest; plain when nobody looks.
headline() {
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\n\033[1;36m==>\033[0m \033[1m%s\033[0m\n' "$*"; else printf '\n==> %s\n' "$*"; fi
}
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages are missing and this needs root: run it as root, install sudo, or install them yourself: $missing"
    fi
}

# Sets $missing to those of the named packages that are not installed.
find_missing() {
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) missing="$missing $package" ;;
        esac
    done
    missing=${missing# }
}

# Installs what is missing and nothing else. Servers that come along (sshd, webhook) are neither started nor enabled:
# everything here starts its own, unprivileged and on loopback.
install_packages() {
    command -v dpkg-query >/dev/null || die "this is not Debian: install the counterparts of: $*"
    find_missing "$@"
    [ -n "$missing" ] || return 0
    say "installing: $missing"
    guard=/usr/sbin/policy-rc.d
    guarded=
    if [ ! -e $guard ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $guard >/dev/null
        as_root chmod 755 $guard
        guarded=1
    fi
    status=0
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get update -qq &&
        apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 "$@"' sh $missing \
        > "${TMPDIR:-/tmp}/gachette-apt.$$" 2>&1 || status=$?
    if [ -n "$guarded" ]; then as_root rm -f $guard; fi
    if [ $status != 0 ]; then
        tail -n 15 "${TMPDIR:-/tmp}/gachette-apt.$$" >&2
        die "apt-get could not install: $missing (its words are above; all of them in ${TMPDIR:-/tmp}/gachette-apt.$$)"
    fi
    rm -f "${TMPDIR:-/tmp}/gachette-apt.$$"
    if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
        case " $missing " in *" openssh-server "*) as_root systemctl disable --quiet ssh || true ;; esac
        case " $missing " in *" webhook "*) as_root systemctl disable --quiet webhook || true ;; esac
    fi
}

# configure FOLDER [cmake options]: Ninja and ccache when they are there; optimised, with lines in backtraces, which
# compiles a third faster than with all there is to know for a debugger.
configure() {
    folder=$1
    shift
    generator=
    if command -v ninja >/dev/null; then generator="-G Ninja"; fi
    # A folder made by another generator or for another place is of no use.
    if [ -e "$folder/CMakeCache.txt" ]; then
        if ! grep -q "^CMAKE_HOME_DIRECTORY:INTERNAL=$PWD\$" "$folder/CMakeCache.txt" ||
            { [ -n "$generator" ] && ! grep -q '^CMAKE_GENERATOR:INTERNAL=Ninja$' "$folder/CMakeCache.txt"; }; then
            say "$folder was made elsewhere; it is made anew"
            rm -rf "$folder"
        fi
    fi
    # shellcheck disable=SC2086
    if ! cmake -S . -B "$folder" $generator -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -g1 -DNDEBUG" "$@" > "$folder.configure.log" 2>&1; then
        tail -n 25 "$folder.configure.log" >&2
        die "cmake could not configure $folder (its words are above; all of them in $folder.configure.log)"
    fi
    rm -f "$folder.configure.log"
}

# build_targets FOLDER [targets]: at most one job per processor, with ninja's own line of progress.
build_targets() {
    folder=$1
    shift
    if [ $# = 0 ]; then set -- all; fi
    NINJA_STATUS="[%f/%t, %es] " cmake --build "$folder" -j "$(nproc)" --target "$@"
}
