/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who pays for a retry: after silence (a timeout, an unreachable server), and for a hedge, one budget;
 * after a bad rcode another, so that names that fail everywhere leave a dead server its retries. A
 * token comes back when the retry was worth it.
 *
 * Names may be met with silence or errors everywhere too, and those beside them need the budget. So
 * the last quarter is kept for domains that were answered lately, if there are any: a retry for each
 * answer (core/known.h). In the budget for silence, after a server that is not in doubt, such a
 * domain's second retry leaves a quarter, another's first one too, and its second one half, as does a
 * hedge. Who owes leaves three quarters of either budget: a client prefix and domain whose retries
 * bring nothing, or a domain alone, which may be everybody's. Without a token left no server's bad
 * replies are compared with another's, and one that is sick would not be noticed. */
#include "core/worker_impl.h"

#include <string.h>
#include <sys/socket.h>

#include "wire/name.h"

/* Hundredths of the budget that are left. */
#define KEEP_FOR_KNOWN 25
#define KEEP_FIRST 25
#define KEEP_FURTHER 50
#define KEEP_DEBTOR 75
/* Who is answered is remembered while a budget has less, before it matters: not in ordinary times. */
#define REMEMBER_BELOW 75
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

/* What must be left: by a domain that was answered lately, and by any other. */
struct keep {
	unsigned known, other;
};

static struct keep keep_of_silence(const struct worker *w, const struct pending *p, bool is_hedge)
{
	const struct server *last = server_of(w, p->attempts[p->n_attempts - 1].server);

	if (is_hedge)
		return (struct keep){ KEEP_FURTHER, KEEP_FURTHER };
	if (is_in_doubt(last))
		return (struct keep){ 0, 0 };
	return p->n_attempts > 1 ? (struct keep){ KEEP_FOR_KNOWN, KEEP_FURTHER }
				 : (struct keep){ 0, KEEP_FIRST };
}

static struct keep keep_of(const struct worker *w, const struct pending *p, uint8_t purpose)
{
	struct keep keep = purpose & ATTEMPT_FOR_RCODE
				   ? (struct keep){ 0, 0 }
				   : keep_of_silence(w, p, purpose & ATTEMPT_HEDGE);

	if (keep.other < KEEP_FOR_KNOWN && known_any(&w->known))
		keep.other = KEEP_FOR_KNOWN;
	return keep;
}

static bool take(struct worker *w, struct budget *budget, struct keep keep, uint32_t domain)
{
	if (budget_take(budget, keep.other))
		return true;
	if (keep.known == keep.other || !known_has(&w->known, domain) ||
		!budget_take(budget, keep.known))
		return false;
	known_spend(&w->known, domain);
	return true;
}

bool worker_pay(struct worker *w, struct pending *p, uint8_t purpose)
{
	struct budget *budget = purpose & ATTEMPT_FOR_RCODE ? &w->rcodes : &w->silence;
	struct debtors_of who = debtors_of(w, p);
	struct keep keep = is_debtor(w, budget, &who) ? (struct keep){ KEEP_DEBTOR, KEEP_DEBTOR }
						      : keep_of(w, p, purpose);

	if (!take(w, budget, keep, who.domain))
		return false;
	w->is_short |= budget_is_below(budget, REMEMBER_BELOW);
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

static void remember(struct worker *w, struct pending *p)
{
	w->is_short = budget_is_below(&w->silence, REMEMBER_BELOW) ||
		      budget_is_below(&w->rcodes, REMEMBER_BELOW);
	if (w->is_short)
		known_note(&w->known, debtors_of(w, p).domain);
}

void worker_paid_off(struct worker *w, struct pending *p, uint8_t purpose, int64_t now_ns)
{
	if (w->is_short)
		remember(w, p);
	if (!is_recovering(w, now_ns))
		worker_pay_back(w, p, purpose);
}
