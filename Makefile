# SPDX-License-Identifier: Apache-2.0
#
# make [O=DIR] [SAN=address,undefined] [HOOK_STATIC=no] [V=1] [TARGET]; `make help` lists the targets.
# Objects and programs go to O (default: build); variants go to folders of their own. CFLAGS, CPPFLAGS, LDFLAGS and
# LDLIBS of the caller come after the project's own and win. Directory names are GNU's; DESTDIR goes in front.

.DELETE_ON_ERROR:
MAKEFLAGS += -rR
O ?= build
VERSION := $(shell cat VERSION)

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
worker_user ?= cgpu

INSTALL ?= install
PKG_CONFIG ?= pkg-config
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
AR := $(if $(filter default,$(origin AR)),ar,$(AR))
HOOK_STATIC ?= yes
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

# libxml2 and xmlsec: only the appraiser and tests link them.
YAJL := $(call pkg,--libs,yajl)
SECCOMP := $(call pkg,--libs,libseccomp)
CAP := $(call pkg,--libs,libcap)
INIH := $(call pkg,--libs,inih)
CRYPTO := $(call pkg,--libs,libcrypto)
XML := $(filter-out -lssl,$(call pkg,--libs,xmlsec1-openssl))
XML_CFLAGS := $(call pkg,--cflags,xmlsec1-openssl)

base_CPPFLAGS := -D_GNU_SOURCE -I. -I$(O) $(FORTIFY)
base_CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) $(WERROR) $(HARDENING) -ffile-prefix-map=$(CURDIR)=. -fPIE $(SANFLAGS)
base_LDFLAGS := -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(SANFLAGS)
compile = $(CC) $(base_CPPFLAGS) $(XML_CFLAGS) $(CPPFLAGS) $(base_CFLAGS) $(CFLAGS)
link = $(CC) $(base_CFLAGS) $(CFLAGS) $(base_LDFLAGS) $(LDFLAGS)
Q := $(if $(V),,@)

