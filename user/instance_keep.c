// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include "cleanup.h"
#include "instance.h"

/* What a policy is compiled into is not among them: that is made anew. */
static const enum instance_map kept[] = {
	MAP_FLOWS, MAP_FLOW_PORTS, MAP_FLOW_COUNTS, MAP_ELSEWHERE, MAP_STRANGERS, MAP_ANSWERS,
};

static bool looks_alike(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.map_flags == bpf_map__map_flags(map) &&
	       /* the capacity of flows is a setting, and stays */
	       (info.type == BPF_MAP_TYPE_LRU_HASH ||
		info.max_entries == bpf_map__max_entries(map));
}

int instance_keep_maps(struct bpf_object *object, const struct paths *from)
{
	for (size_t n = 0; n < ARRAY_SIZE(kept); n++) {
		char pin[INSTANCE_PIN_MAX];
		_cleanup_close_ int fd =
			bpf_obj_get(instance_pin(from, instance_map_name(kept[n]), NULL, pin));
		struct bpf_map *map =
			bpf_object__find_map_by_name(object, instance_object_name(kept[n]));
		int rc;

		if (fd < 0 || !map || !looks_alike(fd, map))
			continue;
		rc = bpf_map__reuse_fd(map, fd);
		if (rc)
			return rc;
	}
	return 0;
}
