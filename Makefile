# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make            build/allowxdp, with the BPF object inside, and build/allowxdpd (user/handover.c)
#   make install    into $(DESTDIR)$(PREFIX), and a starter config into /etc/allowxdp where none is
#   make deb        build/deb/allowxdp_VERSION_ARCH.deb; make dist: build/dist/allowxdp-VERSION.tar.gz
#   make man        the manual pages, into build/man
#   make test-unit test-bpf test-e2e      the suites (tools/test does the set-up and runs them all)
#   make fuzz       what tools/fuzz runs
#   make lint       clang-format, cppcheck, shellcheck
#   make SAN=1 ...  user space with ASan and UBSan, in build/san

VERSION := 0.1.0
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
CC ?= gcc
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
# Ubuntu's /usr/sbin/bpftool is a wrapper that wants the tools of the very kernel that runs: prefer a real one.
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool /usr/sbin/bpftool) bpftool)

# `make V=1` shows the commands.
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-8s %s\n' $(1) $(2))

B := build
ifeq ($(SAN),1)
O := $(B)/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
O := $(B)/obj
endif

LIBS := libbpf libcyaml yaml-0.1 json-c libcap-ng
# Of allowxdpd alone, which runs what needs them (user/handover.c): they take long to load.
WHOLE_LIBS := libmicrohttpd ncursesw libcares libcurl libsystemd
ifeq ($(filter clean lint format uninstall dist,$(MAKECMDGOALS)),)
ifneq ($(shell pkg-config --exists $(LIBS) $(WHOLE_LIBS) && echo found),found)
$(error $(shell pkg-config --print-errors --exists $(LIBS) $(WHOLE_LIBS) 2>&1 | head -n 1): run sudo ./tools/deps build)
endif
endif
CFLAGS ?= -O2 -g
CFLAGS_ALL := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-ffile-prefix-map=$(CURDIR)=. -D_GNU_SOURCE -DALLOWXDP_VERSION='"$(VERSION)"' \
	-Iinclude -Iuser -I$(B) $(shell pkg-config --cflags $(LIBS) $(WHOLE_LIBS)) $(SANFLAGS) $(CPPFLAGS) $(CFLAGS)
LDLIBS_BASE := $(shell pkg-config --libs $(LIBS)) -lelf -lz -lm $(LDLIBS)
LDLIBS_ALL := $(shell pkg-config --libs $(WHOLE_LIBS)) -lresolv $(LDLIBS_BASE)

# -mcpu=v3 is the newest that clang 14 knows; the multiarch directory holds <asm/types.h>.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wno-address-of-packed-member \
	-ffile-prefix-map=$(CURDIR)=. -Iinclude -Ibpf -I/usr/include/$(shell $(CC) -print-multiarch)

