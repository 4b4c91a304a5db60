# `make sanitize`: the native core, built so that mistakes are found as they happen, under what calls it.
SANITIZE := build/sanitize
SANITIZED := $(CURDIR)/$(SANITIZE)/address
comma := ,
# What cannot hold of such a core: it needs the sanitizers' libraries, is not linked into a program without them, and
# reserves terabytes of addresses, which a process with little memory does not have.
UNSUITED := needs_only or test_c_consumers or out_of_memory
# Half a gigabyte to hash; and layers whose reference takes the time, over loops that other tests of the scan run too.
SLOW := beyond_32_bits or realised_s4

.PHONY: sanitize
# AddressSanitizer must be the first library of a process, hence the preload. Python itself leaks at its end, so that
# leaks are looked for in the programs of native/tests and in cart.c.
sanitize: $(SANITIZE)/address/.built $(SANITIZE)/thread/.built ## Run the native core under sanitizers: addresses, leaks, undefined behaviour, threads
	$(SANITIZE)/thread/callers sdk/ecg2lab/demo/demo.ecg2lab
	env ECG2LAB_CORE="$$(echo $(SANITIZED)/_core*.so)" ECG2LAB_C_PACKAGE=$(SANITIZED)/package ECG2LAB_PROGRAMS=$(SANITIZED) \
	  PYTHONPATH=tests/native ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so.6)" \
	  $(BIN)/python -m pytest -p use_core -m "not system and not soak" tests/contract tests/native -k "not ($(UNSUITED) or $(SLOW))"

# build_sanitized(name, sanitizers, whether the Python extension too, targets)
define build_sanitized
	$(BIN)/cmake -S native -B $(SANITIZE)/$(1) -DCMAKE_BUILD_TYPE=Sanitize -DECG2LAB_SANITIZE=$(2) -DECG2LAB_PYTHON=$(3) \
	  -DECG2LAB_WERROR=$(WERROR) -DCMAKE_INSTALL_LIBDIR=lib -DPYBIND11_FINDPYTHON=ON \
	  -Dpybind11_DIR="$$($(BIN)/python -m pybind11 --cmakedir)" -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python >/dev/null
	$(BIN)/cmake --build $(SANITIZE)/$(1) --parallel 2 $(4)
endef

$(SANITIZE)/address/.built: $(VENV)/.dev $(SOURCES)
	$(call build_sanitized,address,address$(comma)undefined,ON)
	$(BIN)/cmake --install $(SANITIZE)/address --prefix $(SANITIZED)/package >/dev/null
	@touch $@

$(SANITIZE)/thread/.built: $(VENV)/.dev $(SOURCES)
	$(call build_sanitized,thread,thread,OFF,--target callers)
	@touch $@
