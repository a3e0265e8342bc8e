# `make test` is what CI runs; it needs rust, gcc, g++ and git, and gets the rest itself (see tests/support/*.sh).
# `make demo` shows the program at work on two real HAProxy processes.

CARGO ?= cargo

.PHONY: test quick demo haproxy debian tools fmt bench completions deb deb-test install-test static static-test simulate soak mutants

test: tools haproxy debian
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps
	$(MAKE) fuzz-smoke FUZZ_SECONDS=10
	tests/support/run-tests.sh
	$(MAKE) install-test

# What needs neither a HAProxy nor much time: before each commit.
quick:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	tests/support/run-tests.sh lib $(QUICK)

QUICK := architecture aggregate aggregate_config aggregate_sim check_cli ci_docs completions diagnostics diff graph \
	grammar lint_fixtures lint_output parse properties records records_reading redact rules_doc show show_cases \
	table table_set wire words

# As in the README, but as tests have it, so that little is compiled again.
install-test:
	$(CARGO) install --quiet --locked --debug --path . --root target/installed --force --no-track
	target/installed/bin/peerctl --version

demo: haproxy
	$(CARGO) build --locked --quiet
	tests/demo.sh

# Exit 77 of these means: not possible here, and what that skips has been said. In CI they don't give it.
haproxy:
	@tests/support/fetch-haproxy.sh || [ $$? -eq 77 ]

debian: tools
	@tests/support/fetch-debian.sh || [ $$? -eq 77 ]

tools:
	@tests/support/install-tools.sh || [ $$? -eq 77 ]

# The package is target/debian/peerctl_VERSION_ARCHITECTURE.deb.
deb:
	$(CARGO) build --locked --release --bin peerctl
	packaging/deb/build.sh target/release/peerctl target/debian

# The finished package on a clean Debian, and what lintian says of it, which is got from Debian's mirror.
deb-test: deb debian
	PEERCTL_DEB=$$(echo target/debian/*.deb) $(CARGO) test --locked --test package
	packaging/deb/lint.sh target/debian/*.deb

# A program without any library, for other Linux systems: target/TARGET/release/peerctl.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
static:
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --locked --release --bin peerctl --target $(HOST)

static-test: static
	PEERCTL_STATIC=target/$(HOST)/release/peerctl $(CARGO) test --locked --test static_build

fmt:
	$(CARGO) fmt

# Ends with the table of all figures that have a goal. SIZE=100000 measures with so many entries instead of 1,000,000.
FIGURES = $(CURDIR)/target/figures.tsv
bench:
	@rm -f $(FIGURES)
	PEERCTL_FIGURES=$(FIGURES) $(CARGO) bench --locked --bench ratios --bench record --bench table --bench session \
		--bench live --bench aggregate -- $(SIZE)
	@PEERCTL_FIGURES=$(FIGURES) $(CARGO) bench --quiet --locked --bench summary

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

# Needs cargo-mutants (cargo install cargo-mutants --locked); see tests/mutation.md.
mutants:
	tests/mutants.sh codec
	tests/mutants.sh merge
	tests/mutants.sh edit

include fuzz/fuzz.mk