# -- sources ----------------------------------------------------------------------------------------------------------
# A *_main.c is a worker's main; the rest of lib, spec and attest is one archive.
MAINS := $(sort $(wildcard attest/*_main.c))
ARCHIVE_SRC := $(filter-out $(MAINS),$(sort $(wildcard lib/*.c spec/*.c attest/*.c)))
CMD_SRC := $(sort $(wildcard attest/cmd/*.c))
HOOK_SRC := $(sort $(wildcard hook/*.c))
UNIT_SRC := $(sort $(wildcard test/unit/test_*.c))
CORPUS_SRC := $(sort $(wildcard test/corpus/*.c))
ALL_SRC := $(ARCHIVE_SRC) $(MAINS) $(CMD_SRC) $(HOOK_SRC) $(UNIT_SRC) $(CORPUS_SRC)
obj = $(patsubst %.c,$(O)/%.o,$(1))

ARCHIVE := $(O)/libcgpu.a
WORKERS := $(patsubst attest/%_main.c,$(O)/%,$(MAINS))
PROGRAMS := $(if $(CMD_SRC),$(O)/cgpu) $(if $(HOOK_SRC),$(O)/cgpu-hook) $(WORKERS)
UNIT := $(patsubst %.c,$(O)/%,$(UNIT_SRC))

# What each program may link is part of the design: one privilege, one process.
collect_LIBS := $(SECCOMP) $(CAP) -ldl
appraise_LIBS := $(XML) $(CRYPTO) $(YAJL) $(SECCOMP) $(CAP)
cgpu_LIBS := $(CRYPTO) $(YAJL) $(INIH) $(SECCOMP) $(CAP)
hook_LIBS := $(if $(filter yes,$(HOOK_STATIC)),-lyajl_s,$(YAJL)) $(SECCOMP) $(CAP)
hook_STATIC := $(if $(filter yes,$(HOOK_STATIC)),$(if $(SAN),,-static-pie))
test_LIBS := $(XML) $(CRYPTO) $(YAJL) $(INIH) $(SECCOMP) $(CAP) -ldl -lm

.PHONY: all
all: $(PROGRAMS)

# -- stamps -----------------------------------------------------------------------------------------------------------
# The stamps change only when their text does: changed flags rebuild everything, nothing else does.
define CONFIG_H
/* Made by the Makefile. */
#define PROJECT_VERSION "$(VERSION)"
#define PATH_CGPU "$(bindir)/cgpu"
#define PATH_WORKERS "$(workerdir)"
#define PATH_HOOK "$(hookdir)/cgpu-hook"
#define PATH_SYSCONF "$(sysconfdir)/cgpu"
#define PATH_STATE "$(localstatedir)"
#define PATH_RUN "$(runstatedir)"
#define WORKER_USER "$(worker_user)"
endef
FLAGS := $(compile) | $(link) | $(hook_STATIC)
$(shell mkdir -p $(O))
stamp = $(file >$(1).new,$($(2)))$(shell cmp -s $(1).new $(1) && rm $(1).new || mv $(1).new $(1))
$(call stamp,$(O)/.flags,FLAGS)
$(call stamp,$(O)/config.h,CONFIG_H)

# -- rules ------------------------------------------------------------------------------------------------------------
$(O)/%.o: %.c $(O)/.flags $(O)/config.h
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC    $<")
	$(Q)$(compile) -MMD -MP -c -o $@ $<

$(ARCHIVE): $(call obj,$(ARCHIVE_SRC))
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(O)/cgpu: $(call obj,$(CMD_SRC)) $(ARCHIVE)
	$(if $(Q),@echo "  LINK  $@")
	$(Q)$(link) -pie -o $@ $^ $(cgpu_LIBS) $(LDLIBS)

$(O)/cgpu-hook: $(call obj,$(HOOK_SRC)) $(ARCHIVE)
	$(if $(Q),@echo "  LINK  $@")
	$(Q)$(link) $(or $(hook_STATIC),-pie) -o $@ $^ $(hook_LIBS) $(LDLIBS)

$(WORKERS): $(O)/%: $(O)/attest/%_main.o $(ARCHIVE)
	$(if $(Q),@echo "  LINK  $@")
	$(Q)$(link) -pie -o $@ $^ $($*_LIBS) $(LDLIBS)

# hook/ files other than main are tested as units too.
HOOK_UNITS := $(call obj,$(filter-out hook/main.c,$(HOOK_SRC)))
$(UNIT): $(O)/test/unit/%: $(O)/test/unit/%.o $(HOOK_UNITS) $(ARCHIVE)
	$(if $(Q),@echo "  LINK  $@")
	$(Q)$(link) -pie -o $@ $^ $(test_LIBS) $(LDLIBS)

$(O)/corpus: $(call obj,$(CORPUS_SRC)) $(HOOK_UNITS) $(ARCHIVE)
	$(if $(Q),@echo "  LINK  $@")
	$(Q)$(link) -pie -o $@ $^ $(test_LIBS) $(LDLIBS)

-include $(patsubst %.o,%.d,$(call obj,$(ALL_SRC)))

# -- tests ------------------------------------------------------------------------------------------------------------
.PHONY: layers unit corpus
layers:
	$(Q)test/layers.sh

unit: $(UNIT)
	$(Q)test/run-unit.sh $(UNIT)

# make corpus CORPUS=DIR runs every manifest below another folder of the same shape.
CORPUS ?= ../shared/samples/adversarial
corpus: $(O)/corpus
	$(Q)if [ -d '$(CORPUS)' ]; then $(O)/corpus '$(CORPUS)'; else echo "corpus: $(CORPUS) is missing"; echo "0 passed, 0 failed, 1 skipped"; fi

.PHONY: clean help
clean:
	rm -rf $(O)

help:
	@sed -n 's/^# make /make /p' Makefile
	@echo 'targets: all layers unit corpus clean help'
