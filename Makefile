# `make test` is what CI runs; it needs rust, gcc and git, and gets the rest itself (see tests/support/*.sh).
# `make demo` shows the program at work on two real HAProxy processes.

CARGO ?= cargo

.PHONY: test demo haproxy tools fmt bench completions simulate soak

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

# Worlds of the simulator. One that fails names its seed, and the command that runs it again.
SEEDS ?= 1000000

simulate:
	PEERCTL_SEEDS=$(SEEDS) $(CARGO) test --locked --release --test simulator seeds -- --nocapture

# Everything at once against real HAProxy, with a fault every two seconds.
SOAK_SECONDS ?= 600

soak: tools haproxy
	SOAK_SECONDS=$(SOAK_SECONDS) $(CARGO) test --locked --test soak -- --nocapture

completions:
	PEERCTL_UPDATE=1 $(CARGO) test --locked --test completions

include fuzz/fuzz.mk