USER_SRC := $(sort $(wildcard user/*.c))
LIB_OBJ := $(patsubst user/%.c,$(O)/%.o,$(filter-out user/main.c user/handover.c,$(USER_SRC)))
HEADERS := $(wildcard include/*.h user/*.h)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/test_*.c))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(O)/bpf/%,$(wildcard tests/bpf/test_*.c))
BPF_TEST_LIB := $(patsubst tests/bpf/%.c,$(O)/bpf/%.o,$(filter-out $(wildcard tests/bpf/test_*.c),$(wildcard tests/bpf/*.c)))

PROGRAMS := allowxdp allowxdpd

all: $(addprefix $(if $(filter 1,$(SAN)),$(O),$(B))/,$(PROGRAMS))

$(addprefix $(B)/,$(PROGRAMS)): $(B)/%: $(O)/%
	$(Q)cp $< $@.tmp && mv $@.tmp $@

$(O)/allowxdp: $(O)/main.o $(O)/handover.o $(O)/liballowxdp.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_BASE)

$(O)/allowxdpd: $(O)/main.o $(O)/liballowxdp.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)

$(O)/liballowxdp.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/%.o: user/%.c $(HEADERS) $(B)/allowxdp.skel.h | $(O)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(B)/allowxdp.bpf.o: $(wildcard bpf/*.c bpf/*.h include/*.h) | $(B)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $(B)/allowxdp.tmp.o bpf/allowxdp.bpf.c
	$(Q)$(LLVM_STRIP) -g $(B)/allowxdp.tmp.o
	$(Q)$(BPFTOOL) gen object $@ $(B)/allowxdp.tmp.o
	$(Q)rm -f $(B)/allowxdp.tmp.o

$(B)/allowxdp.skel.h: $(B)/allowxdp.bpf.o
	$(Q)echo '#include "abi.h"' > $@.tmp # types of variables
	$(Q)$(BPFTOOL) gen skeleton $< name allowxdp_bpf 2>/dev/null >> $@.tmp && mv $@.tmp $@

$(O)/unit/%: tests/unit/%.c $(O)/liballowxdp.a $(wildcard tests/unit/*.h) | $(O)/unit
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Itests/unit $(LDFLAGS) -o $@ $< $(O)/liballowxdp.a -lcmocka $(LDLIBS_ALL)

$(O)/bpf/%.o: tests/bpf/%.c $(wildcard tests/bpf/*.h) $(HEADERS) $(B)/allowxdp.skel.h | $(O)/bpf
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Itests/bpf -c -o $@ $<

$(O)/bpf/%: tests/bpf/%.c $(BPF_TEST_LIB) $(O)/liballowxdp.a $(wildcard tests/bpf/*.h) | $(O)/bpf
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Itests/bpf $(LDFLAGS) -o $@ $< $(BPF_TEST_LIB) $(O)/liballowxdp.a -lcmocka $(LDLIBS_ALL)

# A flood is made of the benchmark's packets.
$(O)/bpf/flood.o: $(B)/bench/bench_wrap.skel.h

$(B) $(O) $(O)/unit $(O)/bpf:
	mkdir -p $@

# Nanoseconds per packet: `make bench-ns && sudo build/bench/ns build/allowxdp.bpf.o [another version's...]`
$(B)/bench/bench_wrap.skel.h: tests/bench/wrap.bpf.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $(B)/bench/wrap.bpf.o $<
	$(Q)$(LLVM_STRIP) -g $(B)/bench/wrap.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $(B)/bench/wrap.bpf.o name bench_wrap 2>/dev/null > $@

$(B)/bench/ns: tests/bench/ns.c $(B)/bench/bench_wrap.skel.h $(O)/liballowxdp.a
	$(call say,BENCH,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -I$(B)/bench -o $@ $< $(O)/liballowxdp.a $(LDLIBS_ALL)

bench-ns: $(B)/bench/ns

# The proof of hitlessness: tools/hitless, docs/hitless.md
$(B)/hitless/hitless.skel.h: tests/hitless/hitless.bpf.c tests/hitless/hitless.h
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $(B)/hitless/hitless.bpf.o $<
	$(Q)$(LLVM_STRIP) -g $(B)/hitless/hitless.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $(B)/hitless/hitless.bpf.o name hitless_bpf 2>/dev/null > $@

$(B)/hitless/hitless: $(wildcard tests/hitless/*.[ch]) $(B)/hitless/hitless.skel.h include/abi.h include/reasons.h
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -I$(B)/hitless -Itests/hitless -o $@ $(filter-out %.bpf.c,$(filter %.c,$^)) \
		$(LDLIBS_ALL) -pthread

hitless: $(B)/hitless/hitless

# What tools/bench measures with: `make bench`
$(B)/bench/packets.skel.h: tests/bench/packets.bpf.c tests/bench/packets.h
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $(B)/bench/packets.bpf.o $<
	$(Q)$(LLVM_STRIP) -g $(B)/bench/packets.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $(B)/bench/packets.bpf.o name packets_bpf 2>/dev/null > $@

$(B)/bench/measure: $(addprefix tests/bench/,measure.c engine.c list.c list.h engine.h) \
		$(B)/bench/packets.skel.h $(O)/liballowxdp.a
	$(call say,BENCH,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Itests/bench -I$(B)/bench -o $@ $(filter %.c %.a,$^) $(LDLIBS_ALL)

bench: all $(B)/bench/measure

include tests/fuzz/fuzz.mk

unit-tests: $(UNIT_TESTS)
bpf-tests: $(BPF_TESTS)

test-unit: unit-tests
	@for t in $(UNIT_TESTS); do ./$$t || exit 1; done
test-bpf: bpf-tests
	@for t in $(BPF_TESTS); do ./$$t || exit 1; done
test-e2e: all
	/usr/bin/python3 -m pytest -q tests/e2e

install: all
	install -d -m 0755 $(DESTDIR)$(PREFIX)/sbin
	install -m 0755 $(addprefix $(B)/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/sbin/
	install -d -m 0755 $(DESTDIR)$(SYSCONFDIR)/allowxdp/lists $(DESTDIR)$(PREFIX)/share/allowxdp/profiles
	install -m 0644 profiles/*.yaml profiles/*.list $(DESTDIR)$(PREFIX)/share/allowxdp/profiles/
	install -m 0644 tools/allowxdp.yaml $(DESTDIR)$(PREFIX)/share/allowxdp/allowxdp.yaml
	install -d -m 0755 $(DESTDIR)$(PREFIX)/share/allowxdp/monitoring
	install -m 0644 tools/monitoring/* $(DESTDIR)$(PREFIX)/share/allowxdp/monitoring/
	[ -e $(DESTDIR)$(SYSCONFDIR)/allowxdp/allowxdp.yaml ] || \
		install -m 0644 tools/allowxdp.yaml $(DESTDIR)$(SYSCONFDIR)/allowxdp/allowxdp.yaml

# Configs, list files and state stay; so does a filter that is loaded: `allowxdp unload --all` comes first.
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/sbin/,$(PROGRAMS))
	rm -rf $(DESTDIR)$(PREFIX)/share/allowxdp

include docs/man/pages.mk systemd/units.mk

C_FILES := $(wildcard bpf/*.[ch] include/*.h user/*.[ch] tests/*/*.[ch] tests/fuzz/native/*.[ch] tests/fuzz/native/shim/*/*.h)
# Each version of clang-format formats a little differently: the tree is formatted with 14, Debian 12's.
CLANG_FORMAT ?= $(firstword $(wildcard /usr/bin/clang-format-14) clang-format)
# cppcheck 2.10 knows neither cleanup attributes (ASan looks for leaks instead) nor that a struct error is
# written before it is read; libbpf's macros are explained to it.
CPPCHECK_FLAGS := --quiet --error-exitcode=1 --std=c11 --enable=warning,portability,performance \
	--inline-suppr --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective \
	--suppress=memleak --suppress=resourceLeak --suppress=ctuuninitvar --suppress=unmatchedSuppression \
	--suppress=normalCheckLevelMaxBranches \
	-Iinclude -Iuser '-DALLOWXDP_VERSION=""' \
	'-DLIBBPF_OPTS(t,n,...)=struct t n={__VA_ARGS__}' \
	'-DDECLARE_LIBBPF_OPTS(t,n,...)=struct t n={__VA_ARGS__}' \
	'-Dbpf_object__for_each_program(p,o)=while (next(&p,o))'
lint:
	@if $(CLANG_FORMAT) --version | grep -q 'version 14'; then \
		$(CLANG_FORMAT) --dry-run --Werror $(C_FILES); \
	else \
		echo 'lint: no clang-format 14 here: the formatting was not checked'; \
	fi
	cppcheck $(CPPCHECK_FLAGS) user/*.c
	shellcheck $(wildcard tools/demo tools/test tools/test-kernels tests/kernels/guest tests/kernels/quick tests/kernels/boot/start tests/kernels/boot/judge tests/bpf/compiler tools/deps tools/crash tools/fuzz tools/hitless tools/soak tools/bench tools/dist tools/package tools/test-package tools/screenshots tools/*.sh .ci/run)

format:
	$(CLANG_FORMAT) -i $(C_FILES)

clean:
	rm -rf $(B)

.PHONY: bench bench-ns hitless all install uninstall lint format clean unit-tests bpf-tests test-unit test-bpf test-e2e
.DELETE_ON_ERROR:
