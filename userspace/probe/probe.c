// SPDX-License-Identifier: BSD-2-Clause
/* probe.c: loading is all or nothing in libbpf, kernels are not. So each program is first asked for by its own: does the
 * kernel's BTF know the target? If the object as a whole is then refused, each program is loaded alone, once, to find which
 * ones this kernel does not take, and the rest is loaded without them. */
#include "probe/probe.h"

#include "base/log.h"
#include "probe/pins.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include "kmedic.skel.h"

#define HOOKS_MAX 32

struct km_probe {
	struct km_bpf *bpf;
	struct btf *kernel_btf;
	struct km_pins *pins; /* NULL: not pinned */
	struct bpf_link *links[HOOKS_MAX];
	struct km_hook_status status[HOOKS_MAX];
	bool took_over;
	uint32_t files;
};

KM_DEFINE_CLEANUP(struct km_probe *, km_probe_free)

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];

	if (level == LIBBPF_DEBUG || !getenv("KMEDIC_LIBBPF"))
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	fputs(text, stderr);
	return 0;
}

static bool target_exists(const struct km_probe *probe, const struct km_hook *hook)
{
	char name[128];

	snprintf(name, sizeof(name), "btf_trace_%s", hook->target);
	return btf__find_by_name_kind(probe->kernel_btf, name, BTF_KIND_TYPEDEF) > 0;
}

static int size_maps(struct km_bpf *bpf, const struct km_probe_options *options)
{
	int r = bpf_map__set_max_entries(bpf->maps.km_control, options->control_ring);

	r = r ? r : bpf_map__set_max_entries(bpf->maps.km_log, options->log_ring);
	r = r ? r : bpf_map__set_max_entries(bpf->maps.km_ledger, options->files);
	r = r ? r : bpf_map__set_max_entries(bpf->maps.km_cursors, options->files);
	r = r ? r : bpf_map__set_max_entries(bpf->maps.km_free, options->files);
	return r ? r : bpf_map__set_max_entries(bpf->maps.km_watch, options->files);
}

static int open_object(struct km_bpf **ret, const struct km_probe_options *options)
{
	struct km_bpf *bpf = km_bpf__open();
	int r;

	if (!bpf)
		return -errno;
	r = size_maps(bpf, options);
	if (r) {
		km_bpf__destroy(bpf);
		return r;
	}
	*ret = bpf;
	return 0;
}

/* Loads one program alone and throws it away. 0 or why the kernel refuses it. */
static int try_alone(const struct km_probe_options *options, size_t hook)
{
	struct km_bpf *bpf = NULL;
	struct bpf_program *program;
	int r = open_object(&bpf, options);

	if (r)
		return r;
	bpf_object__for_each_program(program, bpf->obj)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), km_hooks[hook].program));
	r = km_bpf__load(bpf);
	km_bpf__destroy(bpf);
	return r;
}

static bool usable(const struct km_probe *probe, enum km_source source)
{
	for (size_t i = 0; i < km_hook_count; i++)
		if (km_hooks[i].source == source && probe->status[i].state >= KM_HOOK_IDLE)
			return true;
	return false;
}

static void choose_programs(struct km_probe *probe)
{
	for (size_t i = 0; i < km_hook_count; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(probe->bpf->obj, km_hooks[i].program);
		bool wanted = probe->status[i].state == KM_HOOK_IDLE;

		/* A link that is already there keeps its program: loading it again would record everything twice. */
		if (wanted && probe->pins && km_pins_has_link(probe->pins, km_hooks[i].program))
			wanted = false;
		bpf_program__set_autoload(program, wanted);
	}
	probe->bpf->rodata->km_ext4_covered = usable(probe, KM_SOURCE_LOG_EXT4);
}

static int prepare(struct km_probe *probe, const struct km_probe_options *options)
{
	int r = open_object(&probe->bpf, options);

	if (r)
		return r;
	choose_programs(probe);
	return probe->pins ? km_pins_use_maps(probe->pins, probe->bpf->obj) : 0;
}

static int load(struct km_probe *probe, const struct km_probe_options *options)
{
	int r = prepare(probe, options);

	if (r)
		return r;
	r = km_bpf__load(probe->bpf);
	if (!r || r == -EPERM)
		return r;
	for (size_t i = 0; i < km_hook_count; i++) {
		if (probe->status[i].state != KM_HOOK_IDLE)
			continue;
		probe->status[i].error = try_alone(options, i);
		if (probe->status[i].error)
			probe->status[i].state = KM_HOOK_REFUSED;
	}
	km_bpf__destroy(KM_TAKE_PTR(probe->bpf));
	r = prepare(probe, options);
	return r ? r : km_bpf__load(probe->bpf);
}

static int attach_one(struct km_probe *probe, size_t hook)
{
	const struct km_hook *h = &km_hooks[hook];
	struct bpf_program *program = bpf_object__find_program_by_name(probe->bpf->obj, h->program);
	struct bpf_link *link;
	int r;

	if (probe->pins && km_pins_has_link(probe->pins, h->program)) {
		probe->status[hook].state = KM_HOOK_ACTIVE;
		return 0;
	}
	if (bpf_program__fd(program) < 0)
		return -ENOENT;
	link = bpf_program__attach(program);
	if (!link)
		return -errno;
	r = probe->pins ? km_pins_add(probe->pins, program, link) : 0;
	if (r) {
		bpf_link__destroy(link);
		return r;
	}
	probe->links[hook] = link;
	probe->status[hook].state = KM_HOOK_ACTIVE;
	return 0;
}

