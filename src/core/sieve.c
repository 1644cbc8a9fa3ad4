/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The program: hash the source address as core/prefix.c does; find the word of four buckets' numbers by a
 * tree of comparisons, in which equal neighbours share a leaf and those that let all through end at once;
 * shift to the bucket's; let through if a random number divided by it, and one, leaves nothing. */
#include "core/sieve.h"

#include <linux/filter.h>

#include "base/err.h"
#include "net/addr.h"
#include "net/socket.h"

#define PER_WORD 4
#define BITS_EACH 8
#define WORDS (PREFIX_BUCKETS / PER_WORD)
#define LET_THROUGH UINT32_MAX /* all its bytes */
#define IPV4_SOURCE 12 /* of the IP headers */
#define IPV6_SOURCE 8

_Static_assert(SIEVE_DROPPED_MAX < 1 << BITS_EACH, "a place in a word");
_Static_assert(32 / BITS_EACH == PER_WORD, "a word");
_Static_assert(
	2 * (2 * WORDS) + 40 <= SIEVE_CODE_MAX, "two for each leaf and branch, and the rest");

enum scratch { SCRATCH_BUCKET, SCRATCH_WORD };

struct writer {
	struct sock_filter *code;
	size_t n;
	size_t leaves[WORDS]; /* instructions that are to jump to the end of the tree */
	size_t n_leaves;
	uint32_t words[WORDS];
};

static void put(struct writer *w, uint16_t op, uint32_t k)
{
	w->code[w->n++] = (struct sock_filter)BPF_STMT(op, k);
}

static void put_branch(struct writer *w, uint16_t op, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	w->code[w->n++] = (struct sock_filter)BPF_JUMP(op, k, if_true, if_false);
}

/* A forward jump from there to here. */
static void land(struct writer *w, size_t at)
{
	w->code[at].k = (uint32_t)(w->n - at - 1);
}

static size_t put_jump(struct writer *w)
{
	put(w, BPF_JMP | BPF_JA, 0);
	return w->n - 1;
}

static void put_load(struct writer *w, uint32_t ip_offset)
{
	put(w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + ip_offset);
}

static void put_hash_of_ipv4(struct writer *w, const struct prefix_key *key)
{
	put_load(w, IPV4_SOURCE);
	put(w, BPF_ALU | BPF_AND | BPF_K, PREFIX_MASK);
	put(w, BPF_ALU | BPF_MUL | BPF_K, key->first);
	put(w, BPF_ALU | BPF_ADD | BPF_K, key->ipv4);
}

static void put_hash_of_ipv6(struct writer *w, const struct prefix_key *key)
{
	put_load(w, IPV6_SOURCE);
	put(w, BPF_ALU | BPF_MUL | BPF_K, key->first);
	put(w, BPF_ST, SCRATCH_WORD);
	put_load(w, IPV6_SOURCE + 4);
	put(w, BPF_ALU | BPF_AND | BPF_K, PREFIX_MASK);
	put(w, BPF_ALU | BPF_MUL | BPF_K, key->second);
	put(w, BPF_LDX | BPF_MEM, SCRATCH_WORD);
	put(w, BPF_ALU | BPF_ADD | BPF_X, 0);
	put(w, BPF_ALU | BPF_ADD | BPF_K, key->ipv6);
}

/* Leaves the bucket in its place and in A. */
static void put_bucket(struct writer *w, const struct prefix_key *key)
{
	put(w, BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF);
	put(w, BPF_ALU | BPF_RSH | BPF_K, 4);
	put_branch(w, BPF_JMP | BPF_JEQ | BPF_K, 6, 1, 0);
	size_t to_ipv4 = put_jump(w);
	put_hash_of_ipv6(w, key);
	size_t to_end = put_jump(w);
	land(w, to_ipv4);
	put_hash_of_ipv4(w, key);
	land(w, to_end);
	put(w, BPF_MISC | BPF_TAX, 0);
	put(w, BPF_ALU | BPF_RSH | BPF_K, PREFIX_FOLD);
	put(w, BPF_ALU | BPF_XOR | BPF_X, 0);
	put(w, BPF_ALU | BPF_MUL | BPF_K, key->last);
	put(w, BPF_ALU | BPF_RSH | BPF_K, 32 - PREFIX_BUCKET_BITS);
	put(w, BPF_ST, SCRATCH_BUCKET);
}

