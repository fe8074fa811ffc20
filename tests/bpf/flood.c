// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include "bench/bench_wrap.skel.h"
#include "flood.h"

void need_flood(void)
{
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len, NULL) != 1)
		skip(); /* its programs are for frames of several buffers */
}

void flood(const struct fixture *f, const struct packet *p, const __be32 sources[static FLOOD])
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .repeat = FLOOD * FLOOD_ROUNDS);
	struct bench_wrap *wrap = bench_wrap__open_and_load();
	__u32 zero = 0;

	assert_non_null(wrap);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(wrap->maps.sources), &zero, sources, 0),
			 0);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(wrap->maps.measured), &zero, &f->program, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(wrap->progs.wrap), &opts), 0);
	bench_wrap__destroy(wrap);
}
