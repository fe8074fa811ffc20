# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual pages and bash completion: made by `make man`, installed by `make install`. scdoc is needed for the pages
# alone: where it is not there `make install` says so and does without them, `make man` fails.

SCDOC ?= scdoc
HAVE_SCDOC := $(shell command -v $(SCDOC) 2>/dev/null)
MAN_PAGES := $(patsubst docs/man/%.scd,$(B)/man/%,$(wildcard docs/man/*.scd))
MAN_DIR = $(DESTDIR)$(PREFIX)/share/man
COMPLETION_DIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions

# A page bears the date of its source, or SOURCE_DATE_EPOCH: the same page wherever and whenever it is made.
$(B)/man/%: docs/man/%.scd Makefile
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q)sed 's/@VERSION@/$(VERSION)/' $< | \
		SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(stat -c %Y $<)} $(SCDOC) > $@.tmp && mv $@.tmp $@

man: $(MAN_PAGES)

install-man: man
	for page in $(MAN_PAGES); do \
		install -D -m 0644 $$page $(MAN_DIR)/man$${page##*.}/$${page##*/} || exit 1; \
	done

install-without-man:
	@echo 'The manual pages are not installed: scdoc is missing (sudo ./tools/deps build)'

install-completion:
	install -D -m 0644 completions/allowxdp $(COMPLETION_DIR)/allowxdp

install: $(if $(HAVE_SCDOC),install-man,install-without-man) install-completion

uninstall: uninstall-docs
uninstall-docs:
	for page in $(MAN_PAGES); do rm -f $(MAN_DIR)/man$${page##*.}/$${page##*/}; done
	rm -f $(COMPLETION_DIR)/allowxdp

lint: lint-completion
lint-completion:
	shellcheck completions/allowxdp

.PHONY: man install-man install-without-man install-completion uninstall-docs lint-completion
