#!/bin/bash
# Mutation testing of what must not be wrong: tests/mutants.sh codec|merge|edit [options of cargo mutants]. See mutation.md.
#
# The modules are copied into a crate of their own, whose tests build in seconds: each mutant is a build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

job=$1
shift
case $job in
  codec) modules="span units escape grammar stick proto" files=(src/proto/{define,dictionary,frame,hello,reader,update,varint}.rs) ;;
  merge) modules="span units escape grammar stick table aggregate" files=(src/aggregate/{merge,rate,totals}.rs 'src/aggregate/totals/*.rs') ;;
  edit) modules="span units escape config" files=(src/config/{edit,draft,style,print}.rs) ;;
  *) echo "$0: codec, merge or edit, not '$job'" >&2; exit 2 ;;
esac

to=target/mutants/$job
rm -rf "$to/src" "$to/mutants.out"
mkdir -p "$to/src"
cp -r grammar Cargo.lock "$to/"
for module in $modules; do
  cp -r src/"$module"* "$to/src/"
  echo "pub mod $module;"
done >"$to/lib.rs"
mv "$to/lib.rs" "$to/src/"
{
  printf '[package]\nname = "peerctl"\nversion = "0.1.0"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n'
  grep -E '^(crc32c|foldhash|jiff|memchr|memmap2|nom|regex|strsim|thiserror) = ' Cargo.toml
  printf '\n[dev-dependencies]\n'
  grep -E '^(proptest|tempfile) = ' Cargo.toml
  printf '\n[profile.dev]\ndebug = false\n'
} >"$to/Cargo.toml"

options=()
for file in "${files[@]}"; do options+=(--file "$file"); done
exec cargo mutants --dir "$to" --in-place --output "$to" --timeout 120 --cap-lints true "${options[@]}" "$@" -- --lib
