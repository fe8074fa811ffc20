# SPDX-License-Identifier: GPL-2.0-or-later
# Installs systemd's units with this installation's paths in them; tarball and Debian package. Included by the Makefile.

UNITDIR ?= $(PREFIX)/lib/systemd/system
DOCDIR ?= $(PREFIX)/share/doc/allowxdp
TMPFILES := $(PREFIX)/lib/tmpfiles.d/allowxdp.conf
UNITS := $(addprefix $(UNITDIR)/,allowxdp@.service allowxdp.service allowxdp@default.service.d/config.conf)

define install_unit
install -d -m 0755 $(dir $(DESTDIR)$(2))
sed -e 's|@SBINDIR@|$(PREFIX)/sbin|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' -e 's|@DOCDIR@|$(DOCDIR)|g' \
	$(1) >$(DESTDIR)$(2)
chmod 0644 $(DESTDIR)$(2)
endef

install: install-units
uninstall: uninstall-units

install-units:
	$(call install_unit,systemd/allowxdp@.service.in,$(word 1,$(UNITS)))
	$(call install_unit,systemd/allowxdp.service.in,$(word 2,$(UNITS)))
	$(call install_unit,systemd/default.conf.in,$(word 3,$(UNITS)))
	install -D -m 0644 systemd/allowxdp.tmpfiles $(DESTDIR)$(TMPFILES)
	[ -e $(DESTDIR)$(SYSCONFDIR)/default/allowxdp ] || \
		install -D -m 0644 systemd/default $(DESTDIR)$(SYSCONFDIR)/default/allowxdp

uninstall-units:
	rm -f $(addprefix $(DESTDIR),$(UNITS) $(TMPFILES))
	-rmdir $(DESTDIR)$(dir $(word 3,$(UNITS))) 2>/dev/null

dist:
	tools/dist $(VERSION) $(B)/dist

deb: dist
	tools/package $(VERSION) $(B)/dist $(B)/deb

.PHONY: install-units uninstall-units dist deb
