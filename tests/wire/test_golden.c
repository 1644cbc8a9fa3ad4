/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every packet in tests/data/packets (made by tests/fuzz/make_seeds.py) is understood, and every
 * strict prefix of it is refused or yields the same leading fields; each is read in a block of its
 * exact size, so that ASan sees one byte too far. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "packets.h"
#include "wire/message.h"
#include "wire/reply.h"

#ifndef TEST_DATA_DIR
#define TEST_DATA_DIR "tests/data"
#endif

struct packet {
	char name[128];
	uint8_t data[MESSAGE_MAX_BYTES];
	size_t len;
};

static void load(const char *name, struct packet *p)
{
	char path[1024];

	snprintf(p->name, sizeof p->name, "%s", name);
	snprintf(path, sizeof path, "%s/packets/%s", TEST_DATA_DIR, name);
	FILE *file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	p->len = fread(p->data, 1, sizeof p->data, file);
	fclose(file);
	cr_assert_gt(p->len, 0, "%s is empty", path);
}

/* Calls check for every packet whose name begins with `kind`; their number. */
static unsigned for_each(const char *kind, void (*check)(const struct packet *))
{
	static struct packet packet;
	DIR *dir = opendir(TEST_DATA_DIR "/packets");
	unsigned n = 0;

	cr_assert_not_null(dir, "%s/packets", TEST_DATA_DIR);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (strncmp(entry->d_name, kind, strlen(kind)) != 0)
			continue;
		load(entry->d_name, &packet);
		check(&packet);
		n++;
	}
	closedir(dir);
	return n;
}

static bool same_header(const struct header *a, const struct header *b)
{
	return a->id == b->id && a->flags == b->flags && a->n_question == b->n_question &&
	       a->n_answer == b->n_answer && a->n_authority == b->n_authority &&
	       a->n_additional == b->n_additional;
}

static bool same_question(const struct question *a, const struct question *b)
{
	return a->name_len == b->name_len && a->qtype == b->qtype && a->qclass == b->qclass;
}

static bool same_edns(const struct edns *a, const struct edns *b)
{
	return a->offset == b->offset && a->end == b->end && a->udp_size == b->udp_size &&
	       a->extended_rcode == b->extended_rcode && a->version == b->version &&
	       a->dnssec_ok == b->dnssec_ok;
}

static enum query_verdict parse_query(const struct packet *p, size_t len, struct query_view *view)
{
	uint8_t *block = exact_copy(p->data, len);
	enum query_verdict verdict = query_parse(block, len, view);

	free(block);
	return verdict;
}

static void check_query(const struct packet *p)
{
	struct query_view full, part;

	cr_assert_eq(parse_query(p, p->len, &full), QUERY_FORWARD, "%s", p->name);
	for (size_t len = 0; len < p->len; len++) {
		enum query_verdict verdict = parse_query(p, len, &part);
		if (len < MESSAGE_HEADER_BYTES) {
			cr_expect_eq(verdict, QUERY_IGNORE, "%s, %zu bytes", p->name, len);
			continue;
		}
		cr_expect_eq(verdict, QUERY_FORMERR, "%s, %zu bytes", p->name, len);
		cr_expect(same_header(&part.header, &full.header), "%s, %zu bytes", p->name, len);
		if (part.question.name_len != 0)
			cr_expect(same_question(&part.question, &full.question), "%s, %zu bytes",
				p->name, len);
		if (part.edns.offset != 0)
			cr_expect(same_edns(&part.edns, &full.edns), "%s, %zu bytes", p->name, len);
	}
}

/* Parses, looks for the OPT and cuts. False when the reply is refused. */
static bool parse_reply(
	const struct packet *p, size_t len, struct reply_view *view, struct edns *edns)
{
	uint8_t *block = exact_copy(p->data, len);
	bool is_good = reply_parse(block, len, view) == 0;

	if (is_good) {
		message_find_edns(block, len, &view->header, &view->question, edns);
		size_t cut = reply_truncate(block, len, view, true);
		size_t expected = 12 + question_len(&view->question) + (edns->offset ? 11 : 0);
		cr_expect_eq(cut, expected, "%s, %zu bytes: cut to %zu", p->name, len, cut);
	}
	free(block);
	return is_good;
}

