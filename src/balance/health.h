/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * health - what a server's probes say about it. A pure machine: time and randomness are handed in,
 * nothing is sent here; balance/watch drives it. Owner only.
 *
 * The first probe is due at once and alone decides the first state. Then `fall` failures in a row
 * end an up server and `rise` good ones a down one, but one that is held not before its time. A
 * suspect is probed at once, and one failure is enough. The time between probes is interval_ns, or
 * fast_interval_ns while in doubt (an up server after a failure or under suspicion, a down one after
 * a good probe), each with a jitter of ten percent either way so that a fleet does not probe in
 * step. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "balance/server.h"

struct health_params {
	int64_t interval_ns, fast_interval_ns, timeout_ns;
	unsigned fall, rise;
};

struct health {
	const struct health_params *params; /* outlives it */
	enum server_state state; /* SERVER_UNKNOWN, SERVER_UP or SERVER_DOWN */
	unsigned n_good, n_failed; /* in a row */
	bool is_suspect; /* the next result decides, or confirms */
	int64_t sent_ns; /* the last probe; after a failure the interval counts from here */
	int64_t next_ns; /* when the next probe is due; INT64_MAX while one is out */
	int64_t hold_ns; /* a down server is not up before */
};

void health_init(struct health *h, const struct health_params *params, int64_t now_ns);
/* The probe that was due has been sent. */
void health_probe_sent(struct health *h, int64_t now_ns);
/* Its outcome; true if the state changed. */
bool health_probe_done(struct health *h, bool is_good, int64_t now_ns, struct rng *rng);
/* The next probe is due then, whatever was planned. */
void health_probe_soon(struct health *h, int64_t due_ns);
/* Something else than a probe speaks against an up server: the next probe decides alone. */
void health_suspect(struct health *h);
/* For a server that went down just now. */
void health_hold(struct health *h, int64_t until_ns);
/* A down server with enough good probes, that only its time keeps down. */
bool health_is_held(const struct health *h);
/* It is up now. Only if it is held. */
void health_release(struct health *h);
bool health_is_in_doubt(const struct health *h);

/* Evenly drawn from `percent` below to `percent` above. */
int64_t health_jittered(int64_t ns, unsigned percent, struct rng *rng);
