# `make test` is what CI runs; it needs rust, gcc and git, and gets the rest itself (see tests/support/*.sh).
# `make demo` shows the program at work on two real HAProxy processes.

CARGO ?= cargo

.PHONY: test quick demo haproxy tools fmt bench completions

test: tools haproxy
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps
	$(MAKE) fuzz-smoke FUZZ_SECONDS=10
	tests/support/run-tests.sh

# What needs neither a HAProxy nor much time: before each commit.
quick:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	tests/support/run-tests.sh lib $(QUICK)

QUICK := architecture aggregate aggregate_config aggregate_sim check_cli ci_docs completions diagnostics diff graph \
	grammar lint_fixtures lint_output parse properties records records_reading redact rules_doc show show_cases \
	table table_set wire words

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

include fuzz/fuzz.mk
