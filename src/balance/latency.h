/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * latency - how fast servers answered in the last ten seconds, in windows of one second, and what
 * follows: who gets fewer of the draws, and after how long a hedge is worth its query. Pure;
 * balance/watch drives it. Owner only.
 *
 * The median, because some names are slow whoever is asked. A server's share of the draws is that
 * of the fastest's median in its own, at least a quarter: less traffic would make caches colder and
 * the server slower still. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct latency;

#define LATENCY_WINDOW_NS INT64_C(1000000000)
#define LATENCY_WINDOWS 10
#define LATENCY_SAMPLES_LEAST 20 /* for a median */
#define LATENCY_HEDGE_SAMPLES_LEAST 200
#define LATENCY_HEDGE_LEAST_US 5000
#define LATENCY_HEDGE_MOST_US 500000
#define LATENCY_RATIO_MOST 4
#define LATENCY_CLOSE_US 2000 /* no difference worth acting on; nor is a quarter more */

int latency_new(size_t n_servers, struct latency **latency_out); /* ERR_NOMEM */
void latency_free(struct latency **l); /* *l may be NULL; sets it to NULL */
size_t latency_bytes(size_t n_servers); /* what it takes */

/* A second has passed: begins a new window, then for each server its histogram as it is now. */
void latency_turn(struct latency *l);
void latency_read(struct latency *l, size_t server, const uint32_t *counts);

/* In microseconds, at least 1; 0: too few samples. */
uint64_t latency_median_us(const struct latency *l, size_t server);
/* Of SERVER_SHARE_FULL: the draws for a server with that median where the fastest has `least_us`.
 * Neither is 0. */
uint32_t latency_share(uint64_t median_us, uint64_t least_us);
/* The time that `percent` of all replies took longer than; 0: too few samples. */
uint32_t latency_hedge_delay_us(const struct latency *l, unsigned percent);