static void attach(struct km_probe *probe)
{
	for (size_t i = 0; i < km_hook_count; i++) {
		bool taken_over = probe->pins && km_pins_has_link(probe->pins, km_hooks[i].program);
		int r;

		if (probe->status[i].state != KM_HOOK_IDLE || (km_hooks[i].on_demand && !taken_over))
			continue;
		r = attach_one(probe, i);
		if (r)
			probe->status[i] = (struct km_hook_status){ KM_HOOK_REFUSED, r };
	}
}

static int fill_free_slots(const struct km_probe *probe)
{
	int fd = bpf_map__fd(probe->bpf->maps.km_free);

	for (uint32_t i = 0; i < probe->files; i++)
		if (bpf_map_update_elem(fd, NULL, &i, BPF_ANY))
			return -errno;
	return 0;
}

static int write_meta(const struct km_probe *probe)
{
	struct km_meta meta = { .schema = KM_SCHEMA, .mounted_bpffs = probe->pins && km_pins_mounted(probe->pins) };
	uint32_t zero = 0;

	if (probe->pins)
		snprintf(meta.build, sizeof(meta.build), "%s", km_pins_build(probe->pins));
	return bpf_map_update_elem(bpf_map__fd(probe->bpf->maps.km_meta), &zero, &meta, BPF_ANY) ? -errno : 0;
}

int km_probe_set(struct km_probe *probe, const struct km_settings *settings)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(probe->bpf->maps.km_settings), &zero, settings, BPF_ANY) ? -errno : 0;
}

/* FNV-1a over the BPF object: changes whenever any program or map does. */
static void build_id(char out[17])
{
	size_t size;
	const unsigned char *elf = km_bpf__elf_bytes(&size);
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ elf[i]) * 0x100000001b3ULL;
	snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

static int open_pins(struct km_probe *probe, const struct km_probe_options *options)
{
	char id[17], build[32];

	if (!options->pins)
		return 0;
	build_id(id);
	/* Sizes are part of the identity: maps of other sizes cannot be taken over. */
	snprintf(build, sizeof(build), "%.12s-%x-%x-%x", id, options->control_ring >> 12, options->log_ring >> 12,
		 options->files);
	return km_pins_open(&probe->pins, options->pins, build);
}

int km_probe_new(struct km_probe **ret, const struct km_probe_options *options)
{
	km_cleanup(km_probe_freep) struct km_probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return -ENOMEM;
	libbpf_set_print(print_libbpf);
	probe->files = options->files;
	probe->kernel_btf = btf__load_vmlinux_btf();
	if (!probe->kernel_btf)
		return -ENOENT;
	for (size_t i = 0; i < km_hook_count; i++)
		probe->status[i].state = target_exists(probe, &km_hooks[i]) ? KM_HOOK_IDLE : KM_HOOK_ABSENT;
	r = open_pins(probe, options);
	r = r ? r : load(probe, options);
	if (r)
		return r;
	probe->took_over = probe->pins && km_pins_found(probe->pins);
	if (!probe->took_over)
		r = fill_free_slots(probe);
	r = r ? r : write_meta(probe);
	r = r ? r : km_probe_set(probe, &options->settings);
	if (r)
		return r;
	attach(probe);
	*ret = KM_TAKE_PTR(probe);
	return 0;
}

struct km_probe *km_probe_free(struct km_probe *probe)
{
	if (!probe)
		return NULL;
	for (size_t i = 0; i < KM_ARRAY_SIZE(probe->links); i++)
		bpf_link__destroy(probe->links[i]);
	km_bpf__destroy(probe->bpf);
	km_pins_free(probe->pins);
	btf__free(probe->kernel_btf);
	free(probe);
	return NULL;
}

struct km_hook_status km_probe_hook(const struct km_probe *probe, size_t hook)
{
	return probe->status[hook];
}

bool km_probe_source_active(const struct km_probe *probe, enum km_source source)
{
	for (size_t i = 0; i < km_hook_count; i++)
		if (km_hooks[i].source == source && probe->status[i].state == KM_HOOK_ACTIVE)
			return true;
	return false;
}

bool km_probe_took_over(const struct km_probe *probe)
{
	return probe->took_over;
}

static void detach_one(struct km_probe *probe, size_t hook)
{
	if (probe->pins)
		km_pins_remove(probe->pins, km_hooks[hook].program);
	bpf_link__destroy(KM_TAKE_PTR(probe->links[hook]));
	probe->status[hook].state = KM_HOOK_IDLE;
}

int km_probe_demand(struct km_probe *probe, enum km_source source, bool wanted)
{
	for (size_t i = 0; i < km_hook_count; i++) {
		enum km_hook_state state = probe->status[i].state;
		int r;

		if (km_hooks[i].source != source || !km_hooks[i].on_demand)
			continue;
		if (wanted && state == KM_HOOK_IDLE) {
			r = attach_one(probe, i);
			if (r)
				return r;
		} else if (!wanted && state == KM_HOOK_ACTIVE) {
			detach_one(probe, i);
		}
	}
	return 0;
}

int km_probe_map(const struct km_probe *probe, const char *name)
{
	return bpf_object__find_map_fd_by_name(probe->bpf->obj, name);
}

uint32_t km_probe_files(const struct km_probe *probe)
{
	return probe->files;
}
int km_probe_unload(const char *pins)
{
	return km_pins_unload(pins);
}
