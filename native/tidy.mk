# `make tidy`: clang-tidy with the list in .clang-tidy on every C++ file that this machine compiles; `make tidy-changed`: on
# those that changed since TIDY_BASE.
TIDY := build/tidy
TIDY_JOBS ?= 2
# Where this branch left main; on main the last commit.
TIDY_BASE ?= $(shell base=$$(git merge-base HEAD main 2>/dev/null); \
  [ "$$base" = "$$(git rev-parse HEAD)" ] || [ -z "$$base" ] && base=HEAD~; echo $$base)
TIDY_FILES = xargs --no-run-if-empty -P $(TIDY_JOBS) -n 4 $(BIN)/clang-tidy -p $(TIDY) --quiet
COMPILED = $(BIN)/python -c "import json; print(*sorted({c['file'] for c in json.load(open('$<'))}), sep='\n')"

.PHONY: tidy tidy-changed
tidy: $(TIDY)/compile_commands.json ## Look for mistakes in all of the C++ (clang-tidy: a quarter of an hour)
	$(COMPILED) | $(TIDY_FILES)

tidy-changed: $(TIDY)/compile_commands.json ## Look for mistakes in the C++ files that changed since main
	git diff --name-only --diff-filter=d $(TIDY_BASE) -- 'native/*.cpp' | sed "s|^|$(CURDIR)/|" | sort >$(TIDY)/changed
	$(COMPILED) | comm -12 - $(TIDY)/changed | $(TIDY_FILES)

# Bindings are read one by one here, not in the few large files that they are built as.
$(TIDY)/compile_commands.json: $(VENV)/.dev native/CMakeLists.txt
	$(BIN)/cmake -S native -B $(TIDY) -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DCMAKE_UNITY_BUILD=OFF -DECG2LAB_TESTS=ON \
	  -DECG2LAB_PYTHON=ON -DPYBIND11_FINDPYTHON=ON -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
	  -Dpybind11_DIR="$$($(BIN)/python -m pybind11 --cmakedir)" >/dev/null
