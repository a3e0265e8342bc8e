# Coverage-guided fuzzing with libFuzzer and AddressSanitizer on the stable toolchain: RUSTC_BOOTSTRAP lets stable rustc
# take the flags that `cargo fuzz` would give a nightly one.
#
# make fuzz-smoke        every target for FUZZ_SECONDS (30): what CI runs
# make fuzz              every target for FUZZ_SECONDS=3600, on from where the last run ended
# make fuzz-merge        take what earlier runs found into the committed corpus, as few files as have the same coverage

FUZZ_TARGETS ?= config_parse config_edit proto_codec proto_session record
FUZZ_SECONDS ?= $(if $(filter fuzz,$(MAKECMDGOALS)),3600,30)
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_DIR := target/fuzz
FUZZ_BIN = $(FUZZ_DIR)/$(FUZZ_HOST)/release
# Texts that every target may start from, beside its own.
FUZZ_SEEDS := fixtures/config/cases

FUZZ_FLAGS := --cfg fuzzing -Zsanitizer=address -Ccodegen-units=1 -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares

.PHONY: fuzz fuzz-smoke fuzz-build fuzz-merge

fuzz fuzz-smoke: fuzz-build
	@set -e; for target in $(FUZZ_TARGETS); do \
	  mkdir -p $(FUZZ_DIR)/corpus/$$target $(FUZZ_DIR)/artifacts; \
	  echo "fuzz $$target: $(FUZZ_SECONDS) s"; \
	  $(FUZZ_BIN)/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=1024 \
	    -artifact_prefix=$(FUZZ_DIR)/artifacts/$$target- -print_final_stats=1 \
	    $(FUZZ_DIR)/corpus/$$target fuzz/corpus/$$target $(FUZZ_SEEDS) >$(FUZZ_DIR)/$$target.log 2>&1 \
	  || { tail -n 60 $(FUZZ_DIR)/$$target.log; exit 1; }; \
	  grep -e executed_units -e per_sec -e units_added $(FUZZ_DIR)/$$target.log; \
	done

# A target of its own, so that build scripts and macros are built without the sanitizer.
fuzz-build:
	RUSTC_BOOTSTRAP=1 RUSTFLAGS='$(FUZZ_FLAGS)' \
	  $(CARGO) build --locked --release --manifest-path fuzz/Cargo.toml --target $(FUZZ_HOST) --target-dir $(FUZZ_DIR)

fuzz-merge: fuzz-build
	@set -e; for target in $(FUZZ_TARGETS); do \
	  rm -rf $(FUZZ_DIR)/merged; mkdir -p $(FUZZ_DIR)/merged $(FUZZ_DIR)/corpus/$$target fuzz/corpus/$$target; \
	  $(FUZZ_BIN)/$$target -merge=1 -max_len=128 $(FUZZ_DIR)/merged fuzz/corpus/$$target $(FUZZ_DIR)/corpus/$$target \
	    >$(FUZZ_DIR)/$$target.log 2>&1 || { tail -n 60 $(FUZZ_DIR)/$$target.log; exit 1; }; \
	  rm -rf fuzz/corpus/$$target; mv $(FUZZ_DIR)/merged fuzz/corpus/$$target; \
	done
