# A thin front to CMake (see CMakeLists.txt). make, make install, make demo, make test, make check-asan, make pool.
BUILD  ?= build
JOBS   ?= $(shell nproc)
PREFIX ?= /usr/local
CMAKE_FLAGS ?=

all: $(BUILD)/CMakeCache.txt
	@cmake --build $(BUILD) -j $(JOBS)

$(BUILD)/CMakeCache.txt:
	@cmake -S . -B $(BUILD) $(CMAKE_FLAGS) || { rm -f $@; exit 1; }

# Program, libraries, headers, maple.pc, man pages, completion, bundled pool, documentation below $(PREFIX); with DESTDIR=DIR
# staged there for a package. uninstall: the same PREFIX and DESTDIR.
install: all
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --prefix "$(PREFIX)" >$(BUILD)/install.log || { cat $(BUILD)/install.log; exit 4; }
	@echo "installed $$(grep -c . $(BUILD)/install_manifest.txt) files below $(DESTDIR)$(PREFIX)"

uninstall:
	@DESTDIR="$(DESTDIR)" cmake -DMANIFEST=$(BUILD)/install_manifest.txt -DPREFIX="$(PREFIX)" -P cmake/uninstall.cmake

# Installing, linking, man pages, completion alone.
check-install: all
	@cd $(BUILD) && ctest --output-on-failure -R '^install_'

# Installs what is missing on Debian and Ubuntu; on other systems says what to install.
deps:
	@sh scripts/install-packages.sh

# The main job, from nothing: packages, build, quickstart. Its pool and its predictions stay in $(BUILD)/demo.
demo: deps
	@$(MAKE) --no-print-directory all
	@mkdir -p $(BUILD)/demo
	$(BUILD)/maple quickstart --pool $(BUILD)/demo/pool.db --output $(BUILD)/demo/latencies.csv

test: deps
	@$(MAKE) --no-print-directory all
	@TMPDIR=$$(sh scripts/test-folder.sh) && export TMPDIR && cd $(BUILD) && ctest -j $(JOBS) --output-on-failure --timeout 600

# The same tests under AddressSanitizer and UndefinedBehaviorSanitizer.
check-asan: deps
	@$(MAKE) --no-print-directory all BUILD=build-asan CMAKE_FLAGS="-DMAPLE_SANITIZE=ON -DMAPLE_WERROR=ON"
	@TMPDIR=$$(sh scripts/test-folder.sh) && export TMPDIR && cd build-asan && ctest -j $(JOBS) --output-on-failure --timeout 900

# A campaign killed 1,000 times at random moments (100 times in make test).
check-kill: all
	@MAPLE_KILLS=1000 $(BUILD)/tests/test_campaign_kill

# Builds and tests on Debian 13, in a folder by debootstrap ($MAPLE_TRIXIE, else $(BUILD)/trixie); needs root.
check-trixie:
	@JOBS=$(JOBS) sh scripts/check-trixie.sh $(BUILD)

# Measures the bundled pool anew, by data/plan.json (a day; can be stopped and continued), or by PLAN=FILE; PLATFORM=N or
# PLATFORM=NAME: one platform of it.
pool: all
	@PLAN="$(PLAN)" sh scripts/measure-pool.sh $(BUILD) $(PLATFORM)

# docs/results/ (about half an hour): public tables, where they are, and the bundled pool.
results: all
	@sh scripts/results.sh $(BUILD)

# docs/results/descriptor.md and descriptor-cpu.md (hours; can be stopped and continued): parts of the descriptor, MAPLE-X,
# distances; a CPU never seen.
descriptor: all
	@sh scripts/results.sh $(BUILD) descriptor descriptor-cpu distances

# docs/results/search.md (an hour): fronts and the published search, on the public tables and the bundled pool.
decisions: all
	@sh scripts/results.sh $(BUILD) search

# docs/results/rivals.md and brp-gcn.md (hours; can be stopped and continued): HELP and NASFLAT beside all others; BRP-NAS.
rivals: all
	@sh scripts/results.sh $(BUILD) rivals brp-gcn

# docs/results/figures/ (half an hour), by gnuplot.
figures: all
	@sh scripts/figures.sh $(BUILD)

# A CPU never seen, and leave-one-family-out, on the bundled pool, as tables.
families: all
	@for what in cpu family; do $(BUILD)/maple evaluate --bundled --leave-out $$what --predictor gp,maple,lut,lut-fit,flops \
	    --samples 3,10 --trials 5 --scoring unmeasured --per-target || exit; done

bench: all
	@cmake --build $(BUILD) -j $(JOBS) --target bench_fit bench_gp bench_rivals
	@$(BUILD)/bench_fit
	@$(BUILD)/bench_gp
	@$(BUILD)/bench_rivals help 100
	@$(BUILD)/bench_rivals nasflat 5

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build build-asan

.PHONY: all install uninstall check-install deps demo test check-asan check-kill check-trixie pool results descriptor decisions rivals figures families bench format clean
