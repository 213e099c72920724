# SPDX-License-Identifier: Apache-2.0
#
# make [O=DIR] [SAN=address,undefined] [STATIC=no] [WERROR=-Werror] [V=1] [TARGET]; `make help` lists the targets.
# Objects and programs go to O (default: build); variants go to folders of their own. CFLAGS, CPPFLAGS, LDFLAGS and
# LDLIBS of the caller come after the project's own and win. Directory names are GNU's; DESTDIR goes in front. An
# installation for podman and CRI-O: make install prefix=/usr sysconfdir=/etc localstatedir=/var.

.DELETE_ON_ERROR:
MAKEFLAGS += -rR
O ?= build
VERSION := $(shell cat VERSION)
# The time of the last commit; in an unpacked archive, whose files carry it, that of VERSION.
export SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),$(shell date -r VERSION +%s))

prefix ?= /usr/local
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libexecdir ?= $(exec_prefix)/libexec
sysconfdir ?= $(prefix)/etc
localstatedir ?= $(prefix)/var
runstatedir ?= /run
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
hooksdir ?= $(datadir)/containers/oci/hooks.d
hookdir ?= $(libexecdir)/oci/hooks.d
workerdir ?= $(libexecdir)/cgpu
unitdir ?= $(prefix)/lib/systemd/system
presetdir ?= $(prefix)/lib/systemd/system-preset
catalogdir ?= $(prefix)/lib/systemd/catalog
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
logrotatedir ?= $(sysconfdir)/logrotate.d
examplesdir ?= $(datadir)/cgpu
bashdir ?= $(datadir)/bash-completion/completions
zshdir ?= $(datadir)/zsh/site-functions
fishdir ?= $(datadir)/fish/vendor_completions.d
docdir ?= $(datadir)/doc/oci-cgpu-hook
# What other programs read: node_exporter and Node Feature Discovery.
textfiledir ?= $(localstatedir)/lib/prometheus/node-exporter
featuresdir ?= $(sysconfdir)/kubernetes/node-feature-discovery/features.d
worker_user ?= cgpu
# The system's CA certificates as one regular file: services of the network are trusted by it, nothing else is.
ca_file ?= $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem \
	/var/lib/ca-certificates/ca-bundle.pem) /etc/ssl/certs/ca-certificates.crt)

INSTALL ?= install
PKG_CONFIG ?= pkg-config
CC := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
AR := $(if $(filter default undefined,$(origin AR)),ar,$(AR))
# yes: the hook and the appraiser have all that they link inside, the other programs the small libraries among them; each
# that the loader finds instead costs a start a tenth of a millisecond.
STATIC ?= yes
SAN ?=
WERROR ?=

# -- flags ------------------------------------------------------------------------------------------------------------
cc-option = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')
pkg = $(or $(shell $(PKG_CONFIG) $(1) $(2) 2>/dev/null),$(error the development files of $(2) are missing: run packaging/bootstrap.sh))

WARNINGS := -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef \
	-Wconversion -Wno-sign-conversion
HARDENING := -fstack-protector-strong $(call cc-option,-fstack-clash-protection) $(call cc-option,-fcf-protection) \
	$(call cc-option,-mbranch-protection=standard) $(call cc-option,-ftrivial-auto-var-init=zero)
FORTIFY := $(if $(SAN),,$(or $(shell $(CC) -O2 -Werror -D_FORTIFY_SOURCE=3 -E -x c /dev/null >/dev/null 2>&1 && echo -D_FORTIFY_SOURCE=3)))
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

static = $(filter yes,$(STATIC))
small = $(if $(static),$(if $(call pkg,--libs,$(1)),$(2)),$(call pkg,--libs,$(1)))
YAJL := $(call small,yajl,-lyajl_s)
SECCOMP := $(call small,libseccomp,-l:libseccomp.a)
CAP := $(call small,libcap,-l:libcap.a)
INIH := $(call pkg,--libs,inih)
YAML := $(call pkg,--libs,yaml-0.1)
CRYPTO := $(call pkg,--libs,libcrypto)
CURL := $(call pkg,--libs,libcurl)
SSL := $(call pkg,--libs,libssl)
# libxml2 and xmlsec: for tests alone, which hold the reader of manifests against them.
XML = $(filter-out -lssl,$(call pkg,--libs,xmlsec1-openssl))
XML_CFLAGS = $(call pkg,--cflags,xmlsec1-openssl)

