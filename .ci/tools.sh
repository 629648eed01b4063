# Sourced by the scripts beside it. Finds the tools that they need, installs them where that is easy, says what to
# install where it is not.
# shellcheck shell=bash

# need COMMAND:PACKAGE…: the command is there afterwards, or the script has ended and said what is missing.
need() {
    local pair missing=() packages=()
    for pair in "$@"; do
        has "${pair%%:*}" || {
            missing+=("${pair%%:*}")
            packages+=("${pair#*:}")
        }
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; then
        echo "installing: ${packages[*]}" >&2
        install_packages "${packages[@]}"
    fi
    local still=()
    for pair in "${missing[@]}"; do
        has "$pair" || still+=("$pair")
    done
    [ ${#still[@]} -eq 0 ] || {
        echo "missing: ${still[*]}" >&2
        echo "on Debian, as root: apt-get install ${packages[*]}" >&2
        exit 1
    }
}

# want COMMAND:PACKAGE…: as need, but goes on without what no package of this system has.
want() {
    local pair
    for pair in "$@"; do
        (need "$pair") || echo "going on without ${pair%%:*}" >&2
    done
}

# sshd is in a folder that a plain user does not search, and Debian's python3 makes no venv without a package of its own.
has() {
    case $1 in
    uutils) [ -x /usr/lib/cargo/bin/coreutils/mv ] ;;
    venv) python3 -c 'import venv, ensurepip' 2>/dev/null ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
    esac
}

# Installs packages without starting what is in them: the sandbox has its own sshd and needs none on port 22.
install_packages() (
    export DEBIAN_FRONTEND=noninteractive
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
    fi
    apt-get update -q >&2
    apt-get install -q -y --no-install-recommends "$@" >&2
)

need_cargo() {
    command -v cargo >/dev/null || {
        echo "missing: cargo; install Rust 1.88 or newer from https://rustup.rs" >&2
        exit 1
    }
}

# What the sandbox is made of, and what else is named.
need_sandbox() {
    need sshd:openssh-server ssh:openssh-client rsync:rsync git:git python3:python3 venv:python3-venv \
        unshare:util-linux "$@"
}

# offer COMMAND: whether it is there; says how to get it where it is not, since what it finds is no reason to fail without it.
offer() {
    has "$1" && return 0
    echo "going on without $1: cargo install --locked $2" >&2
    return 1
}

# Gives the oldest Rust that the project promises to build with.
oldest_rust() {
    sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml
}
