/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shard alone: slots and their bytes, both tables, names that outlive a tenant, and the quota
 * that all workers share. */
#include "core/pending.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/heap.h"
#include "base/rng.h"

enum { CAPACITY = 2000 };

static struct pending_shard *s;

static void setup(void)
{
	const struct pending_params p = { .capacity = CAPACITY, .case_masks = true };

	cr_assert_eq(pending_new(&p, &s), 0);
}

static void finish(void)
{
	cr_expect_eq(pending_count(s), 0);
	pending_free(&s);
	cr_expect_null(s);
	pending_free(&s);
}

TestSuite(pending, .init = setup, .fini = finish);

/* header, "example.", A IN, and zeros */
static const uint8_t question[] = "\7example\0\0\1\0\1";
enum { NAME_LEN = 9 };

static struct pending *open_len(size_t len, uint8_t mark)
{
	uint8_t *bytes = malloc(len);

	memset(bytes, mark, len);
	memcpy(bytes + 12, question, NAME_LEN + 4);
	struct pending *p = pending_open(s, bytes, len, NAME_LEN);
	free(bytes);
	return p;
}

static struct pending *open_one(uint8_t mark)
{
	return open_len(29, mark);
}

/* Puts attempt 0 under (socket, id). */
static bool add(struct pending *p, uint16_t socket, uint16_t id)
{
	p->attempts[0].socket = socket;
	p->attempts[0].id = id;
	return pending_attempt_add(s, p, 0);
}

static struct pending *find(uint16_t socket, uint16_t id)
{
	unsigned i = 99;
	struct pending *p = pending_attempt_find(s, socket, id, &i);

	cr_expect(!p || i == 0);
	return p;
}

static struct origin origin_of(unsigned client)
{
	return (struct origin){
		.client = { .ip = { 10, 0, 0, (uint8_t)client }, .port = 4000, .family = AF_INET },
		.listener = 2,
	};
}

Test(pending, bytes_and_masks_of_every_length_keep_apart)
{
	static const size_t lens[] = { 25, 117, 118, 119, 120, 121, 509, 510, 511, 512, 513, 4095,
		4096 };
	enum { N = sizeof lens / sizeof lens[0] };
	struct pending *p[N];

	for (size_t i = 0; i < N; i++) {
		p[i] = open_len(lens[i], (uint8_t)(i + 1));
		cr_assert_not_null(p[i], "%zu", lens[i]);
		memset(pending_case_mask(s, p[i]), 0xf0 + (int)i, (NAME_LEN + 7) / 8);
	}
	for (size_t i = 0; i < N; i++) {
		const uint8_t *bytes = pending_bytes(s, p[i]);
		cr_expect_eq(p[i]->len, lens[i]);
		cr_expect_eq(bytes[0], i + 1, "%zu", lens[i]);
		cr_expect_eq(bytes[lens[i] - 1], lens[i] == 25 ? 1 : i + 1, "%zu", lens[i]);
		cr_expect_eq(pending_case_mask(s, p[i])[1], 0xf0 + i, "%zu", lens[i]);
		pending_close(s, p[i]);
	}
}

Test(pending, a_slot_starts_clean)
{
	struct pending *p = open_one(1);

	memset(p, 0xff, offsetof(struct pending, inline_bytes));
	p->timer = (struct wheel_node){ 0 };
	p->attempts[0].is_live = false;
	p->attempts[1].is_live = p->attempts[2].is_live = false;
	p->overflow = p->fallback = PENDING_NONE;
	p->kind = PENDING_PROBE;
	pending_close(s, p);
	struct pending *next = open_one(2);
	cr_assert_eq(next, p, "the lowest free slot");
	cr_expect_not(next->is_signed || next->has_case_mask || next->attempts[0].is_live);
	cr_expect_eq(next->client_udp_size, 0);
	cr_expect_null(next->timer.link);
	pending_close(s, next);
}

