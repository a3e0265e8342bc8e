#!/bin/bash
# Mutation testing of what must not be wrong: tests/mutants.sh codec|merge|edit [options of cargo mutants]. See mutation.md.
#
# Each mutant is a build. So the module is copied into a crate of its own, and the layers below it into another one that is
# built once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

job=$1
shift
tests=(--lib)
case $job in
  codec)
    module=proto below="span units escape limits grammar stick"
    files=(src/proto/{define,dictionary,frame,hello,reader,update,varint}.rs)
    ;;
  merge)
    module=aggregate below="span units escape limits grammar stick proto table"
    files=(src/aggregate/{merge,rate,totals}.rs 'src/aggregate/totals/*.rs')
    tests=(--lib --test aggregate)
    ;;
  edit)
    module=config below="span units escape grammar"
    files=(src/config/{edit,draft,style,print}.rs)
    ;;
  *)
    echo "$0: codec, merge or edit, not '$job'" >&2
    exit 2
    ;;
esac

to=target/mutants/$job
rm -rf "$to/src" "$to/below/src"
mkdir -p "$to/src" "$to/below/src"
cp -r grammar Cargo.lock "$to/"
cp -r grammar "$to/below/"
cp -r src/$module "$to/src/"
if [ $job = merge ]; then
  mkdir -p "$to/tests"
  cp -r tests/aggregate{,.rs} "$to/tests/"
fi
for name in $below; do
  cp -r src/"$name"* "$to/below/src/"
  echo "pub mod $name;"
done >"$to/below/lib.rs"
mv "$to/below/lib.rs" "$to/below/src/"
# What the crate keeps to itself is another crate's here.
find "$to/below/src" -name '*.rs' -exec sed -i 's/pub(crate)/pub/' {} +
printf 'pub use below::*;\npub mod %s;\n' $module >"$to/src/lib.rs"

dependencies() { grep -E '^(crc32c|foldhash|memchr|memmap2|nom|regex|strsim|thiserror) = ' Cargo.toml; }
{
  printf '[package]\nname = "below"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n'
  dependencies
} >"$to/below/Cargo.toml"
{
  printf '[package]\nname = "peerctl"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n'
  dependencies
  printf 'below = { path = "below" }\n\n[dev-dependencies]\n'
  grep -E '^(jiff|proptest|tempfile) = ' Cargo.toml
  printf '\n[profile.dev]\ndebug = false\n'
} >"$to/Cargo.toml"

export CARGO_TARGET_DIR=$PWD/target/mutants/built
options=()
for file in "${files[@]}"; do options+=(--file "$file"); done
exec cargo mutants --dir "$to" --package peerctl --in-place --output "$to" --timeout 120 --cap-lints true "${options[@]}" "$@" \
  -- "${tests[@]}"
