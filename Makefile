# Weir. The commands:
#   make              the release binary, build/weir (static, hardened, stripped)
#   make demo         installs what is missing, builds, and serves content-example on http://127.0.0.1:8080
#   make test         installs what is missing, builds, and runs every test (release build)
#   make check        the unit and flow tests under AddressSanitizer and UBSan; `make tsan` under ThreadSanitizer
#   make proof        the acceptance counts (1,000 kills, races, long fuzz); takes hours
#   make lint         clang-format and clang-tidy, read only
#   make bench        test/bench and scripts/bench, beside the peers that are installed
#   make fuzz-NAME    test/fuzz/NAME_fuzz.cpp for SECONDS=60
#   make golden       writes the golden files of test/site anew; review the difference like code
#   make install      build/weir to $(DESTDIR)$(PREFIX)/bin
#   make clean        removes build/
# Variables: MODE=release|debug|asan|tsan, JOBS=2, TESTS='[tag]' (a Catch2 filter), CXX, PREFIX=/usr/local

MODE ?= release
JOBS ?= 2
CXX ?= g++
PREFIX ?= /usr/local
SECONDS ?= 60
TESTS ?=
B := build/$(MODE)
DEPS ?= build/deps

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Werror
HARD := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fcf-protection
FLAGS_release := -O2 -fPIE $(HARD) -ffunction-sections -fdata-sections
FLAGS_debug := -O1 -g -D_GLIBCXX_ASSERTIONS -DWEIR_FAULTS
FLAGS_asan := -O0 -g1 -D_GLIBCXX_ASSERTIONS -DWEIR_FAULTS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -Wno-maybe-uninitialized
# Of the tests themselves UBSan checks what ASan does not see anyway: a third less to compile.
TEST_FLAGS_asan := -fno-sanitize=null,alignment,object-size,vptr
FLAGS_tsan := -O1 -g1 -D_GLIBCXX_ASSERTIONS -fsanitize=thread -Wno-tsan
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -Wno-error
# What runs once, or waits for a network anyway, is compiled for size: half the bytes of -O2.
SMALL_release := -Os
SMALL := $(addprefix src/,cli/% edge/config% edge/control% edge/webhook% edge/units% guard/acme% guard/jwks% http/client.cpp edge/hook_senders.cpp edge/fill% edge/peer% edge/purge% \
  edge/succession.cpp edge/metrics.cpp edge/%describer.cpp edge/proxy_route.cpp edge/proxy_lease.cpp edge/shared_origin.cpp cache/answer_disk.cpp cache/answer_record.cpp \
  http/upstream_names.cpp store/store_recovery.cpp store/store_upkeep.cpp store/release.cpp sync/kv.cpp sync/fold.cpp \
  sync/service.cpp sync/session.cpp sync/session_messages.cpp sync/catch_up.cpp sync/own_operations.cpp sync/access.cpp sync/log_feed.cpp template/parser.cpp template/expression_parser.cpp \
  template/compiler.cpp template/engine.cpp template/lexer.cpp template/locales.cpp template/tests.cpp template/value_filters.cpp \
  template/list_filters.cpp waf/rules.cpp base/certificate.cpp base/file.cpp site/%.cpp text/toml.cpp text/yaml.cpp text/sass% \
  text/css_compress.cpp text/redirects.cpp text/header_rules.cpp text/diagnostic.cpp text/date_zone.cpp text/date_format.cpp \
  text/site_pattern.cpp text/url.cpp text/highlight_themes.cpp)
