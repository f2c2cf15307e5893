#!/usr/bin/env bash
# Make a folder with a whole GIMP 3 in it, for Debian releases that have none: run once, used by every test run.
#
#   tests/gimp/make_root.sh [FOLDER]        FOLDER: $CLODE_GIMP_ROOT, or ~/.cache/clode-gimp-root
#
# Needs root and a Debian mirror: the one that the machine's own package sources name.
set -euo pipefail

root="${1:-${CLODE_GIMP_ROOT:-$HOME/.cache/clode-gimp-root}}"
suite=trixie
packages=gimp,gir1.2-gimp-3.0,python3-gi,python3-numpy,xvfb,xauth,openbox,xdotool,imagemagick,x11-utils
packages+=,adwaita-icon-theme,fonts-dejavu-core,fonts-cantarell,procps
recipe="$suite $packages 1"

if [ "$(cat "$root/.recipe" 2>/dev/null)" = "$recipe" ]; then
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "make_root.sh: only root can install GIMP into a folder; install GIMP 3 itself, or run this as root" >&2
    exit 1
fi
if ! command -v mmdebstrap >/dev/null; then
    apt-get update -qq || true
    apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring
fi

mirror_of_this_machine() {
    . /etc/os-release
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(CREATED_BY) $(REPO_URI)' |
        awk -v release="$VERSION_CODENAME" \
            '$1 == release && $2 == "main" && $3 == "Packages" { print $4; exit }'
}
mirror="$(mirror_of_this_machine)"
if [ -z "$mirror" ]; then
    echo "make_root.sh: the package sources of this machine name no Debian mirror" >&2
    exit 1
fi

# Built beside and renamed: a folder of that name is always whole.
partial="$root.partial-$$"
mkdir -p "$(dirname "$root")"
trap 'rm -rf --one-file-system "$partial"' EXIT
mmdebstrap --quiet --mode=root --variant=minbase \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --include="$packages" "$suite" "$partial" "deb $mirror $suite main"
rm -rf "$partial"/var/cache/apt/archives/*.deb "$partial"/var/lib/apt/lists/*
echo "$recipe" > "$partial/.recipe"
rm -rf --one-file-system "$root"
mv "$partial" "$root"
