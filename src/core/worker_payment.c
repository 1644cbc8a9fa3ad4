/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who pays for a retry: after silence (a timeout, an unreachable server), and for a hedge, one budget;
 * after a bad rcode another, so that names that fail everywhere leave a dead server its retries. A
 * token comes back when the retry was worth it.
 *
 * Names may be met with silence everywhere too, so the budget for silence is not open to the bottom
 * for all: a server in doubt may use all of it, any other a first retry the upper three quarters, a
 * second retry or a hedge the upper half. Of either budget, who owes may use the upper quarter: a
 * client prefix and domain whose retries bring nothing, or a domain alone, which may be everybody's.
 * Without a token left no server's bad replies are compared with another's, and one that is sick
 * would not be noticed. */
#include "core/worker_impl.h"

#include <string.h>
#include <sys/socket.h>

#include "wire/name.h"

#define KEEP_FIRST 25 /* hundredths of the budget that a first retry leaves */
#define KEEP_FURTHER 50
#define KEEP_DEBTOR 75
/* Parts of what a budget holds, and tokens at least, that make a debtor. With debts halved every two
 * seconds, a domain gets five eighths of what is gained and a prefix in it a third. */
#define OWES_PAIR_PART 8
#define OWES_PAIR_LEAST 16
#define OWES_DOMAIN_PART 4
#define OWES_DOMAIN_LEAST 64

#define PREFIX_BYTES 7

/* What one customer has: an IPv4 /24, an IPv6 /56. */
static void put_prefix(uint8_t out[PREFIX_BYTES], const struct addr *client)
{
	memset(out, 0, PREFIX_BYTES);
	memcpy(out, client->ip, client->family == AF_INET ? 3 : PREFIX_BYTES);
}

/* Of a client prefix (NULL: anybody) and a name. */
static uint32_t hash_of(
	const struct worker *w, const struct addr *client, const uint8_t *name, size_t len)
{
	uint8_t key[1 + PREFIX_BYTES + NAME_MAX_BYTES] = { client != NULL };

	if (client)
		put_prefix(key + 1, client);
	name_lower(key + 1 + PREFIX_BYTES, name, len);
	return (uint32_t)hash64(&w->env.params->pair_key, key, 1 + PREFIX_BYTES + len);
}

static const uint8_t *question_of(const struct worker *w, struct pending *p)
{
	return pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES;
}

uint32_t worker_pair_of(const struct worker *w, struct pending *p)
{
	return hash_of(w, &p->origin.client, question_of(w, p), p->name_len);
}

/* Who may come to owe: the client prefix with the domain, which is the name without its first label; and
 * the domain alone, if it has two labels still: what is below "com." is nobody's. */
struct debtors_of {
	uint32_t pair, domain;
};

/* The root apart, of a name without pointers. */
static unsigned labels_of(const uint8_t *name, size_t len)
{
	unsigned n = 0;

	for (size_t at = 0; at < len && name[at] != 0; at += name[at] + 1u)
		n++;
	return n;
}

static struct debtors_of debtors_of(const struct worker *w, struct pending *p)
{
	const uint8_t *name = question_of(w, p);
	size_t first = p->name_len > 1 ? name[0] + 1u : 0;
	size_t own = labels_of(name, p->name_len) > 2 ? first : 0;

	return (struct debtors_of){
		.pair = hash_of(w, &p->origin.client, name + first, p->name_len - first),
		.domain = hash_of(w, NULL, name + own, p->name_len - own),
	};
}

static bool is_debtor(
	const struct worker *w, const struct budget *budget, const struct debtors_of *who)
{
	return debtors_owes(&w->debtors, budget, who->pair, OWES_PAIR_PART, OWES_PAIR_LEAST) ||
	       debtors_owes(&w->debtors, budget, who->domain, OWES_DOMAIN_PART, OWES_DOMAIN_LEAST);
}

bool worker_is_debtor(const struct worker *w, struct pending *p)
{
	struct debtors_of who = debtors_of(w, p);

	return is_debtor(w, &w->silence, &who);
}

static bool is_in_doubt(const struct server *s)
{
	return atomic_load_explicit(&s->is_suspect, memory_order_relaxed) ||
	       server_state(s) != SERVER_UP;
}

/* What a retry after silence leaves, if it is not a debtor's. */
static unsigned keep_of_silence(const struct worker *w, const struct pending *p, bool is_hedge)
{
	const struct server *last = server_of(w, p->attempts[p->n_attempts - 1].server);

	if (!is_hedge && is_in_doubt(last))
		return 0;
	return p->n_attempts > 1 || is_hedge ? KEEP_FURTHER : KEEP_FIRST;
}

bool worker_pay(struct worker *w, struct pending *p, uint8_t purpose)
{
	bool is_for_rcode = purpose & ATTEMPT_FOR_RCODE;
	struct budget *budget = is_for_rcode ? &w->rcodes : &w->silence;
	unsigned keep = is_for_rcode ? 0 : keep_of_silence(w, p, purpose & ATTEMPT_HEDGE);
	struct debtors_of who = debtors_of(w, p);

	if (is_debtor(w, budget, &who))
		keep = KEEP_DEBTOR;
	if (!budget_take(budget, keep))
		return false;
	debtors_add(&w->debtors, who.pair);
	debtors_add(&w->debtors, who.domain);
	return true;
}

void worker_pay_back(struct worker *w, struct pending *p, uint8_t purpose)
{
	if (!(purpose & (ATTEMPT_FOR_RCODE | ATTEMPT_FOR_SILENCE)))
		return;
	struct debtors_of who = debtors_of(w, p);

	budget_give_back(purpose & ATTEMPT_FOR_RCODE ? &w->rcodes : &w->silence);
	debtors_forgive(&w->debtors, who.pair);
	debtors_forgive(&w->debtors, who.domain);
}

/* When no server is up, nobody has answered for as long as an attempt waits, and now somebody does, all
 * that wait are about to be retried, and each that succeeds would pay for the next: a burst on
 * servers that have just come back. Until it is over, retries are what the budget gains. */
static bool is_recovering(struct worker *w, int64_t now_ns)
{
	int64_t timeout_ns = w->env.params->attempt_timeout_ns;

	if (now_ns - w->answered_ns >= timeout_ns && pool_is_failing_open(w->env.pool))
		w->recovered_ns = now_ns + timeout_ns + timeout_ns / 4;
	w->answered_ns = now_ns;
	return now_ns < w->recovered_ns;
}

void worker_paid_off(struct worker *w, struct pending *p, uint8_t purpose, int64_t now_ns)
{
	if (!is_recovering(w, now_ns))
		worker_pay_back(w, p, purpose);
}
