# The front door. Every target brings what it needs (Debian 12 packages through tools/setup.sh) and can run twice.
.DEFAULT_GOAL := help
SHELL := /bin/bash -eu -o pipefail

BINARY := build/release/distromash
JOBS ?= $(shell nproc)
PYTHON := /usr/bin/python3
# A failing run must not be hidden by an earlier, longer one: quiet where all is well, the whole output where not.
CTEST := ctest --output-on-failure --no-tests=error
# Seconds each fuzz target runs in `make fuzz`.
FUZZ_SECONDS ?= 60

.PHONY: package help setup build build-all run-all demo test test-unit test-e2e test-tsan lint lint-all format bench fuzz clean

help:
	@echo "make demo      three nodes with a Docker each: see an image come, survive a node, and go"
	@echo "make test      unit tests (plain, ASan+UBSan), lint, end-to-end tests"
	@echo "make build     $(BINARY)"
	@echo "make package   build/package/*.deb for Debian 12, with a service for systemd"
	@echo "make run-all   build, then run one node on the default ports"
	@echo "make setup | lint | lint-all | format | test-unit | test-e2e | test-tsan | fuzz | bench | clean"

setup:
	@tools/setup.sh build test demo

build: $(BINARY)
build-all: build

# Always asks ninja, which knows best what is out of date.
.PHONY: $(BINARY)
$(BINARY):
	@tools/setup.sh build
	@$(call configure,release)
	@cmake --build build/release -j $(JOBS) --target distromash

# CMake runs again by itself when its files change; only the first time needs a call.
configure = [ -e build/$(1)/build.ninja ] || cmake --preset $(1) -Wno-dev --log-level=WARNING

# Installed, upgraded and removed on a throw-away machine by the test e2e.package.
package: build
	@tools/setup.sh package
	@cpack -G DEB --config build/release/CPackConfig.cmake -B build/package >build/release/cpack.log || \
		{ cat build/release/cpack.log; exit 1; }
	@rm -rf build/package/_CPack_Packages
	@ls build/package/*.deb

run-all: build
	@exec $(BINARY) run --data-dir "$${DM_DATA_DIR:-data}" $(ARGS)

demo:
	@tools/setup.sh build demo
	@$(MAKE) --no-print-directory build
	@exec $(PYTHON) tools/demo.py --binary $(BINARY)

# The trees under test: all of release (with lint and e2e), and the unit tests and fuzz corpora under sanitizers.
.PHONY: test-trees release-tree
release-tree:
	@tools/setup.sh build test
	@$(call configure,release)
	@cmake --build build/release -j $(JOBS)

test-trees: release-tree
	@$(call configure,asan)
	@cmake --build build/asan -j $(JOBS)
	@mkdir -p build/test
	@printf 'subdirs("%s" "%s")\n' "$(CURDIR)/build/release" "$(CURDIR)/build/asan" > build/test/CTestTestfile.cmake

test: test-trees
	@$(PYTHON) test/e2e/what_runs.py
	@$(CTEST) --test-dir build/test -j $(JOBS)

test-unit: test-trees
	@$(CTEST) --test-dir build/test -j $(JOBS) -LE 'e2e|lint'

# What shares memory between the loop and the pool, under ThreadSanitizer.
TSAN_MODULES := aio store importer registry upstream http_server http_access http_client bitswap sharing tree host crdt state trust \
                agent api
test-tsan:
	@tools/setup.sh build test
	@$(call configure,tsan)
	@cmake --build build/tsan -j $(JOBS) --target $(addprefix test_,$(TSAN_MODULES))
	@TSAN_OPTIONS=halt_on_error=1 $(CTEST) --test-dir build/tsan -j $(JOBS) \
		-R '^tsan\.($(subst $(eval ) ,|,$(TSAN_MODULES)))\.'

test-e2e: build
	@tools/setup.sh test
	@cmake --build build/release -j $(JOBS) --target docker_engine_tool
	@$(CTEST) --test-dir build/release -L e2e $(if $(T),-R $(T))

lint: release-tree
	@$(PYTHON) tools/check_modules.py .
	@$(PYTHON) tools/lint_format.py
	@$(PYTHON) tools/check_docs.py .
	@$(PYTHON) tools/lint_tidy.py --build build/release $(TIDY)

lint-all: TIDY = --all
lint-all: lint

format:
	@tools/setup.sh test
	@$(PYTHON) tools/lint_format.py --fix

fuzz:
	@tools/setup.sh build test
	@$(call configure,fuzz)
	@cmake --build build/fuzz -j $(JOBS) --target fuzz_targets
	@$(PYTHON) tools/run_fuzz.py --build build/fuzz --seconds $(FUZZ_SECONDS)

bench: build
	@tools/setup.sh test
	@$(PYTHON) bench/run.py --binary $(BINARY) $(ARGS)

clean:
	rm -rf build
