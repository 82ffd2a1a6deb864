/* SPDX-License-Identifier: BSD-2-Clause */
/* event.h: what happened -> one ECS-shaped JSON object on one line. The fields are documented in kmedic-events(7).
 *
 * event.action is the vocabulary that rules use in `on:`; no second name exists for anything. */
#ifndef KM_EVENT_H
#define KM_EVENT_H

#include "base/cgroup.h"
#include "base/json.h"
#include "decode/decode.h"
#include "logs/ledger.h"
#include "sink/stream.h"

struct km_events {
	struct km_json json;
	struct km_stream *stream;    /* not owned */
	struct km_cgroups *cgroups;  /* not owned; may be NULL */
	/* Name of a service by its index; NULL when there is none. */
	const char *(*service_name)(void *context, int service);
	void *context;
	uint64_t sequence;
	uint64_t clock_offset_ns; /* real time minus boot time */
	char host[256];
	char boot[37]; /* boot id */
	const char *ring; /* with position, where the record being told stands; NULL for what kmedic itself says */
	uint64_t position;
};

/* Reads host name and boot id. */
int km_events_init(struct km_events *events, struct km_stream *stream);
void km_events_free(struct km_events *events);

/* Samples the clocks again: call now and then, for the wall clock may be set. */
void km_events_tick(struct km_events *events);

/* One event of each kind. service: index, or -1. */
void km_event_record(struct km_events *events, const struct km_record *record);
void km_event_line(struct km_events *events, const struct km_log_file *file, const struct km_line *line);
void km_event_gap(struct km_events *events, const struct km_log_file *file, uint64_t from, uint64_t to,
		  enum km_gap_reason reason);
void km_event_file(struct km_events *events, const struct km_log_file *file, const char *action, uint64_t size,
		   const struct km_task *task, uint64_t time_ns);
void km_event_rotated(struct km_events *events, const struct km_log_file *file, const char *from);
void km_event_stuck(struct km_events *events, const struct km_disk_slot *disk, const struct km_inflight *request,
		    uint64_t age_ns);
/* kmedic.started, stopped, reloaded; message may be NULL. */
void km_event_self(struct km_events *events, const char *action, const char *message);
void km_event_blind(struct km_events *events, const char *source, const char *reason, const char *consequence);
void km_event_ring_dropped(struct km_events *events, const char *ring, uint64_t records);
void km_event_health(struct km_events *events, const char *kind, const char *name, const char *from, const char *to,
		     const char *reason);

#endif