base_CPPFLAGS := -D_GNU_SOURCE -I. -I$(O) $(FORTIFY)
base_CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) $(WERROR) $(HARDENING) -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(O)=build -fPIE $(SANFLAGS)
base_LDFLAGS := -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(SANFLAGS)
compile = $(CC) $(base_CPPFLAGS) $(own_CPPFLAGS) $(CPPFLAGS) $(base_CFLAGS) $(CFLAGS)
link = $(CC) $(base_CFLAGS) $(CFLAGS) $(base_LDFLAGS) $(LDFLAGS)
Q := $(if $(V),,@)
# One line for each file, unless make -s or V=1.
say = $(if $(V)$(findstring s,$(filter-out --% %=%,$(firstword $(MAKEFLAGS)))),,@echo "  $(1)")

# -- sources ----------------------------------------------------------------------------------------------------------
# attest/WORKER/main.c is a worker's main; the rest of lib, spec and attest but the commands is one archive.
MAINS := $(sort $(filter-out attest/cmd/%,$(wildcard attest/*/main.c)))
ARCHIVE_SRC := $(filter-out $(MAINS) attest/cmd/%,$(sort $(wildcard lib/*.c spec/*.c attest/*.c attest/*/*.c)))
CMD_SRC := $(sort $(wildcard attest/cmd/*.c))
HOOK_SRC := $(sort $(wildcard hook/*.c))
CDI_SRC := $(sort $(wildcard cdi/*.c))
UNIT_SRC := $(sort $(wildcard test/unit/test_*.c))
ORACLE_SRC := $(sort $(wildcard test/oracle/*.c))
CORPUS_SRC := $(sort $(wildcard test/corpus/*.c))
FUZZ ?= *
FUZZ_SRC := $(sort $(wildcard test/fuzz/fuzz_$(FUZZ).c))
ALL_SRC := $(ARCHIVE_SRC) $(MAINS) $(CMD_SRC) $(HOOK_SRC) $(CDI_SRC) $(UNIT_SRC) $(ORACLE_SRC) $(CORPUS_SRC) $(FUZZ_SRC)
obj = $(patsubst %.c,$(O)/%.o,$(1))

ARCHIVE := $(O)/libcgpu.a
WORKERS := $(patsubst attest/%/main.c,$(O)/%,$(MAINS))
PROGRAMS := $(if $(CMD_SRC),$(O)/cgpu) $(if $(wildcard hook/main.c),$(O)/cgpu-hook) $(if $(wildcard cdi/main.c),$(O)/cgpu-cdi) $(WORKERS)
UNIT := $(patsubst %.c,$(O)/%,$(UNIT_SRC))

# What each program may link is part of the design: one privilege, one process. libc goes before libraries with a long tail
# of their own: the loader looks every symbol up in this order.
LIBC := -lc
collect_LIBS := $(SECCOMP) $(CAP) -ldl
fetch_LIBS := $(LIBC) $(CURL) $(SSL) $(CRYPTO) $(YAJL) $(SECCOMP) $(CAP)
appraise_LIBS := $(LIBC) $(call small,libcrypto,-l:libcrypto.a) $(YAJL) $(SECCOMP) $(CAP)
cgpu_LIBS := $(LIBC) $(CRYPTO) $(YAJL) $(INIH) $(SECCOMP) $(CAP)
cdi_LIBS := $(YAJL) $(YAML)
hook_LIBS := $(YAJL) $(SECCOMP) $(CAP)
# cgpu-hook and appraise: nothing is left for a loader. libcrypto's calls of one, and of name lookups, are never reached, and
# the linker need not warn of them.
quiet := $(shell echo 'int main(void){}' | $(CC) -x c - -Wl,--no-warnings -o /dev/null 2>/dev/null && echo -Wl,--no-warnings)
whole = $(if $(static),$(if $(SAN),-pie,-static-pie $(quiet)),-pie)
test_LIBS = $(CURL) $(SSL) $(XML) $(CRYPTO) $(YAJL) $(YAML) $(INIH) $(SECCOMP) $(CAP) -ldl -lm

MAN := $(addprefix $(O)/,$(sort $(wildcard man/*.[1578])))
HOOK_JSON := $(O)/oci-hooks.d/zz-cgpu.json
SAMPLE := $(O)/packaging/cgpu.conf
SBOM := $(O)/packaging/oci-cgpu-hook.spdx.json
# FOLDER below packaging -> where systemd and others look for what is in it; drop-ins of units are one folder deeper. Where
# examples go nobody looks.
SYSTEM := systemd preset catalog sysusers tmpfiles logrotate examples
systemd_DIR := $(unitdir)
$(foreach kind,$(filter-out systemd,$(SYSTEM)),$(eval $(kind)_DIR := $($(kind)dir)))
SYSTEM_FILES := $(patsubst packaging/%.in,%,$(sort $(foreach kind,$(SYSTEM),$(wildcard packaging/$(kind)/*.in packaging/$(kind)/*/*.in))))
SYSTEM_MADE := $(addprefix $(O)/packaging/,$(SYSTEM_FILES))
kind = $(firstword $(subst /, ,$1))
system_place = $D$($(call kind,$1)_DIR)/$(patsubst $(call kind,$1)/%,%,$1)
COMMANDS := cgpu cgpu-cdi
COMPLETIONS := $(addprefix $(O)/completions/,$(addprefix bash/,$(COMMANDS)) $(addprefix zsh/_,$(COMMANDS)) \
	$(patsubst %,fish/%.fish,$(COMMANDS)))