Test(pending, capacity_is_exact_and_comes_back)
{
	static struct pending *p[CAPACITY];

	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < CAPACITY; i++) {
			p[i] = open_one(1);
			cr_assert_not_null(p[i], "%u", i);
		}
		cr_expect_null(open_one(1));
		cr_expect_eq(pending_count(s), CAPACITY);
		for (unsigned i = 0; i < CAPACITY; i++)
			pending_close(s, p[i]);
	}
}

Test(pending, a_sixteenth_may_be_large_and_a_refusal_takes_no_slot)
{
	static struct pending *p[CAPACITY / 16];

	for (unsigned i = 0; i < CAPACITY / 16; i++)
		cr_assert_not_null(p[i] = open_len(600, 1), "%u", i);
	cr_expect_null(open_len(600, 1));
	cr_expect_eq(pending_count(s), CAPACITY / 16);
	struct pending *small = open_len(500, 1);
	cr_expect_not_null(small);
	pending_close(s, small);
	for (unsigned i = 0; i < CAPACITY / 16; i++)
		pending_close(s, p[i]);
	pending_close(s, open_len(600, 1));
}

/* ---- attempts ----------------------------------------------------------------------------------- */

Test(pending, an_attempt_is_found_by_socket_and_id_only)
{
	struct pending *p = open_one(1);

	cr_expect_null(find(3, 500));
	cr_expect(add(p, 3, 500));
	cr_expect_eq(find(3, 500), p);
	cr_expect_null(find(3, 501));
	cr_expect_null(find(4, 500));
	pending_attempt_remove(s, p, 0);
	cr_expect_null(find(3, 500));
	pending_attempt_remove(s, p, 0); /* nothing happens */
	cr_expect(add(p, 3, 500));
	pending_close(s, p); /* leaves the table */
	cr_expect_null(find(3, 500));
}

Test(pending, two_live_attempts_never_share_socket_and_id)
{
	struct pending *p = open_one(1), *other = open_one(2);

	cr_expect(add(p, 3, 500));
	cr_expect_not(add(other, 3, 500));
	cr_expect_not(other->attempts[0].is_live);
	cr_expect_eq(find(3, 500), p);
	cr_expect(add(other, 4, 500));
	pending_close(s, p);
	cr_expect_eq(find(4, 500), other);
	pending_close(s, other);
}

Test(pending, all_ids_of_a_socket_are_told_apart)
{
	static struct pending *p[CAPACITY];

	for (unsigned i = 0; i < CAPACITY; i++) { /* far more than buckets would separate */
		p[i] = open_one(1);
		cr_assert(add(p[i], (uint16_t)(i % 2), (uint16_t)(i * 31)));
	}
	for (unsigned i = 0; i < CAPACITY; i += 2)
		pending_close(s, p[i]);
	for (unsigned i = 0; i < CAPACITY; i++)
		cr_expect_eq(
			find((uint16_t)(i % 2), (uint16_t)(i * 31)), i % 2 ? p[i] : NULL, "%u", i);
	for (unsigned i = 1; i < CAPACITY; i += 2)
		pending_close(s, p[i]);
}

Test(pending, a_ref_never_meets_the_next_tenant)
{
	struct pending *p = open_one(1);
	uint64_t ref = pending_ref(s, p, 0);
	unsigned i = 99;

	cr_expect_eq(pending_from_ref(s, ref, &i), p);
	cr_expect_eq(i, 0);
	pending_close(s, p);
	cr_expect_null(pending_from_ref(s, ref, &i));
	struct pending *next = open_one(2);
	cr_assert_eq(next, p);
	cr_expect_null(pending_from_ref(s, ref, &i));
	cr_expect_eq(pending_from_ref(s, pending_ref(s, next, 0), &i), next);
	pending_close(s, next);
	pending_trim(s);
	cr_expect_null(pending_from_ref(s, ref, &i), "not after the slot's memory went back");
}

/* ---- clients ------------------------------------------------------------------------------------ */

static struct pending *find_client_as(unsigned client, struct header header, const uint8_t *q)
{
	struct origin o = origin_of(client);
	uint32_t hash = pending_client_hash(s, &o, header.id, q, NAME_LEN + 4);

