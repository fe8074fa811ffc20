// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "capture_file.h"
#include "cleanup.h"
#include "event_text.h"

enum { BUFFER_SIZE = 1 << 20, TAG_AT = 12 };

/* What the tc program returns (bpf/allowxdp.bpf.c). */
enum { EGRESS_NEXT = -1, EGRESS_DROP = 2 };

static int refuse(const char *path, int errnum, struct error *err)
{
	return error_set(err, errnum, "%s: cannot be written: %s", path, strerror(errnum));
}

/* A pipe or device is meant to be there already. A pipe that nobody reads is refused, not waited
 * for. */
static int open_existing(const char *path, bool force, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(path, &st))
		return refuse(path, errno, err);
	if (S_ISREG(st.st_mode) && !force)
		return error_set(err, EEXIST,
				 "%s is there already: choose another name, or overwrite it with "
				 "--force",
				 path);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENXIO)
		return error_set(err, ENXIO, "%s: nobody reads this pipe: start its reader first",
				 path);
	if (fd < 0 && errno == ELOOP)
		return error_set(err, ELOOP, "%s is a symbolic link: name the file itself", path);
	if (fd < 0 || fcntl(fd, F_SETFL, 0))
		return refuse(path, errno, err);
	if (S_ISREG(st.st_mode) && ftruncate(fd, 0))
		return refuse(path, errno, err);
	return TAKE_FD(fd);
}

static int open_output(const char *path, bool force, struct error *err)
{
	int fd;

	if (!strcmp(path, "-"))
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		fd = open_existing(path, force, err);
	else if (fd < 0)
		return refuse(path, errno, err);
	if (fd >= 0 && isatty(fd)) {
		close(fd);
		return error_set(
			err, EINVAL,
			"-w %s is a terminal: write to a file, or pipe it into a reader, as "
			"in `allowxdp capture -w - | tcpdump -r -`",
			path);
	}
	return fd;
}

int capture_file_open(struct capture_file *c, const char *path, bool force, uint32_t snaplen,
		      struct error *err)
{
	int fd = open_output(path, force, err);
	struct stat st;

	if (fd < 0)
		return fd;
	c->path = path;
	c->snaplen = snaplen;
	c->regular = !fstat(fd, &st) && S_ISREG(st.st_mode) && strcmp(path, "-");
	c->f = fdopen(fd, "w");
	if (!c->f) {
		close(fd);
		return error_set(err, ENOMEM, "out of memory");
	}
	setvbuf(c->f, NULL, _IOFBF, BUFFER_SIZE);
	pcapng_begin(c->f, "allowxdp " ALLOWXDP_VERSION);
	return 0;
}

int capture_file_interface(struct capture_file *c, const char *name, uint32_t ifindex)
{
	if (c->interfaces == CAPTURE_INTERFACES_MAX)
		return -ENOSPC;
	pcapng_interface(c->f, name, c->snaplen);
	c->ifindex[c->interfaces] = ifindex;
	return (int)c->interfaces++;
}

/* Its number in the file; one that was loaded meanwhile is added. */
static uint32_t interface_of(struct capture_file *c, uint32_t ifindex)
{
	char name[IF_NAMESIZE];
	int n;

	for (uint32_t i = 0; i < c->interfaces; i++) {
		if (c->ifindex[i] == ifindex)
			return i;
	}
	n = capture_file_interface(c, if_indextoname(ifindex, name) ? name : "-", ifindex);
	return n < 0 ? 0 : (uint32_t)n;
}

/* A tag that the kernel keeps beside the frame is put back where it will be on the wire. */
static void put_tag_back(struct capture_file *c, const struct axp_event *e, const uint8_t *frame,
			 struct pcapng_packet *out)
{
	uint16_t tag[2] = { e->vlan_proto, (uint16_t)__builtin_bswap16(e->vlan_tci) };

	if (!e->vlan_proto || e->captured < TAG_AT)
		return;
	memcpy(c->frame, frame, TAG_AT);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	tag[1] = e->vlan_tci;
#endif
	memcpy(c->frame + TAG_AT, tag, sizeof(tag));
	memcpy(c->frame + TAG_AT + sizeof(tag), frame + TAG_AT, e->captured - TAG_AT);
	out->data = c->frame;
	out->captured += VLAN_TAG_SIZE;
	out->length += VLAN_TAG_SIZE;
}

static uint64_t verdict_number(const struct axp_event *e)
{
	if (e->direction == AXP_IN)
		return e->verdict == AXP_DROP ? XDP_DROP : XDP_PASS;
	return (uint64_t)(int64_t)(e->verdict == AXP_DROP ? EGRESS_DROP : EGRESS_NEXT);
}

void capture_file_packet(struct capture_file *c, const struct seen_packet *p)
{
	const struct axp_event *e = p->e;
	char words[EVENT_WORDS_MAX];
	struct pcapng_packet out = {
		.interface = interface_of(c, e->ifindex),
		.time = (uint64_t)p->time,
		.data = p->frame,
		.captured = e->captured,
		.length = e->length,
		.outbound = e->direction == AXP_OUT,
		.verdict_type = e->direction == AXP_IN ? PCAPNG_VERDICT_XDP : PCAPNG_VERDICT_TC,
		.verdict = verdict_number(e),
		.comment = event_words(p, words),
	};

	put_tag_back(c, e, p->frame, &out);
	pcapng_packet(c->f, &out);
}

void capture_file_end(struct capture_file *c, const struct watch_counts *counts)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (c->interfaces)
		pcapng_statistics(c->f, 0,
				  (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec,
				  counts->sent, counts->left_out + counts->lost,
				  "of all interfaces together");
}

int capture_file_flush(struct capture_file *c, struct error *err)
{
	int rc = 0;

	errno = 0;
	if (fflush(c->f) || ferror(c->f))
		rc = errno ? -errno : -EIO;
	if (!rc) {
		c->whole = c->regular ? ftello(c->f) : 0;
		return 0;
	}
	__fpurge(c->f);
	if (rc == -EPIPE)
		return rc;
	if (c->regular && ftruncate(fileno(c->f), c->whole))
		return error_set(err, -rc, "%s: %s: its last packet is cut off", c->path,
				 strerror(-rc));
	return error_set(err, -rc, "%s: %s: what was captured until then is in it", c->path,
			 strerror(-rc));
}

void capture_file_close(struct capture_file *c)
{
	if (c->f)
		fclose(c->f);
	c->f = NULL;
}