static void check_reply(const struct packet *p)
{
	struct reply_view full, part;
	struct edns full_edns, part_edns;

	cr_assert(parse_reply(p, p->len, &full, &full_edns), "%s", p->name);
	size_t leading = MESSAGE_HEADER_BYTES + question_len(&full.question);
	for (size_t len = 0; len < p->len; len++) {
		bool is_good = parse_reply(p, len, &part, &part_edns);
		cr_expect_eq(is_good, len >= leading, "%s, %zu bytes", p->name, len);
		if (!is_good)
			continue;
		cr_expect(same_header(&part.header, &full.header), "%s, %zu bytes", p->name, len);
		cr_expect(same_question(&part.question, &full.question), "%s, %zu bytes", p->name,
			len);
		cr_expect_eq(part_edns.offset != 0, full_edns.offset != 0 && len >= full_edns.end,
			"%s, %zu bytes", p->name, len);
		if (part_edns.offset != 0)
			cr_expect(same_edns(&part_edns, &full_edns), "%s, %zu bytes", p->name, len);
	}
}

Test(golden, queries_are_forwarded_and_their_prefixes_are_not)
{
	cr_expect_geq(for_each("query-", check_query), 22, "packets are missing");
}

Test(golden, replies_match_and_their_prefixes_agree)
{
	cr_expect_geq(for_each("reply-", check_reply), 23, "packets are missing");
}

Test(golden, queries_are_understood)
{
	static const struct {
		const char *name;
		uint16_t qtype, name_len, udp_size;
		bool dnssec_ok, is_signed;
	} cases[] = {
		{ "query-a.bin", 1, 17, 0, false, false },
		{ "query-aaaa.bin", 28, 17, 1232, false, false },
		{ "query-dnskey-do.bin", 48, 13, 4096, true, false },
		{ "query-edns-ecs.bin", 1, 17, 1232, false, false },
		{ "query-ixfr.bin", 251, 13, 0, false, false },
		{ "query-name-255.bin", 1, 255, 1232, false, false },
		{ "query-cookie-only.bin", 0, 0, 1232, false, false },
		{ "query-tsig.bin", 6, 13, 1232, false, true },
		{ "query-sig0.bin", 1, 13, 1232, false, true },
		{ "query-update.bin", 6, 13, 0, false, false },
		{ "query-update-tsig.bin", 6, 13, 0, false, true },
		{ "query-notify.bin", 6, 13, 0, false, false },
	};
	static struct packet packet;
	struct query_view v;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		load(cases[i].name, &packet);
		cr_expect_eq(
			parse_query(&packet, packet.len, &v), QUERY_FORWARD, "%s", packet.name);
		cr_expect_eq(
			v.question.qtype, cases[i].qtype, "%s: %u", packet.name, v.question.qtype);
		cr_expect_eq(v.question.name_len, cases[i].name_len, "%s: %u", packet.name,
			v.question.name_len);
		cr_expect_eq(
			v.edns.udp_size, cases[i].udp_size, "%s: %u", packet.name, v.edns.udp_size);
		cr_expect_eq(v.edns.dnssec_ok, cases[i].dnssec_ok, "%s", packet.name);
		cr_expect_eq(v.is_signed, cases[i].is_signed, "%s", packet.name);
	}
}

Test(golden, replies_are_understood)
{
	static const struct {
		const char *name;
		unsigned rcode; /* all 12 bits */
		bool has_question, has_opt;
		int ede;
	} cases[] = {
		{ "reply-a.bin", 0, true, false, -1 },
		{ "reply-compressed.bin", 0, true, true, -1 },
		{ "reply-nxdomain.bin", 3, true, true, -1 },
		{ "reply-badvers.bin", 16, true, true, -1 },
		{ "reply-badcookie.bin", 23, true, true, -1 },
		{ "reply-servfail-ede.bin", 2, true, true, 6 },
		{ "reply-refused-header-only.bin", 5, false, false, -1 },
		{ "reply-notimp-edns-no-question.bin", 4, false, true, -1 },
		{ "reply-opt-before-last.bin", 0, true, true, -1 },
		{ "reply-tsig.bin", 0, true, true, -1 },
	};
	static struct packet p;
	struct reply_view v;
	struct edns edns;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		load(cases[i].name, &p);
		cr_assert_eq(reply_parse(p.data, p.len, &v), 0, "%s", p.name);
		message_find_edns(p.data, p.len, &v.header, &v.question, &edns);
		unsigned rcode = header_rcode(v.header.flags) | edns.extended_rcode << 4;
		cr_expect_eq(rcode, cases[i].rcode, "%s: %u", p.name, rcode);
		cr_expect_eq(v.question.name_len != 0, cases[i].has_question, "%s", p.name);
		cr_expect_eq(edns.offset != 0, cases[i].has_opt, "%s", p.name);
		int ede = message_ede(p.data, p.len, &edns, 0, UINT16_MAX);
		cr_expect_eq(ede, cases[i].ede, "%s: %d", p.name, ede);
	}
}