	return pending_client_find(s, hash, &o, &header, q, NAME_LEN);
}

static struct pending *find_client(unsigned client, uint16_t id, const uint8_t *q)
{
	return find_client_as(client, (struct header){ .id = id }, q);
}

static struct pending *open_client(unsigned client, uint16_t id)
{
	struct pending *p = open_one(1);

	p->origin = origin_of(client);
	p->client_id = id;
	pending_client_add(s, p, pending_client_hash(s, &p->origin, id, question, NAME_LEN + 4));
	return p;
}

Test(pending, a_client_is_found_whatever_the_case)
{
	struct pending *p = open_client(1, 7);

	cr_expect_eq(find_client(1, 7, question), p);
	cr_expect_eq(find_client(1, 7, (const uint8_t *)"\7eXAMPLE\0\0\1\0\1"), p);
	cr_expect_null(find_client(2, 7, question));
	cr_expect_null(find_client(1, 8, question));
	cr_expect_null(find_client(1, 7, (const uint8_t *)"\7example\0\0\1\0\3"));
	cr_expect_null(find_client(1, 7, (const uint8_t *)"\7examplf\0\0\1\0\1"));
	pending_close(s, p);
	cr_expect_null(find_client(1, 7, question));
}

Test(pending, another_opcode_is_another_message)
{
	static const uint16_t flags[] = { 0, MESSAGE_RD, MESSAGE_CD | MESSAGE_AD };
	struct pending *p = open_client(1, 7);
	struct header header = { .id = 7 };

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		header.flags = flags[i];
		cr_expect_eq(find_client_as(1, header, question), p, "flags %04x", flags[i]);
		header.flags |= OPCODE_UPDATE << 11;
		cr_expect_null(find_client_as(1, header, question), "flags %04x", flags[i]);
	}
	p->client_flags = OPCODE_UPDATE << 11;
	cr_expect_eq(find_client_as(1, header, question), p);
	cr_expect_null(find_client(1, 7, question));
	pending_close(s, p);
}

Test(pending, chains_of_clients_survive_any_order_of_leaving)
{
	static struct pending *p[CAPACITY];
	struct rng rng;

	rng_init_seed(&rng, (const uint8_t[RNG_SEED_BYTES]){ 9 });
	for (unsigned i = 0; i < CAPACITY; i++)
		p[i] = open_client(i % 256, (uint16_t)(i / 256));
	for (unsigned n = 0; n < CAPACITY / 2;) {
		uint32_t i = rng_below(&rng, CAPACITY);
		if (!p[i])
			continue;
		pending_close(s, p[i]);
		p[i] = NULL;
		n++;
	}
	for (unsigned i = 0; i < CAPACITY; i++) {
		cr_expect_eq(find_client(i % 256, (uint16_t)(i / 256), question), p[i], "%u", i);
		if (p[i])
			pending_close(s, p[i]);
		p[i] = NULL;
	}
}

Test(pending, a_message_without_question_is_a_key_too)
{
	uint8_t header[12] = { 0 };
	struct origin o = origin_of(1);
	struct pending *p = pending_open(s, header, sizeof header, 0);
	uint32_t hash = pending_client_hash(s, &o, 7, header, 0);

	p->origin = o;
	p->client_id = 7;
	pending_client_add(s, p, hash);
	cr_expect_eq(pending_client_find(s, hash, &o, &(struct header){ .id = 7 }, header, 0), p);
	cr_expect_null(find_client(1, 7, question));
	pending_close(s, p);
}