.PHONY: all man
all: $(PROGRAMS) $(MAN) $(HOOK_JSON) $(SAMPLE) $(SYSTEM_MADE) $(COMPLETIONS) $(SBOM)
man: $(MAN)

# -- stamps -----------------------------------------------------------------------------------------------------------
# The stamps change only when their text does: changed flags rebuild everything, nothing else does.
# Two runs of make may begin at once: each writes a file of its own first.
define CONFIG_H
/* Made by the Makefile. */
#define PROJECT_VERSION "$(VERSION)"
#define PATH_CGPU "$(bindir)/cgpu"
#define PATH_WORKERS "$(workerdir)"
#define PATH_HOOK "$(hookdir)/cgpu-hook"
#define PATH_HOOKS "$(hooksdir)"
#define PATH_CDI "$(bindir)/cgpu-cdi"
#define PATH_EXAMPLES "$(examplesdir)"
#define PATH_SYSCONF "$(sysconfdir)/cgpu"
#define PATH_STATE "$(localstatedir)"
#define PATH_RUN "$(runstatedir)"
#define WORKER_USER "$(worker_user)"
#define CA_FILE "$(ca_file)"
#define BUILD_TIME $(SOURCE_DATE_EPOCH)
endef
FLAGS := $(compile) | $(link) | $(STATIC)
$(shell mkdir -p $(O))
pid := $(shell echo $$PPID)
stamp = $(file >$(1).$(pid),$($(2)))$(shell cmp -s $(1).$(pid) $(1) && rm $(1).$(pid) || mv $(1).$(pid) $(1))
$(call stamp,$(O)/.flags,FLAGS)
$(call stamp,$(O)/config.h,CONFIG_H)

# -- rules ------------------------------------------------------------------------------------------------------------
$(O)/%.o: %.c $(O)/.flags | $(O)/config.h
	@mkdir -p $(@D)
	$(call say,CC    $<)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

# The same reading by libxml2 and xmlsec.
$(O)/test/oracle/%.o $(O)/test/emulator/%.o $(O)/test/bench/%.o: own_CPPFLAGS = $(XML_CFLAGS)
$(O)/test/unit/test_rim_oracle $(O)/test/fuzz/fuzz_rim_differential: $(call obj,$(ORACLE_SRC))

$(ARCHIVE): $(call obj,$(ARCHIVE_SRC))
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(O)/cgpu: $(call obj,$(CMD_SRC)) $(ARCHIVE)
	$(call say,LINK  $@)
	$(Q)$(link) -pie -o $@ $^ $(cgpu_LIBS) $(LDLIBS)

$(O)/cgpu-hook: $(call obj,$(HOOK_SRC)) $(ARCHIVE)
	$(call say,LINK  $@)
	$(Q)$(link) $(whole) -o $@ $^ $(hook_LIBS) $(LDLIBS)

$(O)/cgpu-cdi: $(call obj,$(CDI_SRC)) $(ARCHIVE)
	$(call say,LINK  $@)
	$(Q)$(link) -pie -o $@ $^ $(cdi_LIBS) $(LDLIBS)

$(WORKERS): $(O)/%: $(O)/attest/%/main.o $(ARCHIVE)
	$(call say,LINK  $@)
	$(Q)$(link) $(if $(filter appraise,$*),$(whole),-pie) -o $@ $^ $($*_LIBS) $(LDLIBS)

# The files of hook and cdi other than main are tested as units too.
TESTED := $(call obj,$(filter-out %/main.c,$(HOOK_SRC) $(CDI_SRC)))
$(UNIT): $(O)/test/unit/%: $(O)/test/unit/%.o $(TESTED) $(ARCHIVE)
	$(call say,LINK  $@)
	$(Q)$(link) -pie -o $@ $(filter-out $(ARCHIVE),$^) $(ARCHIVE) $(test_LIBS) $(LDLIBS)

