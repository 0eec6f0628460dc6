#!/bin/sh
# test-fresh.sh - proves the two commands of the README in an empty Debian.
#
#   sudo sh scripts/test-fresh.sh [--bootstrap-only]
#
# Makes a minimal Debian with debootstrap in a temporary directory, copies this source tree into it,
# and runs scripts/example.sh and scripts/test.sh there; then both once more with the network cut
# off. The packages come from the mirror that this machine's own apt sources name. Takes some
# minutes and 1 GB below ${TMPDIR:-/var/tmp}, all of which is removed at the end.
#
#   TENSORGRAD_FRESH_SUITE=bookworm   the Debian release to try
#   --bootstrap-only                  only scripts/bootstrap.sh, twice (for work on that script)
set -eu
suite=${TENSORGRAD_FRESH_SUITE:-bookworm}
commands='example.sh test.sh'
case ${1:-} in
'') ;;
--bootstrap-only) commands=bootstrap.sh ;;
*) echo "usage: sh scripts/test-fresh.sh [--bootstrap-only]"; exit 2 ;;
esac

say() { printf '%s\n' "test-fresh: $*"; }
[ "$(id -u)" -eq 0 ] || { say "needs root: debootstrap and chroot"; exit 3; }
for tool in debootstrap unshare chroot tar; do
    command -v "$tool" > /dev/null 2>&1 || { say "needs $tool: apt-get install debootstrap"; exit 3; }
done
# A mount namespace of our own: whatever is mounted here is gone when this script is, however it ends.
if [ -z "${TENSORGRAD_FRESH_INSIDE:-}" ]; then
    TENSORGRAD_FRESH_INSIDE=1 exec unshare --mount --propagation private sh "$0" "$@"
fi

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/tensorgrad-fresh.XXXXXX")
system=$work/system
cleanup() {
    status=$?
    trap - EXIT INT TERM
    # Never delete through a mount: if one cannot be undone, leave the directory and say so.
    awk -v under="$work/" 'index($2, under) == 1 { print $2 }' /proc/self/mounts | sort -r |
        while read -r point; do umount "$point" || umount -l "$point"; done
    rm -rf --one-file-system "$work" || say "could not remove $work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The mirrors of this release that the machine itself uses, one "URI suite" a line, from both
# formats of apt's sources.
sources() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$file" ] && awk '$1 == "deb" {
            for (i = 2; i <= NF && $i ~ /^\[/; i++) while (i <= NF && $i !~ /\]$/) i++
            print $i, $(i + 1)
        }' "$file"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -e "$file" ] && awk '
            function out(i, j) {
                if (types ~ /(^| )deb( |$)/ && enabled != "no")
                    for (i = split(uris, u, " "); i > 0; i--)
                        for (j = split(suites, s, " "); j > 0; j--) print u[i], s[j]
                types = uris = suites = enabled = ""
            }
            /^[ \t]*$/ { out() }
            /^#/ { next }
            { key = tolower($1); value = $0; sub(/^[^:]*:[ \t]*/, "", value) }
            key == "types:" { types = value }
            key == "uris:" { uris = value }
            key == "suites:" { suites = value }
            key == "enabled:" { enabled = tolower(value) }
            END { out() }' "$file"
    done
    true
}
sources | awk -v suite="$suite" '$2 == suite || index($2, suite "-") == 1' | sort -u > "$work/sources"
mirror=$(awk -v suite="$suite" '$2 == suite { print $1; exit }' "$work/sources")
[ -n "$mirror" ] || { say "the apt sources of this machine name no mirror for $suite"; exit 3; }

say "making a minimal $suite in $system"
debootstrap --variant=minbase "$suite" "$system" "$mirror" > "$work/debootstrap.log" 2>&1 || {
    tail -n 20 "$work/debootstrap.log"
    say "debootstrap failed"
    exit 1
}

# What apt in there needs to reach the same mirrors: addresses, proxy and certificate settings.
sed 's/^/deb /; s/$/ main/' "$work/sources" > "$system/etc/apt/sources.list"
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    if [ -e "$file" ] && grep -q '^[^/#]*Acquire' "$file"; then cp "$file" "$system/etc/apt/apt.conf.d/"; fi
done
for path in /etc/resolv.conf /etc/hosts /etc/apt/auth.conf /etc/apt/auth.conf.d /etc/apt/trusted.gpg.d; do
    if [ -e "$path" ]; then cp -RL "$path" "$system$(dirname "$path")/"; fi
done
if grep -q '^https' "$work/sources" && [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    mkdir -p "$system/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/"
fi
mount -t proc proc "$system/proc"
mkdir -p "$system/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$system/dev/pts" ||
    say "no pseudo-terminals in there: what needs one is skipped"

# The source tree as a clone would have it: what git knows or would add, or else all but build/.
mkdir -p "$system/root/tensorgrad"
cd "$root"
if git rev-parse --git-dir > /dev/null 2>&1; then
    git ls-files -co --exclude-standard | while IFS= read -r file; do
        if [ -e "$file" ]; then printf '%s\n' "$file"; fi
    done > "$work/files"
    tar -cf - -T "$work/files"
else
    tar -cf - --exclude=./build .
fi | tar -xf - -C "$system/root/tensorgrad"

run() { # run <command that puts a wall around it, or nothing> <script>
    # shellcheck disable=SC2086
    $1 chroot "$system" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C \
        ${http_proxy+"http_proxy=$http_proxy"} ${https_proxy+"https_proxy=$https_proxy"} \
        sh "/root/tensorgrad/scripts/$2"
}
for script in $commands; do
    say "scripts/$script in the empty system"
    run '' "$script"
done
for script in $commands; do
    say "scripts/$script again, without a network"
    run 'unshare --net' "$script"
done
say "passed: $commands"