static bool are_equal(const struct writer *w, unsigned from, unsigned to)
{
	for (unsigned i = from + 1; i < to; i++) {
		if (w->words[i] != w->words[from])
			return false;
	}
	return true;
}

static void put_leaf(struct writer *w, uint32_t word)
{
	if (word == 0) {
		put(w, BPF_RET | BPF_K, LET_THROUGH);
		return;
	}
	put(w, BPF_LD | BPF_IMM, word);
	w->leaves[w->n_leaves++] = put_jump(w);
}

/* Of the words from..to - 1, by the bucket in A. As deep as the number of words has bits. */
static void put_tree(struct writer *w, unsigned from, unsigned to)
{
	if (are_equal(w, from, to)) {
		put_leaf(w, w->words[from]);
		return;
	}
	unsigned middle = (from + to) / 2;

	put_branch(w, BPF_JMP | BPF_JGE | BPF_K, middle * PER_WORD, 0, 1);
	size_t to_upper = put_jump(w);
	put_tree(w, from, middle);
	land(w, to_upper);
	put_tree(w, middle, to);
}

/* With the word in A. */
static void put_draw(struct writer *w)
{
	put(w, BPF_ST, SCRATCH_WORD);
	put(w, BPF_LD | BPF_MEM, SCRATCH_BUCKET);
	put(w, BPF_ALU | BPF_AND | BPF_K, PER_WORD - 1);
	put(w, BPF_ALU | BPF_MUL | BPF_K, BITS_EACH);
	put(w, BPF_MISC | BPF_TAX, 0);
	put(w, BPF_LD | BPF_MEM, SCRATCH_WORD);
	put(w, BPF_ALU | BPF_RSH | BPF_X, 0);
	put(w, BPF_ALU | BPF_AND | BPF_K, SIEVE_DROPPED_MAX);
	put(w, BPF_ALU | BPF_ADD | BPF_K, 1);
	put(w, BPF_MISC | BPF_TAX, 0);
	put(w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
	put(w, BPF_ALU | BPF_MOD | BPF_X, 0);
	put_branch(w, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	put(w, BPF_RET | BPF_K, LET_THROUGH);
	put(w, BPF_RET | BPF_K, 0);
}

size_t sieve_code(const struct sieve *s, struct sock_filter *code)
{
	struct writer w = { .code = code };

	for (unsigned b = 0; b < PREFIX_BUCKETS; b++)
		w.words[b / PER_WORD] |= (uint32_t)s->dropped[b] << (b % PER_WORD * BITS_EACH);
	put_bucket(&w, &s->key);
	put_tree(&w, 0, WORDS);
	for (size_t i = 0; i < w.n_leaves; i++)
		land(&w, w.leaves[i]);
	put_draw(&w);
	return w.n;
}

int sieve_apply(struct sieves *of, const struct sieve *s, const int *fds, size_t n, int64_t real_ns)
{
	struct sock_filter code[SIEVE_CODE_MAX];
	size_t len = s->is_thinning ? sieve_code(s, code) : 0;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = socket_filter(fds[i], code, len);
	of->before = of->now;
	of->now = *s;
	of->since_ns = real_ns;
	if (rc == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		socket_filter(fds[i], NULL, 0);
	of->now = (struct sieve){ 0 };
	return rc;
}

uint32_t sieve_stands_for(const struct sieves *of, const struct addr *client, int64_t stamp_ns)
{
	const struct sieve *s = stamp_ns != 0 && stamp_ns < of->since_ns ? &of->before : &of->now;

	return s->is_thinning ? 1u + s->dropped[prefix_bucket(&s->key, client)] : 1;
}