$(O)/corpus: $(call obj,$(CORPUS_SRC)) $(TESTED) $(ARCHIVE)
	$(call say,LINK  $@)
	$(Q)$(link) -pie -o $@ $^ $(test_LIBS) $(LDLIBS)

# The pages, the hook definition, the sample and the units name the folders of this build.
PLACES := bindir libexecdir sysconfdir localstatedir runstatedir examplesdir textfiledir featuresdir hooksdir hookdir workerdir unitdir worker_user ca_file
fill = sed $(foreach p,$(PLACES),-e 's|@$p@|$($p)|g')

$(O)/man/cgpu-codes.7: man/cgpu-codes.7 man/codes.awk lib/code.def $(O)/config.h
	@mkdir -p $(@D)
	$(Q)awk -f man/codes.awk lib/code.def $< | $(fill) >$@

$(O)/man/%: man/% $(O)/config.h
	@mkdir -p $(@D)
	$(Q)$(fill) $< >$@

$(HOOK_JSON) $(SAMPLE) $(SYSTEM_MADE): $(O)/%: %.in $(O)/config.h
	@mkdir -p $(@D)
	$(Q)$(fill) $< >$@

# What is linked, as the build found it; the releases' own names what its builder had.
$(SBOM): packaging/sbom.sh VERSION $(O)/config.h $(O)/.flags
	@mkdir -p $(@D)
	$(Q)PKG_CONFIG='$(PKG_CONFIG)' STATIC='$(static)' packaging/sbom.sh $(VERSION) >$@

# They are made of the programs' own --help: RUN=... stands in front of these where they are built for another machine.
completion = $(Q)mkdir -p $(@D) && RUN='$(RUN)' packaging/completions/make.sh $(1) $< >$@
$(O)/completions/bash/%: $(O)/% packaging/completions/make.sh packaging/completions/bash.awk
	$(call completion,bash)

$(O)/completions/zsh/_%: $(O)/% packaging/completions/make.sh packaging/completions/zsh.awk
	$(call completion,zsh)

$(O)/completions/fish/%.fish: $(O)/% packaging/completions/make.sh packaging/completions/fish.awk
	$(call completion,fish)