Test(pending, trim_keeps_what_is_in_use)
{
	static struct pending *p[CAPACITY];

	for (unsigned i = 0; i < CAPACITY; i++) {
		p[i] = open_client(i % 256, (uint16_t)(i / 256));
		cr_assert(add(p[i], 0, (uint16_t)i));
	}
	for (unsigned i = 10; i < CAPACITY; i++)
		pending_close(s, p[i]);
	cr_expect_not(pending_trim(s), "the tables are in use");
	for (unsigned i = 0; i < 10; i++) {
		cr_expect_eq(find(0, (uint16_t)i), p[i]);
		cr_expect_eq(find_client(i, 0, question), p[i]);
		pending_close(s, p[i]);
	}
	cr_expect(pending_trim(s));
	p[0] = open_client(1, 1); /* and it goes on */
	cr_expect(add(p[0], 1, 1));
	cr_expect_eq(find(1, 1), p[0]);
	cr_expect_eq(find_client(1, 1, question), p[0]);
	pending_close(s, p[0]);
}

/* ---- the quota ------------------------------------------------------------------------------------ */

Test(pending, quota_of_one_worker_is_exact)
{
	static const uint32_t limits[] = { 1, 2, 15, 16, 17, 1000, 131072 };

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct pending_quota q;
		int32_t credit = 0;

		pending_quota_init(&q, limits[i], 1);
		for (int round = 0; round < 2; round++) {
			uint32_t n = 0;

			while (pending_quota_take(&q, &credit))
				n++;
			cr_expect_eq(n, limits[i]);
			while (n-- > 0)
				pending_quota_give(&q, &credit);
			cr_expect_eq((uint32_t)(q.left + credit), limits[i]);
		}
	}
}

Test(pending, quota_never_gives_out_more_than_there_is)
{
	int32_t credit[4] = { 0 };
	struct pending_quota q;
	uint32_t n = 0;

	pending_quota_init(&q, 1000, 4);
	for (uint32_t i = 0; i < 4000; i++)
		n += pending_quota_take(&q, &credit[i % 4]);
	cr_expect_eq(n, 1000);
}

Test(pending, a_place_given_back_to_a_small_quota_is_everybodys)
{
	static const uint32_t limits[] = { 1, 2, 4, 31 };

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		int32_t credit[2] = { 0, 0 };
		struct pending_quota q;

		pending_quota_init(&q, limits[i], 2);
		for (int round = 0; round < 4; round++) {
			uint32_t n = 0;

			while (pending_quota_take(&q, &credit[round % 2]))
				n++;
			cr_expect_eq(n, limits[i], "limit %u, round %d: %u", limits[i], round, n);
			while (n-- > 0)
				pending_quota_give(&q, &credit[round % 2]);
		}
	}
}

/* ---- several attempts --------------------------------------------------------------------------- */

Test(pending, all_attempts_of_a_query_are_found)
{
	struct pending *p = open_one(1);

	for (uint16_t i = 0; i < PENDING_ATTEMPTS; i++) {
		p->attempts[i].socket = i;
		p->attempts[i].id = 7;
		cr_expect(pending_attempt_add(s, p, i));
	}
	for (uint16_t i = 0; i < PENDING_ATTEMPTS; i++) {
		unsigned found = 99, named = 99;

		cr_expect_eq(pending_attempt_find(s, i, 7, &found), p);
		cr_expect_eq(found, i);
		cr_expect_eq(pending_from_ref(s, pending_ref(s, p, i), &named), p);
		cr_expect_eq(named, i);
	}
	pending_attempt_remove(s, p, 1);
	unsigned i;
	cr_expect_null(pending_attempt_find(s, 1, 7, &i));
	cr_expect_eq(pending_attempt_find(s, 2, 7, &i), p);
	pending_close(s, p);
	cr_expect_null(pending_attempt_find(s, 2, 7, &i));
}

static unsigned list_len(uint32_t head)
{
	unsigned n = 0, i;

	for (; head != 0; n++)
		head = pending_list_at(s, head, &i)->attempts[i].list_next;
	return n;
}

