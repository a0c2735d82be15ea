#!/usr/bin/env bash
# Installs tenantry from a release for the steps that follow in a job: downloads the archive for this machine, compares it with the
# release's checksums, and puts it on the PATH. It runs on Linux, macOS and Windows (in Git Bash), and on macOS's old bash.
#
# INPUT_VERSION      the version; empty for that of the action
# TENANTRY_RELEASES  where releases are, for a mirror; else those of the project's repository
# TENANTRY_TARGET    the build, where it is not to be chosen for this machine
set -euo pipefail

fail() { printf '::error title=tenantry::%s\n' "$*"; exit 1; }

# The action is a checkout of the project, so that its Cargo.toml says which version it is, and of which repository.
manifest=$(cd "$(dirname "$0")/../.." && pwd)/Cargo.toml
of_package() { sed -n '/^\[package\]/,/^\[[^p]/s/^'"$1"' = "\(.*\)"$/\1/p' "$manifest"; }

version=${INPUT_VERSION:-$(of_package version)}
version=${version#v}
# It becomes part of an address and of a path.
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "the version is to be like 1.2.3"
releases=${TENANTRY_RELEASES:-$(of_package repository)/releases/download}

# On Linux the static build, which runs whatever the system's C library is.
case ${TENANTRY_TARGET:-$(uname -s)/$(uname -m)} in
  Linux/x86_64) target=x86_64-unknown-linux-musl ;;
  Linux/aarch64 | Linux/arm64) target=aarch64-unknown-linux-musl ;;
  Darwin/x86_64) target=x86_64-apple-darwin ;;
  Darwin/arm64) target=aarch64-apple-darwin ;;
  # Windows on ARM runs this one, too.
  MINGW*/* | MSYS*/* | CYGWIN*/*) target=x86_64-pc-windows-msvc ;;
  */*) fail "there is no build for $(uname -s) on $(uname -m): \`cargo install tenantry\` makes one" ;;
  *) target=$TENANTRY_TARGET ;;
esac
name=tenantry-$version-$target
case $target in
  *windows*) archive=$name.zip program=tenantry.exe ;;
  *) archive=$name.tar.gz program=tenantry ;;
esac

folder=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/tenantry-$version-$target
rm -rf "$folder"
mkdir -p "$folder"
# From here on with plain names: some programs take `D:\…` for something else.
cd "$folder"

download() {
  # Never over plain HTTP, whatever a mirror answers; `file:` is for a mirror in a folder.
  curl --fail --silent --show-error --location --retry 3 --proto '=https,file' --proto-redir '=https' \
    --output "$1" "$releases/v$version/$1" || fail "there is no $releases/v$version/$1, or it can't be had"
}
download SHA256SUMS
# The line about this file and no other; sha256sum marks binary files with a star.
expected=$(awk -v file="$archive" '$2 == file || $2 == "*" file { print $1 }' SHA256SUMS)
[[ $expected =~ ^[0-9a-f]{64}$ ]] || fail "SHA256SUMS of $version does not have $archive, or has it twice"
download "$archive"
if command -v sha256sum > /dev/null; then
  actual=$(sha256sum < "$archive")
else
  actual=$(shasum -a 256 < "$archive")
fi
actual=${actual%% *}
[ "$actual" = "$expected" ] || fail "$archive is not what was released: its SHA-256 is $actual, and not $expected"

case $archive in
  *.zip) unzip -q "$archive" ;;
  *) tar -xzf "$archive" ;;
esac
[ -f "$name/$program" ] || fail "$archive has no $name/$program"
rm "$archive" SHA256SUMS

# Windows wants its own form of the path.
bin=$PWD/$name
if command -v cygpath > /dev/null; then bin=$(cygpath -w "$bin"); fi
printf '%s\n' "$bin" >> "${GITHUB_PATH:-/dev/null}"
printf 'version=%s\n' "$version" >> "${GITHUB_OUTPUT:-/dev/null}"
printf 'tenantry %s is in %s\n' "$version" "$bin"
