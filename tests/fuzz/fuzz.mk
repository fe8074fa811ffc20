# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzing (docs/fuzzing.md): build/fuzz/targets and .../packet, libFuzzer's; build/fuzz/packets, programs against the model.

F := $(B)/fuzz
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Wno-missing-field-initializers \
	-Wno-string-plus-int -Wno-unused-variable -ffile-prefix-map=$(CURDIR)=. \
	-D_GNU_SOURCE -DALLOWXDP_VERSION='"$(VERSION)"' -Iinclude -Iuser -Itests/fuzz
FUZZ_LIBS := -lcyaml -lyaml -ljson-c -lbpf -lcares -lsystemd -lresolv -lm

# What the targets reach of the command, compiled for them; nothing of it touches BPF but by files.
FUZZ_USER := $(patsubst user/%.c,$(F)/user/%.o,$(wildcard $(addprefix user/,config*.c yaml_lines.c nesting.c \
	policy*.c prefix*.c port_range.c error.c text.c readfile.c writefile.c duration.c endpoint.c hostname.c \
	listfile.c origin.c profiles.c feed.c feed_check.c feed_csv.c feed_filter.c feed_guard.c feed_json.c \
	feed_parse.c feed_path.c feed_text.c import*.c special.c reserved.c hits_state.c hits_file.c hits_changes.c \
	snapshot.c state.c news.c name_history.c last_reload.c feed_store.c feed_fetch.c profile_copy.c totals.c \
	compile.c counters_layout.c kept_counters.c counters.c sip_agent.c hits_match.c export_cut.c output.c paths.c trust.c progress.c)))
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(F)/%.o,$(wildcard tests/fuzz/*.c))

$(F)/user/error.o: FUZZ_EXTRA := -Dwarn_line=warn_line_as_it_is
$(F)/user/kept_counters.o: FUZZ_EXTRA := -Dsyscall=no_syscall

$(F)/user/%.o: user/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(FUZZ_SAN) -fsanitize=fuzzer-no-link $(FUZZ_EXTRA) -c -o $@ $<

$(F)/%.o: tests/fuzz/%.c $(wildcard tests/fuzz/*.h) $(HEADERS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(FUZZ_SAN) -fsanitize=fuzzer-no-link -c -o $@ $<

$(F)/targets: $(FUZZ_TARGETS) $(FUZZ_USER)
	$(call say,LINK,$@)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ $(FUZZ_LIBS)

# The packet path, native. What is under test has the sanitizers; what drives it need not be slow.
N := $(F)/native
NATIVE_CFLAGS := $(subst -O1,-O2,$(FUZZ_CFLAGS)) -Itests/fuzz/native -Itests/bpf
NATIVE_TESTED := native leaves
NATIVE_DRIVER := table versus packets prefix_memo
NATIVE_MODEL := model generate packet rules trail
NATIVE_USER := directory directory4 directory6 compile policy prefix error text progress pcapng
NATIVE_OBJ := $(patsubst %,$(N)/%.o,$(NATIVE_TESTED) $(NATIVE_DRIVER) $(NATIVE_MODEL) $(addprefix user-,$(NATIVE_USER)))
NATIVE_HEADERS := $(HEADERS) $(wildcard bpf/* tests/bpf/*.h tests/fuzz/native/*.h tests/fuzz/native/shim/bpf/*)
NATIVE_BPF := $(FUZZ_SAN) -fno-sanitize=alignment -Wno-address-of-packed-member -Itests/fuzz/native/shim
$(N)/native.o: NATIVE_EXTRA := $(NATIVE_BPF) -Ibpf
$(N)/leaves.o: NATIVE_EXTRA := $(FUZZ_SAN)
$(N)/rules.o: NATIVE_EXTRA := -Dprefix_bits=prefix_bits_read

$(N)/%.o: tests/fuzz/native/%.c $(NATIVE_HEADERS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(NATIVE_CFLAGS) $(NATIVE_EXTRA) -c -o $@ $<

$(N)/%.o: tests/bpf/%.c $(NATIVE_HEADERS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(NATIVE_CFLAGS) $(NATIVE_EXTRA) -c -o $@ $<

$(N)/user-%.o: user/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(NATIVE_CFLAGS) $(FUZZ_SAN) -c -o $@ $<

$(F)/packets: $(NATIVE_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CLANG) $(FUZZ_SAN) -o $@ $^

# Of a copy of bpf/ that was broken, to see that it is found (tests/fuzz/test_harness.py).
$(F)/broken/%/native.o: tests/fuzz/native/native.c $(NATIVE_HEADERS) $(F)/broken/%/allowxdp.bpf.c
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(subst -O2,-O0,$(NATIVE_CFLAGS)) $(NATIVE_BPF) -I$(@D) -c -o $@ $<

$(F)/broken/%/packets: $(F)/broken/%/native.o $(filter-out $(N)/native.o,$(NATIVE_OBJ))
	$(call say,LINK,$@)
	$(Q)$(CLANG) $(FUZZ_SAN) -o $@ $^

# The same with libFuzzer: what is covered of the programs leads to packets.
$(N)/covered.o: tests/fuzz/native/native.c $(NATIVE_HEADERS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(NATIVE_CFLAGS) $(NATIVE_BPF) -fsanitize=fuzzer-no-link -Ibpf -c -o $@ $<

$(F)/packet: $(filter-out $(N)/native.o $(N)/packets.o $(N)/generate.o,$(NATIVE_OBJ)) $(N)/covered.o $(N)/fuzz_packet.o
	$(call say,LINK,$@)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^

fuzz: $(F)/targets $(F)/packets $(F)/packet

.PHONY: fuzz
