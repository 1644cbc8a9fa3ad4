/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariants: an attempt is in the attempt table exactly while is_live; a query is in the client
 * table from pending_client_add to pending_close. Table entries are slot numbers plus one, so that
 * a page of zeros is a page of empty chains and untouched memory costs nothing. A slot's
 * generation is kept outside the slot, because slots are given back to the system. */
#include "core/pending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/slab.h"
#include "wire/name.h"

#define MEDIUM_BYTES 512
#define LARGE_BYTES (DATAGRAM_LARGE_BYTES + 256) /* and a case mask behind them */

struct pending_shard {
	struct slab *slots, *medium, *large;
	uint32_t *by_attempt, *by_client; /* heads of chains: slot + 1, 0 is the end */
	uint32_t *generation; /* per slot */
	uint32_t n_slots;
	uint32_t mask; /* buckets - 1, of both tables */
	struct hash_key key; /* of the client table */
	bool case_masks;
	bool tables_dirty; /* touched since they were last given back */
};

static void *map_zeroed(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static size_t table_bytes(const struct pending_shard *s)
{
	return ((size_t)s->mask + 1) * sizeof(uint32_t);
}

/* Chains of four to eight on average when the shard is full, which it is only if the other
 * workers' are empty: heads cost memory too. */
static uint32_t buckets_for(uint32_t capacity)
{
	uint32_t n = 1024; /* a page of heads: what the smallest shard costs anyway */

	while (n * 2 <= capacity / 4 && n < 1u << 24)
		n *= 2;
	return n;
}

static uint32_t large_for(uint32_t capacity)
{
	return capacity / 16 > 64 ? capacity / 16 : 64;
}

int pending_new(const struct pending_params *params, struct pending_shard **shard_out)
{
	struct pending_shard *s = calloc(1, sizeof *s);
	struct rng rng;

	if (!s)
		return ERR_NOMEM;
	rng_init(&rng);
	rng_bytes(&rng, s->key.bytes, sizeof s->key.bytes);
	s->case_masks = params->case_masks;
	s->mask = buckets_for(params->capacity) - 1;
	s->by_attempt = map_zeroed(table_bytes(s));
	s->by_client = map_zeroed(table_bytes(s));
	s->n_slots = params->capacity;
	s->generation = map_zeroed(params->capacity * sizeof *s->generation);
	if (!s->by_attempt || !s->by_client || !s->generation ||
		slab_new(sizeof(struct pending), params->capacity, &s->slots) < 0 ||
		slab_new(MEDIUM_BYTES, params->capacity, &s->medium) < 0 ||
		slab_new(LARGE_BYTES, large_for(params->capacity), &s->large) < 0) {
		pending_free(&s);
		return ERR_NOMEM;
	}
	*shard_out = s;
	return 0;
}

void pending_free(struct pending_shard **sp)
{
	struct pending_shard *s = *sp;

	if (!s)
		return;
	slab_free(&s->slots);
	slab_free(&s->medium);
	slab_free(&s->large);
	if (s->by_attempt)
		munmap(s->by_attempt, table_bytes(s));
	if (s->by_client)
		munmap(s->by_client, table_bytes(s));
	if (s->generation)
		munmap(s->generation, s->n_slots * sizeof *s->generation);
	free(s);
	*sp = NULL;
}

void pending_memory(const struct pending_params *params, uint32_t n, struct memory_use *use)
{
	uint32_t capacity = params->capacity;
	size_t tables = 2 * buckets_for(capacity) * sizeof(uint32_t);

	memory_add_fixed(use, sizeof(struct pending_shard));
	memory_add_growing(
		use, tables + n * sizeof(uint32_t), tables + capacity * sizeof(uint32_t));
	slab_memory(sizeof(struct pending), capacity, n, use);
	slab_memory(MEDIUM_BYTES, capacity, 0, use);
	slab_memory(LARGE_BYTES, large_for(capacity), 0, use);
}

static struct slab *overflow_slab(const struct pending_shard *s, size_t need)
{
	return need <= MEDIUM_BYTES ? s->medium : s->large;
}

static size_t bytes_needed(const struct pending_shard *s, size_t len, uint16_t name_len)
{
	return len + (s->case_masks ? (name_len + 7u) / 8u : 0);
}

struct pending *pending_open(
	struct pending_shard *s, const uint8_t *message, size_t len, uint16_t name_len)
{
	size_t need = bytes_needed(s, len, name_len);

	assert(len <= DATAGRAM_LARGE_BYTES);
	uint32_t slot = slab_take(s->slots);
	if (slot == SLAB_NONE)
		return NULL;
	struct pending *p = slab_at(s->slots, slot);
	memset(p, 0, offsetof(struct pending, inline_bytes));
	p->len = (uint16_t)len;
	p->name_len = name_len;
	p->overflow = PENDING_NONE;
	p->fallback = PENDING_NONE;
	if (need > PENDING_INLINE_BYTES) {
		p->overflow = slab_take(overflow_slab(s, need));
		if (p->overflow == SLAB_NONE) {
			slab_give(s->slots, slot);
			return NULL;
		}
	}
	memcpy(pending_bytes(s, p), message, len);
	return p;
}

static uint32_t slot_of(const struct pending_shard *s, const struct pending *p)
{
	return slab_index(s->slots, p);
}

static uint32_t *client_bucket(const struct pending_shard *s, uint32_t hash)
{
	return &s->by_client[hash & s->mask];
}

void pending_client_remove(struct pending_shard *s, struct pending *p)
{
	uint32_t slot = slot_of(s, p);
	uint32_t *link = client_bucket(s, p->client_hash);

	while (*link != 0) {
		struct pending *other = slab_at(s->slots, *link - 1);

		if (*link - 1 == slot) {
			*link = p->client_next;
			return;
		}
		link = &other->client_next;
	}
}

void pending_close(struct pending_shard *s, struct pending *p)
{
	uint32_t slot = slot_of(s, p);

	assert(!p->timer.link);
	for (unsigned i = 0; i < PENDING_ATTEMPTS; i++) {
		if (p->attempts[i].is_live)
			pending_attempt_remove(s, p, i);
	}
	if (p->kind == PENDING_QUERY)
		pending_client_remove(s, p);
	if (p->fallback != PENDING_NONE)
		slab_give(s->medium, p->fallback);
	if (p->overflow != PENDING_NONE)
		slab_give(overflow_slab(s, bytes_needed(s, p->len, p->name_len)), p->overflow);
	s->generation[slot]++;
	slab_give(s->slots, slot);
}

uint32_t pending_count(const struct pending_shard *s)
{
	return slab_used(s->slots);
}

uint8_t *pending_bytes(const struct pending_shard *s, struct pending *p)
{
	if (p->overflow == PENDING_NONE)
		return p->inline_bytes;
	return slab_at(overflow_slab(s, bytes_needed(s, p->len, p->name_len)), p->overflow);
}

uint8_t *pending_case_mask(const struct pending_shard *s, struct pending *p)
{
	return pending_bytes(s, p) + p->len;
}

/* A reference is the slot's generation above, attempt number and slot below. */
#define REF_SLOT_BITS 24
#define REF_ATTEMPT_BITS 8

uint64_t pending_ref(const struct pending_shard *s, const struct pending *p, unsigned attempt)
{
	uint32_t slot = slot_of(s, p);

	return (uint64_t)s->generation[slot] << 32 | (uint64_t)attempt << REF_SLOT_BITS | slot;
}

struct pending *pending_from_ref(const struct pending_shard *s, uint64_t ref, unsigned *attempt_out)
{
	uint32_t slot = (uint32_t)ref & ((1u << REF_SLOT_BITS) - 1);

	if (s->generation[slot] != (uint32_t)(ref >> 32))
		return NULL;
	*attempt_out = (uint32_t)ref >> REF_SLOT_BITS & ((1u << REF_ATTEMPT_BITS) - 1);
	return slab_at(s->slots, slot);
}

/* IDs are drawn at random, so any mixing of them with the socket's number spreads evenly. */
static uint32_t *attempt_bucket(const struct pending_shard *s, uint16_t socket, uint16_t id)
{
	uint32_t key = (uint32_t)socket << 16 | id;

	return &s->by_attempt[(key * 2654435769u >> 8) & s->mask];
}

static uint32_t entry_of(const struct pending_shard *s, const struct pending *p, unsigned i)
{
	return slot_of(s, p) * PENDING_ATTEMPTS + i + 1;
}

static struct attempt *attempt_at(const struct pending_shard *s, uint32_t entry)
{
	struct pending *p = slab_at(s->slots, (entry - 1) / PENDING_ATTEMPTS);

	return &p->attempts[(entry - 1) % PENDING_ATTEMPTS];
}

static uint32_t find_entry(const struct pending_shard *s, uint16_t socket, uint16_t id)
{
	uint32_t entry = *attempt_bucket(s, socket, id);

	while (entry != 0) {
		const struct attempt *a = attempt_at(s, entry);

		if (a->id == id && a->socket == socket)
			return entry;
		entry = a->next;
	}
	return 0;
}

bool pending_attempt_add(struct pending_shard *s, struct pending *p, unsigned i)
{
	struct attempt *a = &p->attempts[i];

	if (find_entry(s, a->socket, a->id) != 0)
		return false;
	uint32_t *bucket = attempt_bucket(s, a->socket, a->id);
	a->next = *bucket;
	a->is_live = true;
	*bucket = entry_of(s, p, i);
	s->tables_dirty = true;
	return true;
}

void pending_attempt_remove(struct pending_shard *s, struct pending *p, unsigned i)
{
	struct attempt *a = &p->attempts[i];

	if (!a->is_live)
		return;
	uint32_t entry = entry_of(s, p, i);
	uint32_t *link = attempt_bucket(s, a->socket, a->id);
	while (*link != entry)
		link = &attempt_at(s, *link)->next;
	*link = a->next;
	a->is_live = false;
}

struct pending *pending_attempt_find(
	const struct pending_shard *s, uint16_t socket, uint16_t id, unsigned *attempt_out)
{
	uint32_t entry = find_entry(s, socket, id);

	if (entry == 0)
		return NULL;
	*attempt_out = (entry - 1) % PENDING_ATTEMPTS;
	return slab_at(s->slots, (entry - 1) / PENDING_ATTEMPTS);
}

void pending_list_add(struct pending_shard *s, struct pending *p, unsigned i, uint32_t *head)
{
	struct attempt *a = &p->attempts[i];
	uint32_t entry = entry_of(s, p, i);

	a->list_prev = 0;
	a->list_next = *head;
	if (*head != 0)
		attempt_at(s, *head)->list_prev = entry;
	*head = entry;
}

void pending_list_remove(struct pending_shard *s, struct pending *p, unsigned i, uint32_t *head)
{
	struct attempt *a = &p->attempts[i];

	if (a->list_next != 0)
		attempt_at(s, a->list_next)->list_prev = a->list_prev;
	if (a->list_prev != 0)
		attempt_at(s, a->list_prev)->list_next = a->list_next;
	else
		*head = a->list_next;
	a->list_next = a->list_prev = 0;
}

struct pending *pending_list_at(
	const struct pending_shard *s, uint32_t entry, unsigned *attempt_out)
{
	*attempt_out = (entry - 1) % PENDING_ATTEMPTS;
	return slab_at(s->slots, (entry - 1) / PENDING_ATTEMPTS);
}

bool pending_fallback_keep(
	struct pending_shard *s, struct pending *p, const uint8_t *data, size_t len)
{
	assert(p->fallback == PENDING_NONE && len <= PENDING_FALLBACK_MAX);
	p->fallback = slab_take(s->medium);
	if (p->fallback == SLAB_NONE) {
		p->fallback = PENDING_NONE;
		return false;
	}
	memcpy(slab_at(s->medium, p->fallback), data, len);
	p->fallback_len = (uint16_t)len;
	return true;
}

const uint8_t *pending_fallback(const struct pending_shard *s, const struct pending *p)
{
	return slab_at(s->medium, p->fallback);
}

/* What a retransmission has in common with its query, in one piece for the hash. */
struct client_key {
	struct addr client;
	uint16_t listener, id;
	uint8_t question[NAME_MAX_BYTES + 4];
};

uint32_t pending_client_hash(const struct pending_shard *s, const struct origin *origin,
	uint16_t id, const uint8_t *question, size_t question_len)
{
	struct client_key key = {
		.client = origin->client, .listener = origin->listener, .id = id
	};

	assert(question_len <= sizeof key.question);
	name_lower(key.question, question, question_len);
	return (uint32_t)hash64(
		&s->key, &key, offsetof(struct client_key, question) + question_len);
}

void pending_client_add(struct pending_shard *s, struct pending *p, uint32_t hash)
{
	uint32_t *bucket = client_bucket(s, hash);

	p->client_hash = hash;
	p->client_next = *bucket;
	*bucket = slot_of(s, p) + 1;
	s->tables_dirty = true;
}

/* As clients see it: an answer from another address than was asked is none. */
static bool is_same_origin(const struct origin *a, const struct origin *b)
{
	return a->listener == b->listener && addr_equal(&a->client, &b->client) &&
	       a->has_local == b->has_local &&
	       memcmp(a->local_ip, b->local_ip, sizeof a->local_ip) == 0;
}

static bool is_same_question(
	const struct pending_shard *s, struct pending *p, const uint8_t *question, size_t name_len)
{
	const uint8_t *mine = pending_bytes(s, p) + 12;

	return p->name_len == name_len && name_equal(mine, question, name_len) &&
	       (name_len == 0 || memcmp(mine + name_len, question + name_len, 4) == 0);
}

struct pending *pending_client_find(const struct pending_shard *s, uint32_t hash,
	const struct origin *origin, const struct header *header, const uint8_t *question,
	size_t name_len)
{
	for (uint32_t entry = *client_bucket(s, hash); entry != 0;) {
		struct pending *p = slab_at(s->slots, entry - 1);

		if (p->client_hash == hash && p->client_id == header->id &&
			header_opcode(p->client_flags) == header_opcode(header->flags) &&
			is_same_origin(&p->origin, origin) &&
			is_same_question(s, p, question, name_len))
			return p;
		entry = p->client_next;
	}
	return NULL;
}

bool pending_trim(struct pending_shard *s)
{
	slab_trim(s->slots);
	slab_trim(s->medium);
	slab_trim(s->large);
	if (s->tables_dirty && pending_count(s) == 0) {
		madvise(s->by_attempt, table_bytes(s), MADV_DONTNEED);
		madvise(s->by_client, table_bytes(s), MADV_DONTNEED);
		s->tables_dirty = false;
	}
	return !s->tables_dirty;
}

void pending_quota_init(struct pending_quota *q, uint32_t pending_max, unsigned n_workers)
{
	int32_t block = (int32_t)(pending_max / (n_workers * 16));

	q->left = (int32_t)pending_max;
	q->block = block < 1 ? 1 : block > 64 ? 64 : block;
}

bool pending_quota_take(struct pending_quota *q, int32_t *credit)
{
	if (*credit == 0) {
		int32_t left = atomic_fetch_sub_explicit(&q->left, q->block, memory_order_relaxed);

		if (left < q->block) { /* not a whole block left: take what there is */
			int32_t got = left > 0 ? left : 0;

			atomic_fetch_add_explicit(&q->left, q->block - got, memory_order_relaxed);
			*credit = got;
		} else {
			*credit = q->block;
		}
		if (*credit == 0)
			return false;
	}
	--*credit;
	return true;
}

void pending_quota_give(struct pending_quota *q, int32_t *credit)
{
	++*credit;
	/* A block of one is never kept: with a small limit one worker's credit is another's need. */
	if (*credit >= 2 * q->block - 1) {
		atomic_fetch_add_explicit(&q->left, q->block, memory_order_relaxed);
		*credit -= q->block;
	}
}