# The story of a build is told once for each of ten thousand pages: these stay as fast as they can be.
SMALL := $(filter-out $(addprefix src/site/,views.cpp render.cpp reads.cpp content_render.cpp library.cpp page_order.cpp front.cpp fields.cpp plan.cpp \
  facts.cpp increment.cpp search_index.cpp shortcode.cpp minify.cpp memory.cpp),$(filter-out src/site/%.cpp,$(SMALL)) $(wildcard src/site/*.cpp))
LINK_release := -static-pie -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,pack-relative-relocs
STRIP_release := -s
# Starts in half the time: nothing of it is to be relocated.
LINK_asan := -no-pie
CXXFLAGS_ALL = -std=c++20 $(WARN) $(FLAGS_$(MODE)) -DTOML_HEADER_ONLY=0 -Isrc -isystem $(DEPS) -MMD -MP $(CXXFLAGS)
# What nearly every file includes, read by the compiler once (for each set of flags) instead of hundreds of times: a fifth of a release build. A
# compiler that cannot use the result reads the headers; files include what they need all the same. In UNPRECOMPILED GCC 12 warns wrongly of
# std::string, since it forgets which of the precompiled headers are the system's.
PRECOMPILED := algorithm array atomic charconv chrono cmath condition_variable cstdint cstring deque functional map memory mutex optional set span string string_view thread unordered_map utility variant vector
PRECOMPILE = @mkdir -p $(@D); printf '\#include <%s>\n' $(2) > $(@:.gch=); $(CXX) $(1) -x c++-header -o $@ $(@:.gch=)
UNPRECOMPILED := $(addprefix src/,cache/http_fields.cpp edge/proxy_cache.cpp edge/tables.cpp text/porter.cpp)
PRE_asan := $(B)/src.h
PRE_release := $(B)/src.h $(B)/small.h
PRE = $(if $(filter $(UNPRECOMPILED),$<),,$(if $(filter $(SMALL),$<),$(lastword $(PRE_$(MODE))),$(firstword $(PRE_$(MODE)))))
TEST_FLAGS = $(CXXFLAGS_ALL) -O0 -U_FORTIFY_SOURCE $(TEST_FLAGS_$(MODE)) -Itest
LIBS := -lcmark-gfm-extensions -lcmark-gfm -lsqlite3 -lpcre2-8 -lbrotlienc -lbrotlicommon -lzstd -lxxhash -ldeflate -lyaml-cpp -lsass -l:libstemmer.a -ljpeg -lpng16 -lwebp -l:libmodsecurity.a -lnghttp2 -lseccomp -lssl -lcrypto -lz -lpthread
# The linker notes that dlopen, getaddrinfo and gethostbyname need glibc's files at run time; docs/decisions/02 says why that is fine.
LINK = $(CXX) $(FLAGS_$(MODE)) $(LINK_$(MODE)) $(LDFLAGS)

SOURCES := $(sort $(shell find src -name '*.cpp'))
OBJECTS := $(SOURCES:%.cpp=$(B)/%.o) $(B)/embedded.o $(B)/commit.o
LIBRARY := $(B)/libweir.a
TOOLS := $(sort $(wildcard test/*.cpp))
UNIT := $(patsubst %.cpp,$(B)/%.o,$(sort $(shell find test -name '*_test.cpp' -not -path 'test/flow/*') $(TOOLS)))
FLOW := $(patsubst %.cpp,$(B)/%.o,$(sort $(wildcard test/flow/*.cpp)) $(filter-out %_test.cpp,$(TOOLS)))
EMBED := $(sort $(shell find templates src/waf/rules -type f 2>/dev/null))

.PHONY: FORCE all weir demo test check tsan proof lint bench golden install clean help deps unit flow tests
all: weir
weir: build/weir
deps: ; @scripts/install-deps
help: ; @sed -n '2,14s/^# \{0,1\}//p' Makefile

build/weir: $(B)/weir ; @cp $< $@.new && mv $@.new $@
$(B)/weir: $(B)/src/main.o $(LIBRARY) ; $(LINK) $(STRIP_$(MODE)) -o $@ $^ $(LIBS) 2> $@.warnings || { cat $@.warnings; exit 1; }
$(LIBRARY): $(filter-out $(B)/src/main.o,$(OBJECTS)) ; @rm -f $@; ar rcs $@ $^
$(B)/unit-tests: $(UNIT) $(LIBRARY) ; $(LINK) -o $@ $^ -lCatch2WithMain -lbrotlidec $(LIBS) 2> $@.warnings || { cat $@.warnings; exit 1; }
$(B)/flow-tests: $(FLOW) $(LIBRARY) ; $(LINK) -o $@ $^ -lCatch2WithMain $(LIBS) 2> $@.warnings || { cat $@.warnings; exit 1; }
$(B)/bench-%: $(B)/test/bench/%_bench.o $(LIBRARY) ; $(LINK) -o $@ $^ $(LIBS) 2> $@.warnings || { cat $@.warnings; exit 1; }
$(B)/tool-%: $(B)/test/bench/%_tool.o ; $(CXX) -o $@ $^ -lssl -lcrypto -lpthread
$(B)/fuzz-%: $(B)/test/fuzz/%_fuzz.o $(LIBRARY) ; $(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(B)/%.o: %.cpp | $(PRE_$(MODE):.h=.h.gch) $(DEPS)/httplib.h ; @mkdir -p $(@D); $(CXX) $(CXXFLAGS_ALL) $(if $(filter $(SMALL),$<),$(SMALL_$(MODE))) $(if $(filter test/%,$<),-Itest) $(PRE:%=-include %) -c -o $@ $<
$(sort $(UNIT) $(FLOW)): $(B)/%.o: %.cpp | $(B)/test.h.gch $(DEPS)/httplib.h ; @mkdir -p $(@D); $(CXX) $(TEST_FLAGS) -include $(B)/test.h -c -o $@ $<
$(B)/src.h.gch: ; $(call PRECOMPILE,$(CXXFLAGS_ALL),$(PRECOMPILED))
$(B)/small.h.gch: ; $(call PRECOMPILE,$(CXXFLAGS_ALL) $(SMALL_$(MODE)),$(PRECOMPILED))
$(B)/test.h.gch: ; $(call PRECOMPILE,$(TEST_FLAGS),catch2/catch.hpp $(PRECOMPILED))
$(B)/test/bench/%.o: test/bench/%.cpp ; @mkdir -p $(@D); $(CXX) $(CXXFLAGS_ALL) -Itest -c -o $@ $<
$(B)/embedded.o: $(EMBED) scripts/embed ; @mkdir -p $(@D); scripts/embed $(B)/embedded $(EMBED) && $(CXX) $(CXXFLAGS_ALL) -c -o $@ $(B)/embedded.cpp
# FORCE keeps the commit honest; the file changes only when the commit does.
$(B)/commit.cpp: FORCE ; @mkdir -p $(@D); scripts/commit > $@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/commit.o: $(B)/commit.cpp ; $(CXX) $(CXXFLAGS_ALL) -c -o $@ $<
$(DEPS)/httplib.h: ; @scripts/install-deps

unit: $(B)/unit-tests ; $(B)/unit-tests $(TESTS)
flow: $(B)/flow-tests $(B)/weir ; WEIR=$(B)/weir $(B)/flow-tests $(TESTS)
tests: $(B)/unit-tests $(B)/flow-tests $(B)/weir ; @scripts/run-tests $(B)
demo: deps ; @$(MAKE) -j$(JOBS) build/weir && scripts/demo
test: deps ; @$(MAKE) -j$(JOBS) build/weir tests
check: deps ; @$(MAKE) -j$(JOBS) MODE=asan tests
tsan: deps ; @$(MAKE) -j$(JOBS) MODE=tsan build/tsan/unit-tests && scripts/run-tests build/tsan '[base],[template],[http],[cache],[store],[guard],[sync],[site]'
proof: deps ; @$(MAKE) -j$(JOBS) build/weir $(B)/unit-tests $(B)/flow-tests && scripts/proof
lint: ; @scripts/lint
bench: build/weir ; @scripts/bench/all
golden: $(B)/unit-tests ; WEIR_GOLDEN=write $(B)/unit-tests '[golden]'
$(patsubst test/fuzz/%_fuzz.cpp,fuzz-%,$(wildcard test/fuzz/*_fuzz.cpp)): fuzz-%: ; @scripts/fuzz $* $(SECONDS)
install: build/weir ; install -D -m 755 build/weir $(DESTDIR)$(PREFIX)/bin/weir
clean: ; rm -rf build
.SECONDARY:
-include $(OBJECTS:.o=.d) $(UNIT:.o=.d) $(FLOW:.o=.d) $(wildcard $(B)/test/bench/*.d)
