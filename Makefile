# `make test` is what CI runs; it needs rust, gcc and git, and gets the rest itself (see tests/support/*.sh).
# `make demo` shows the program at work on two real HAProxy processes.

CARGO ?= cargo

.PHONY: test demo haproxy tools fmt bench completions mutants

test: tools haproxy
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps
	$(MAKE) fuzz-smoke FUZZ_SECONDS=10
	$(CARGO) test --locked

demo: haproxy
	$(CARGO) build --locked --quiet
	tests/demo.sh

# Exit 77 of these two means: not possible here, and what that skips has been said. In CI they don't give it.
haproxy:
	@tests/support/fetch-haproxy.sh || [ $$? -eq 77 ]

tools:
	@tests/support/install-tools.sh || [ $$? -eq 77 ]

fmt:
	$(CARGO) fmt

bench:
	$(CARGO) bench --locked --bench ratios --bench record --bench table --bench session --bench live

completions:
	PEERCTL_UPDATE=1 $(CARGO) test --locked --test completions

# Needs cargo-mutants (cargo install cargo-mutants --locked); see tests/mutation.md.
mutants:
	tests/mutants.sh codec
	tests/mutants.sh merge
	tests/mutants.sh edit

include fuzz/fuzz.mk