# The emulated machine: a library in NVML's place, and the tool that mints its collateral.
EMULATOR := $(O)/emulator/libnvidia-ml.so.1 $(O)/emulator/libnvidia-ml-r535.so.1 $(O)/emulator/mint $(O)/emulator/services
EMULATOR_NVML_SRC := $(addprefix test/emulator/,nvml.c node.c report.c sha384.c signer.c) lib/buf.c lib/random.c spec/gpu_arch.c
EMULATOR_MINT_SRC := $(filter-out $(EMULATOR_NVML_SRC),$(sort $(wildcard test/emulator/*.c)))
pic = $(patsubst %.c,$(O)/pic/%.o,$(1))

$(O)/pic/%.o: %.c $(O)/.flags $(O)/config.h
	@mkdir -p $(@D)
	$(call say,CC    $< (shared))
	$(Q)$(compile) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(O)/pic/r535/nvml.o: test/emulator/nvml.c $(O)/.flags $(O)/config.h
	@mkdir -p $(@D)
	$(call say,CC    $< (R535))
	$(Q)$(compile) -fPIC -fvisibility=hidden -DEMULATE_R535 -MMD -MP -c -o $@ $<

$(O)/emulator/libnvidia-ml.so.1: $(call pic,$(EMULATOR_NVML_SRC))
$(O)/emulator/libnvidia-ml-r535.so.1: $(O)/pic/r535/nvml.o $(call pic,$(filter-out %/nvml.c,$(EMULATOR_NVML_SRC)))
$(O)/emulator/%.so.1:
	@mkdir -p $(@D)
	$(call say,LINK  $@)
	$(Q)$(link) -shared -Wl,-soname,libnvidia-ml.so.1,-z,defs -o $@ $^ -ldl $(LDLIBS)

$(O)/emulator/mint: $(call obj,$(EMULATOR_MINT_SRC)) $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,LINK  $@)
	$(Q)$(link) -pie -o $@ $^ $(test_LIBS) $(LDLIBS)

# The services behind nginx, which test/emulator/services.sh starts.
SERVICES_SRC := $(sort $(wildcard test/emulator/services/*.c)) $(addprefix test/emulator/,answer.c manifest.c pki.c)
FCGI = $(call pkg,--libs,fcgi zlib)
$(O)/emulator/services: $(call obj,$(SERVICES_SRC)) $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,LINK  $@)
	$(Q)$(link) -pie -o $@ $^ $(test_LIBS) $(FCGI) $(LDLIBS)

.PHONY: emulator
emulator: $(EMULATOR)

# This one mints in its own process, so that it can answer with the keys.
MINT_PARTS := $(addprefix $(O)/test/emulator/,authority.o answer.o manifest.o model.o pki.o stock.o)
$(O)/test/unit/test_rounds: $(MINT_PARTS)

# These run the emulated machine, and look for it beside themselves.
$(addprefix $(O)/test/unit/,test_archive test_collect_worker test_emulator test_fetch_worker test_rounds test_worker): | $(EMULATOR) $(WORKERS)

# It starts a worker with this library in front of the others, which takes one that has libcrypto outside.
$(O)/test/unit/test_worker: | $(O)/test/unit/refused_call.so $(O)/test/unit/appraise
$(O)/test/unit/appraise: $(O)/attest/appraise/main.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(Q)$(link) -pie -o $@ $^ $(LIBC) $(CRYPTO) $(YAJL) $(SECCOMP) $(CAP)

$(O)/test/unit/refused_call.so: $(call pic,test/unit/refused_call.c)
	@mkdir -p $(@D)
	$(Q)$(link) -shared -o $@ $^ -ldl

-include $(patsubst %.o,%.d,$(call obj,$(ALL_SRC) $(EMULATOR_MINT_SRC) $(SERVICES_SRC)) $(call pic,$(EMULATOR_NVML_SRC)) $(O)/pic/r535/nvml.o)

# -- installation -----------------------------------------------------------------------------------------------------
# The hook definition comes last and goes first: it never names a program that is not there.
D = $(DESTDIR)
CONF := $(sysconfdir)/cgpu/cgpu.conf
STATE := $(addprefix $(localstatedir)/lib/cgpu/,rim ocsp chain cdi)
.PHONY: install uninstall
install: all
	$(INSTALL) -d -m 755 '$D$(bindir)' '$D$(hookdir)' '$D$(workerdir)' '$D$(hooksdir)' '$D$(sysconfdir)/cgpu/cgpu.conf.d' \
		$(STATE:%='$D%') '$D$(localstatedir)/log/cgpu' '$D$(bashdir)' '$D$(zshdir)' '$D$(fishdir)' \
		'$D$(mandir)/man1' '$D$(mandir)/man5' '$D$(mandir)/man7' '$D$(mandir)/man8'
	$(INSTALL) -m 755 $(O)/cgpu $(O)/cgpu-cdi '$D$(bindir)'
	$(INSTALL) -m 755 $(WORKERS) '$D$(workerdir)'
	$(INSTALL) -m 755 $(O)/cgpu-hook '$D$(hookdir)/cgpu-hook'
	$(INSTALL) -D -m 644 $(SBOM) '$D$(docdir)/$(notdir $(SBOM))'
	test -e '$D$(CONF)' || $(INSTALL) -m 644 $(SAMPLE) '$D$(CONF)'
	$(foreach file,$(SYSTEM_FILES),$(INSTALL) -D -m 644 $(O)/packaging/$(file) '$(call system_place,$(file))' &&) :
	$(INSTALL) -m 644 $(filter $(O)/completions/bash/%,$(COMPLETIONS)) '$D$(bashdir)'
	$(INSTALL) -m 644 $(filter $(O)/completions/zsh/%,$(COMPLETIONS)) '$D$(zshdir)'
	$(INSTALL) -m 644 $(filter $(O)/completions/fish/%,$(COMPLETIONS)) '$D$(fishdir)'
	$(foreach page,$(MAN),$(INSTALL) -m 644 $(page) '$D$(mandir)/man$(patsubst .%,%,$(suffix $(page)))' &&) :
	$(INSTALL) -m 644 $(HOOK_JSON) '$D$(hooksdir)'

uninstall:
	rm -f '$D$(hooksdir)/$(notdir $(HOOK_JSON))' '$D$(hookdir)/cgpu-hook' '$D$(bindir)/cgpu' '$D$(bindir)/cgpu-cdi'
	rm -f $(foreach worker,$(WORKERS),'$D$(workerdir)/$(notdir $(worker))')
	rm -f $(foreach page,$(MAN),'$D$(mandir)/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page))')
	rm -f '$D$(docdir)/$(notdir $(SBOM))' $(foreach file,$(SYSTEM_FILES),'$(call system_place,$(file))') \
		$(COMMANDS:%='$D$(bashdir)/%') $(COMMANDS:%='$D$(zshdir)/_%') $(COMMANDS:%='$D$(fishdir)/%.fish')
	! cmp -s $(SAMPLE) '$D$(CONF)' || rm -f '$D$(CONF)'
	for d in '$D$(workerdir)' '$D$(examplesdir)' '$D$(docdir)' '$D$(sysconfdir)/cgpu/cgpu.conf.d' '$D$(sysconfdir)/cgpu' \
		$(STATE:%='$D%') '$D$(localstatedir)/lib/cgpu' '$D$(localstatedir)/log/cgpu' \
		$(foreach file,$(SYSTEM_FILES),$(if $(findstring .d/,$(file)),'$(dir $(call system_place,$(file)))')); do \
		test ! -d "$$d" || rmdir --ignore-fail-on-non-empty "$$d"; done

# -- tests: every suite ends with "N passed, N failed, N skipped", and so does their sum ------------------------------
.PHONY: tests check layers codes unit corpus bats hardening man-check install-check reproducible lint
again = $(MAKE) --no-print-directory O=$(O)

# No root, no network, no engine: what a distribution runs.
check:
	@test/summary.sh $(foreach suite,layers codes unit corpus bats man-check hardening install-check reproducible,\
		'$(again) WERROR=-Werror $(suite)')

tests: $(UNIT) $(if $(CORPUS_SRC),$(O)/corpus)

layers:
	$(Q)test/layers.sh

# Every exit code is given by a program and provoked by a test.
codes:
	$(Q)test/codes.sh

unit: $(UNIT) $(WORKERS) $(EMULATOR)
	$(Q)test/run-tap.sh $(UNIT)

# make corpus CORPUS=DIR runs every manifest below another folder of the same shape.
CORPUS ?= ../shared/samples/adversarial
corpus: $(O)/corpus
	$(Q)if [ -d '$(CORPUS)' ]; then $(O)/corpus '$(CORPUS)'; else echo "corpus: $(CORPUS) is missing"; echo "0 passed, 0 failed, 1 skipped"; fi

# While it judges, the driver of the corpus opens nothing that a sample names.
.PHONY: trace
trace: $(O)/corpus
	$(Q)test/trace.sh $(O)/corpus '$(CORPUS)'

# The programs find each other at compiled-in paths: test/bats runs a copy that is installed below O-check.
CHECK_ROOT := $(abspath $(O)-check)/root
bats: all
	$(Q)mkdir -p $(CHECK_ROOT)/run
	$(Q)$(MAKE) --no-print-directory -s O=$(O)-check prefix=$(CHECK_ROOT) runstatedir=$(CHECK_ROOT)/run install emulator >/dev/null
	$(Q)O='$(abspath $(O))' ROOT=$(CHECK_ROOT) EMULATOR='$(abspath $(O)-check)/emulator' TEST_WRAPPER='bats --tap' \
		test/run-tap.sh $(sort $(wildcard test/bats/*.bats))

# Pages, --help, configuration keys and code table say the same; mandoc has nothing to complain about.
man-check: all
	$(Q)test/man.sh $(O)

hardening: $(PROGRAMS)
	$(Q)SAN=$(SAN) STATIC=$(STATIC) test/hardening.sh $(PROGRAMS)

install-check: all
	$(Q)test/install.sh $(again)

reproducible: $(PROGRAMS)
	$(Q)test/reproducible.sh $(O) $(MAKE) -- $(notdir $(PROGRAMS))

lint:
	$(Q)test/lint.sh

# Root and podman: private nodes with emulated GPUs, one for each suite, that live as long as it runs.
NODE = O=$(O)-system WERROR=-Werror prefix=/opt/cgpu sysconfdir=/opt/cgpu/etc localstatedir=/opt/cgpu/var
ON_NODE = test/node.sh $(MAKE) $(NODE) --
.PHONY: node demo check-system
node:
	$(Q)$(MAKE) --no-print-directory $(NODE) all emulator

demo: node
	$(Q)$(ON_NODE) packaging/demo.sh $(O)-system

# Ratios and differences measured in one run; needs root and podman for a real config.json.
BENCH := $(addprefix $(O)-system/bench/,measure noop bare tls)
bare_LIBS = $(XML) $(CRYPTO)
tls_LIBS := $(CURL)
.PHONY: bench
bench: node
	$(Q)$(MAKE) --no-print-directory $(NODE) $(BENCH)
	$(Q)$(ON_NODE) test/bench/bench.sh $(O)-system

$(O)/bench/%: $(O)/test/bench/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(Q)$(link) $(if $(filter noop,$*),-static-pie,-pie) -o $@ $^ $($*_LIBS)

check-system: node
	$(Q)O=$(O)-system TEST_WRAPPER='$(ON_NODE) bats --tap' test/run-tap.sh $(sort $(wildcard test/system/*.bats))

# Every program of the gate is killed at KILL_ROUNDS random moments of a start; and 64 starts come at once.
KILL_ROUNDS ?= 200
.PHONY: kills
kills: node
	$(Q)O=$(O)-system KILL_ROUNDS=$(KILL_ROUNDS) STORM=64 TEST_WRAPPER='$(ON_NODE) bats --tap' test/run-tap.sh \
		test/system/kills.bats test/system/storm.bats test/system/network.bats

# Every test/fuzz/fuzz_*.c is a libFuzzer program; make fuzz FUZZ_SECONDS=600 FUZZ=json gives one of them ten minutes.
FUZZ_SECONDS ?= 60
FUZZ_PROGRAMS := $(patsubst %.c,$(O)/%,$(FUZZ_SRC))
FUZZ_BUILD := O=$(O)-fuzz CC=clang SAN=fuzzer-no-link,address,undefined
$(FUZZ_PROGRAMS): $(O)/%: $(O)/%.o $(TESTED) $(ARCHIVE)
	$(call say,LINK  $@)
	$(Q)$(link) -fsanitize=fuzzer -pie -o $@ $(filter-out $(ARCHIVE),$^) $(ARCHIVE) $(test_LIBS) $(LDLIBS)

.PHONY: fuzz fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)
fuzz:
	$(Q)$(MAKE) --no-print-directory $(FUZZ_BUILD) fuzz-programs
	$(Q)test/run-fuzz.sh $(FUZZ_SECONDS) '$(CORPUS)' $(patsubst $(O)/%,$(O)-fuzz/%,$(FUZZ_PROGRAMS))

# The programs with a library in front of the C library that lets the n-th call of a kind fail; FAULT_RUNS=0 tries all n.
FAULT_RUNS ?= 100
FAULT := $(abspath $(O)-fault)
FAULT_BUILD = O=$(FAULT) STATIC=no workerdir=$(FAULT) sysconfdir=$(FAULT)/etc localstatedir=$(FAULT)/var runstatedir=$(FAULT)
.PHONY: fault fault-programs
$(O)/fault/library.so: $(call pic,test/fault/library.c)
	@mkdir -p $(@D)
	$(Q)$(link) -shared -o $@ $^

$(O)/fault/campaign: $(call obj,test/fault/campaign.c) $(ARCHIVE)
	@mkdir -p $(@D)
	$(Q)$(link) -pie -o $@ $^ $(test_LIBS) $(LDLIBS)

fault-programs: $(O)/fault/library.so $(O)/fault/campaign
fault:
	$(Q)$(MAKE) --no-print-directory $(FAULT_BUILD) fault-programs emulator
	$(Q)$(MAKE) --no-print-directory $(FAULT_BUILD) LIBC= LDLIBS='-Wl,--no-as-needed $(FAULT)/fault/library.so' all
	$(Q)test/fault.sh $(FAULT) $(FAULT_RUNS)

# The campaigns: sanitizers, a trace, failing calls, killing at random moments, fuzzing; and what a release goes through.
.PHONY: check-long
check-long:
	@test/summary.sh $(foreach suite,asan trace fault kills fuzz release-check,'$(again) $(suite)')

# -- other looks at the code ------------------------------------------------------------------------------------------
.PHONY: asan coverage analyze valgrind
asan:
	$(Q)$(MAKE) --no-print-directory O=$(O)-asan SAN=address,undefined WERROR=-Werror unit corpus

COVERAGE := O=$(O)-coverage CFLAGS='--coverage -O1' LDFLAGS=--coverage FORTIFY=
coverage:
	$(Q)find $(O)-coverage -name '*.gcda' -delete 2>/dev/null; $(MAKE) $(COVERAGE) unit corpus
	$(Q)test/coverage.sh $(O)-coverage

analyze:
	$(MAKE) O=$(O)-analyze CFLAGS=-fanalyzer WERROR=-Werror all

valgrind: $(UNIT)
	$(Q)TEST_WRAPPER='valgrind -q --error-exitcode=9 --leak-check=full' test/run-tap.sh $(UNIT)

quote = $(subst ",\",$(subst \,\\,$(1)))
define COMPILE_COMMANDS
[
$(foreach c,$(ALL_SRC),{"directory": "$(CURDIR)", "file": "$c", "command": "$(call quote,$(compile)) -c -o $(call obj,$c) $c"}$(if $(filter $c,$(lastword $(ALL_SRC))),,$(comma)
))
]
endef
comma := ,
.PHONY: compile_commands.json
compile_commands.json:
	$(file >$@,$(COMPILE_COMMANDS))@:

# -- release ----------------------------------------------------------------------------------------------------------
# The archive, what is linked, and the sums of both: the same bytes from every clone of one commit.
NAME := oci-cgpu-hook-$(VERSION)
.PHONY: dist distcheck deb rpm packages-check upgrade-check release-check clean help
dist: $(SBOM)
	@[ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$(CURDIR)" ] || \
		{ echo 'make dist: no git repository here that an archive could be made of' >&2; exit 1; }
	git -c tar.umask=0022 archive --format=tar --prefix=$(NAME)/ --output=$(O)/$(NAME).tar HEAD
	xz -9 -T1 -f $(O)/$(NAME).tar
	cp $(SBOM) $(O)/$(NAME).spdx.json
	cd $(O) && sha256sum $(NAME).tar.xz $(NAME).spdx.json >$(NAME).sha256

distcheck: dist
	rm -rf $(O)/dist && mkdir -p $(O)/dist && tar xf $(O)/$(NAME).tar.xz -C $(O)/dist
	$(MAKE) -C $(O)/dist/$(NAME) O=build CORPUS='$(abspath $(CORPUS))' check
	rm -rf $(O)/dist

# Below O/deb and O/rpm, from the last commit.
deb: dist
	$(Q)packaging/deb/build.sh $(abspath $(O)) $(VERSION)

rpm: dist
	$(Q)packaging/rpm/build.sh $(abspath $(O)) $(VERSION)

packages-check: all
	$(Q)test/packages.sh $(O)

# The package of make deb under a systemd of its own: needs root.
upgrade-check:
	$(Q)test/upgrade.sh $(O)

# rpm does not know the libraries of Debian's packages.
release-check:
	@test/summary.sh '$(again) distcheck' $(if $(shell command -v dpkg-buildpackage),'DEB_BUILD_OPTIONS=nocheck $(again) deb') \
		$(if $(shell command -v rpmbuild),'RPMBUILD="--nodeps --nocheck" $(again) rpm') '$(again) packages-check' '$(again) upgrade-check'

clean:
	rm -rf $(O) $(O)-asan $(O)-check $(O)-system $(O)-coverage $(O)-analyze $(O)-fuzz $(O)-fault $(O)-node

help:
	@sed -n 's/^# make /make /p' Makefile
	@printf '%s\n' \
	'all              the programs, manual pages and hook definition, below O' \
	'install          into prefix (/usr/local), DESTDIR in front; uninstall takes it away again' \
	'check            all tests that need no root, no network and no container engine' \
	'check-system     root and podman: private nodes with emulated GPUs' \
	'check-long       the campaigns: asan, trace, fault, kills (root, podman), fuzz (clang), release-check' \
	'kills            root and podman: the programs are killed at KILL_ROUNDS (200) random moments each, 64 starts at once' \
	'trace            the corpus under strace: no file and no socket that a sample names' \
	'demo             root and podman: what the gate does, shown on such a node' \
	'tests emulator node    build only: test programs, emulator, what demo and check-system install' \
	'fault            calls of the programs fail one by one: never a pass that is none; FAULT_RUNS (100, 0 = all) of each kind' \
	'fuzz             each fuzzer for FUZZ_SECONDS (60), with clang; FUZZ=NAME for one of them' \
	'layers codes unit corpus bats man-check hardening install-check reproducible    the parts of check' \
	'lint             shellcheck, licence lines, habits of the tree' \
	'asan             unit tests and corpus with address and undefined-behaviour sanitizers' \
	'coverage analyze valgrind    lines reached by unit and corpus, gcc -fanalyzer, unit tests under valgrind' \
	'compile_commands.json        for clangd and others' \
	'dist distcheck   the release archive, its sums and what is linked; build, check and install from it' \
	'deb rpm          packages of the last commit, below O/deb and O/rpm' \
	'packages-check   the packaging of every distribution, as far as it can be judged here' \
	'upgrade-check    root: the package of make deb installed, upgraded, removed, purged under a systemd of its own' \
	'release-check    distcheck, deb, rpm, packages-check, upgrade-check' \
	'clean            removes O and its variants'
