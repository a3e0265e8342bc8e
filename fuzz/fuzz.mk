# Coverage-guided fuzzing with libFuzzer and AddressSanitizer on the stable toolchain: RUSTC_BOOTSTRAP lets stable rustc
# take the flags that `cargo fuzz` would give a nightly one. See README.md beside this.
#
# make fuzz-smoke        every target for FUZZ_SECONDS (30), as many at a time as there are processors: what CI runs, with 10
# make fuzz              every target for FUZZ_SECONDS=3600, on from where the last run ended
# make fuzz-merge        take what earlier runs found into the committed corpus, as few files as have the same coverage

FUZZ_TARGETS ?= varint frame hello define update dictionary session record filter config_parse config_edit lint
FUZZ_SECONDS ?= $(if $(filter fuzz,$(MAKECMDGOALS)),3600,30)
FUZZ_JOBS ?= $(shell nproc)
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_DIR := target/fuzz
FUZZ_BIN = $(FUZZ_DIR)/$(FUZZ_HOST)/release

# The longest inputs, in bytes; 128 else.
FUZZ_LEN_varint := 32
FUZZ_LEN_hello := 320
FUZZ_LEN_dictionary := 64
FUZZ_LEN_session := 256
FUZZ_LEN_record := 512
FUZZ_LEN_config_parse := 256
FUZZ_LEN_config_edit := 256
FUZZ_LEN_lint := 512
# Texts that a target may start from, beside its own.
FUZZ_SEEDS_config_parse := fixtures/config/cases
FUZZ_SEEDS_config_edit := fixtures/config/cases
FUZZ_SEEDS_lint := fixtures/lint
# Words of a language.
FUZZ_DICT_filter := filter
FUZZ_DICT_record := record
FUZZ_DICT_config_parse := config
FUZZ_DICT_config_edit := config
FUZZ_DICT_lint := config

# Stacks of allocations and of returned functions cost most of the time, and safe code needs neither.
export ASAN_OPTIONS ?= malloc_context_size=2:quarantine_size_mb=8:detect_stack_use_after_return=0

.PHONY: fuzz fuzz-smoke fuzz-build fuzz-merge

fuzz fuzz-smoke: fuzz-build
	@$(MAKE) --no-print-directory -j$(FUZZ_JOBS) FUZZ_SECONDS=$(FUZZ_SECONDS) $(FUZZ_TARGETS:%=fuzz-run-%)

fuzz-run-%:
	@mkdir -p $(FUZZ_DIR)/corpus/$* $(FUZZ_DIR)/artifacts
	@$(FUZZ_BIN)/$* -max_total_time=$(FUZZ_SECONDS) -timeout=30 -rss_limit_mb=2048 -malloc_limit_mb=256 \
	  -max_len=$(or $(FUZZ_LEN_$*),128) $(FUZZ_DICT_$*:%=-dict=fuzz/dictionaries/%.dict) \
	  -artifact_prefix=$(FUZZ_DIR)/artifacts/$*- -print_final_stats=1 \
	  $(FUZZ_DIR)/corpus/$* fuzz/corpus/$* $(FUZZ_SEEDS_$*) >$(FUZZ_DIR)/$*.log 2>&1 \
	|| { echo "fuzz $*:"; tail -n 60 $(FUZZ_DIR)/$*.log; exit 1; }
	@awk '/executed_units/ { runs = $$2 } /per_sec/ { rate = $$2 } \
	  END { print "fuzz $*: " runs " executions, " rate " a second" }' $(FUZZ_DIR)/$*.log

# A target of its own, so that build scripts and macros are built without the sanitizer.
fuzz-build:
	RUSTC_BOOTSTRAP=1 RUSTC_WORKSPACE_WRAPPER=$(CURDIR)/fuzz/rustc.sh RUSTFLAGS='--cfg fuzzing -Zsanitizer=address' \
	  $(CARGO) build --locked --release --manifest-path fuzz/Cargo.toml --target $(FUZZ_HOST) --target-dir $(FUZZ_DIR)

fuzz-merge: fuzz-build
	@$(MAKE) --no-print-directory -j$(FUZZ_JOBS) $(FUZZ_TARGETS:%=fuzz-merge-%)

fuzz-merge-%:
	@rm -rf $(FUZZ_DIR)/merged/$*; mkdir -p $(FUZZ_DIR)/merged/$* $(FUZZ_DIR)/corpus/$* fuzz/corpus/$*
	@$(FUZZ_BIN)/$* -merge=1 -max_len=$(or $(FUZZ_LEN_$*),128) $(FUZZ_DIR)/merged/$* fuzz/corpus/$* $(FUZZ_DIR)/corpus/$* \
	  >$(FUZZ_DIR)/$*.log 2>&1 || { tail -n 60 $(FUZZ_DIR)/$*.log; exit 1; }
	@rm -rf fuzz/corpus/$*; mv $(FUZZ_DIR)/merged/$* fuzz/corpus/$*
