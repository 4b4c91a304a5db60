# `make coverage`: which branches of the Python code and which lines of the native core `make test` runs.
COVERAGE := build/coverage
COVERED := $(CURDIR)/$(COVERAGE)/native
# What cannot hold where lines are counted: the library needs the compiler's counters, too.
UNCOUNTED := $(addprefix --deselect=tests/native/,test_c_library.py::test_it_needs_only_the_c_library test_c_consumers.py)
# More of pytest's options, such as --durations=0.
COVERAGE_OPTIONS ?=

.PHONY: coverage
coverage: C_LIBRARY = env ECG2LAB_CORE="$$(echo $(COVERED)/_core*.so)" ECG2LAB_C_PACKAGE=$(COVERED)/package \
  ECG2LAB_PROGRAMS=$(COVERED) PYTHONPATH=$(CURDIR)/tests/native/everywhere:$(CURDIR)/tests/native
coverage: $(COVERAGE)/native/.built $(RUNTIME)/.test ## Which branches (Python) and lines (C++) do the tests run? Writes build/coverage
	rm -rf $(COVERAGE)/python* && find $(COVERAGE)/native -name '*.gcda' -delete
	-$(call sdk_tests,-m coverage run,$(COVERAGE_OPTIONS))
	-$(call other_tests,-m coverage run,$(UNCOUNTED) $(COVERAGE_OPTIONS))
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage html --quiet
	$(BIN)/python -m coverage json --quiet
	mkdir -p $(COVERAGE)/native-lines
	$(BIN)/python -m gcovr --root native --filter native/src/ --filter native/python/ --object-directory $(COVERAGE)/native \
	  --gcov-ignore-parse-errors negative_hits.warn --gcov-ignore-parse-errors suspicious_hits.warn --json-summary $(COVERAGE)/native.json \
	  --html-details $(COVERAGE)/native-lines/index.html $(COVERAGE)/native
	$(BIN)/python tests/coverage_figures.py $(COVERAGE)

$(COVERAGE)/native/.built: $(VENV)/.dev $(SOURCES)
	$(BIN)/cmake -S native -B $(COVERAGE)/native -DCMAKE_BUILD_TYPE=Coverage -DECG2LAB_COVERAGE=ON -DECG2LAB_PYTHON=ON \
	  -DCMAKE_INSTALL_LIBDIR=lib -DPYBIND11_FINDPYTHON=ON -Dpybind11_DIR="$$($(BIN)/python -m pybind11 --cmakedir)" \
	  -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python >/dev/null
	$(BIN)/cmake --build $(COVERAGE)/native --parallel 2
	$(BIN)/cmake --install $(COVERAGE)/native --prefix $(COVERED)/package >/dev/null
	@touch $@