Test(pending, a_list_is_left_from_its_head_its_middle_and_its_end)
{
	static const uint8_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 1, 2, 0 } };

	for (size_t k = 0; k < sizeof orders / sizeof orders[0]; k++) {
		struct pending *p[3];
		uint32_t head = 0;

		for (unsigned i = 0; i < 3; i++) {
			p[i] = open_one((uint8_t)i);
			pending_list_add(s, p[i], i, &head);
		}
		cr_expect_eq(list_len(head), 3);
		for (unsigned n = 0; n < 3; n++) {
			unsigned i = orders[k][n];

			pending_list_remove(s, p[i], i, &head);
			cr_expect_eq(list_len(head), 2 - n, "order %zu", k);
			for (uint32_t e = head; e != 0;) {
				unsigned a;
				struct pending *q = pending_list_at(s, e, &a);

				cr_expect_neq(q, p[i], "order %zu", k);
				e = q->attempts[a].list_next;
			}
		}
		for (unsigned i = 0; i < 3; i++)
			pending_close(s, p[i]);
	}
}

Test(pending, a_kept_reply_goes_with_its_query)
{
	uint8_t reply[PENDING_FALLBACK_MAX];
	uint32_t first = PENDING_NONE;

	memset(reply, 0xab, sizeof reply);
	for (int round = 0; round < 3; round++) {
		struct pending *p = open_len(300, 1); /* in a second slot itself */

		cr_expect_eq(p->fallback, PENDING_NONE);
		cr_assert(pending_fallback_keep(s, p, reply, sizeof reply));
		cr_expect_eq(p->fallback_len, sizeof reply);
		cr_expect_arr_eq(pending_fallback(s, p), reply, sizeof reply);
		cr_expect_eq(pending_bytes(s, p)[299], 1, "apart from the query");
		if (round == 0)
			first = p->fallback;
		cr_expect_eq(p->fallback, first, "a slot leaks");
		pending_close(s, p);
	}
}

Test(pending, who_left_the_clients_table_is_not_met)
{
	struct pending *p = open_client(1, 5);

	cr_expect_eq(find_client(1, 5, question), p);
	pending_client_remove(s, p);
	p->kind = PENDING_AFTER;
	cr_expect_null(find_client(1, 5, question));
	pending_close(s, p);
}

/* One of that length, with an attempt and in the clients' table. */
static struct pending *open_whole(size_t len, uint32_t n)
{
	struct pending *p = open_len(len, 7);

	cr_assert_not_null(p);
	p->attempts[0].socket = (uint16_t)(n >> 16);
	p->attempts[0].id = (uint16_t)n;
	cr_assert(pending_attempt_add(s, p, 0));
	pending_client_add(s, p, n * 2654435769u);
	return p;
}

static void fill(const struct pending_params *params, size_t len, uint32_t n)
{
	struct pending **all = calloc(n, sizeof(struct pending *));

	pending_free(&s);
	cr_assert_eq(pending_new(params, &s), 0);
	for (uint32_t i = 0; i < n; i++)
		all[i] = open_whole(len, i);
	size_t full = heap_resident();
	struct memory_use use = { 0 };
	for (uint32_t i = 0; i < n; i++)
		pending_close(s, all[i]);
	pending_trim(s);
	/* What a trim gives back is all but generations and a margin of slots. */
	pending_memory(params, n, &use);
	size_t given = use.full - use.start - n * sizeof(uint32_t) - 256 * sizeof(struct pending);
	if (len <= PENDING_INLINE_BYTES)
		heap_expect("full", given, full - heap_resident(), 32 << 10);
	else if (HEAP_IS_COUNTED)
		cr_expect_leq(full - heap_resident(), use.most, "%zu", use.most);
	free(all);
}

Test(pending, takes_what_it_says)
{
	const struct pending_params p = { .capacity = 20000 };
	struct memory_use use = { 0 };
	size_t before = heap_bytes();

	pending_free(&s);
	cr_assert_eq(pending_new(&p, &s), 0);
	pending_memory(&p, 0, &use);
	heap_expect("start", use.start, heap_bytes() - before, 4096);
	fill(&p, PENDING_INLINE_BYTES, p.capacity);
	fill(&p, PENDING_INLINE_BYTES, p.capacity / 3);
	fill(&p, PENDING_INLINE_BYTES + 1, p.capacity);
	fill(&p, DATAGRAM_LARGE_BYTES, p.capacity / 16);
}
