/* SPDX-License-Identifier: BSD-2-Clause */
/* pins.h: what keeps the BPF side alive between two daemons: names in bpffs. */
#ifndef KM_PINS_H
#define KM_PINS_H

#include "base/base.h"

struct bpf_link;
struct bpf_object;
struct bpf_program;
struct km_pins;

/* Opens DIR, mounting bpffs there if needed. Pins of another build or schema are removed first.
 * build: at most 31 characters that name the BPF object and the sizes of its maps. */
int km_pins_open(struct km_pins **ret, const char *dir, const char *build);
struct km_pins *km_pins_free(struct km_pins *pins);

/* True when usable pins of a former daemon were there at open. */
bool km_pins_found(const struct km_pins *pins);
/* True when kmedic itself mounted bpffs. */
bool km_pins_mounted(const struct km_pins *pins);
const char *km_pins_build(const struct km_pins *pins);

/* Makes every map of a not yet loaded object use, or become, a pin. */
int km_pins_use_maps(struct km_pins *pins, struct bpf_object *object);
bool km_pins_has_link(const struct km_pins *pins, const char *program);
int km_pins_add(struct km_pins *pins, struct bpf_program *program, struct bpf_link *link);
void km_pins_remove(struct km_pins *pins, const char *program);

/* Removes everything below DIR. */
int km_pins_unload(const char *dir);

#endif
