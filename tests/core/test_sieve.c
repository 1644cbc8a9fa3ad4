/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The program is run twice: by a machine of ours, for addresses that no test may send from, and by the
 * kernel on a socket. */
#include "core/sieve.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rng.h"
#include "net/addr.h"
#include "net/socket.h"

static struct rng rng;
static struct sieve sieve;
static struct sock_filter code[SIEVE_CODE_MAX];
static size_t n_code;

static void setup(void)
{
	static const uint8_t seed[RNG_SEED_BYTES] = { 5 };

	rng_init_seed(&rng, seed);
	memset(&sieve, 0, sizeof sieve);
	prefix_key_draw(&sieve.key, &rng);
	sieve.is_thinning = true;
}

TestSuite(sieve, .init = setup);

/* ---- the machine ---------------------------------------------------------------------------- */

static uint32_t load_word(const uint8_t *ip, uint32_t random, uint32_t k)
{
	if (k == (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM))
		return random;
	const uint8_t *at = ip + (k - (uint32_t)SKF_NET_OFF);
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t alu(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_MUL:
		return a * b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_RSH:
		return a >> b;
	case BPF_MOD:
		return b ? a % b : 0;
	}
	cr_assert_fail("no such operation: %u", op);
	return 0;
}

static bool is_true(uint16_t op, uint32_t a, uint32_t b)
{
	return op == BPF_JEQ ? a == b : op == BPF_JGE ? a >= b : (a & b) != 0;
}

/* Of a datagram whose IP header is given. */
static uint32_t run(const uint8_t *ip, uint32_t random)
{
	uint32_t a = 0, x = 0, m[BPF_MEMWORDS] = { 0 };

	for (size_t pc = 0; pc < n_code; pc++) {
		const struct sock_filter *c = &code[pc];
		uint32_t operand = BPF_SRC(c->code) == BPF_X ? x : c->k;

		switch (BPF_CLASS(c->code)) {
		case BPF_LD:
			a = BPF_MODE(c->code) == BPF_IMM   ? c->k
			    : BPF_MODE(c->code) == BPF_MEM ? m[c->k]
			    : BPF_SIZE(c->code) == BPF_B   ? ip[0]
							   : load_word(ip, random, c->k);
			break;
		case BPF_LDX:
			x = m[c->k];
			break;
		case BPF_ST:
			m[c->k] = a;
			break;
		case BPF_ALU:
			a = alu(BPF_OP(c->code), a, operand);
			break;
		case BPF_MISC:
			x = a;
			break;
		case BPF_JMP:
			pc += BPF_OP(c->code) == BPF_JA              ? c->k
			      : is_true(BPF_OP(c->code), a, operand) ? c->jt
								     : c->jf;
			break;
		case BPF_RET:
			return c->k;
		}
	}
	cr_assert_fail("the program has no end");
	return 0;
}

static uint32_t run_for(const struct addr *from, uint32_t random)
{
	uint8_t ip[40] = { 0 };
	bool is_ipv6 = from->family == AF_INET6;

	ip[0] = is_ipv6 ? 0x60 : 0x45;
	memcpy(ip + (is_ipv6 ? 8 : 12), from->ip, is_ipv6 ? 16 : 4);
	return run(ip, random);
}

static struct addr some_addr(unsigned i)
{
	struct addr a = { .family = i % 2 ? AF_INET6 : AF_INET };

	rng_bytes(&rng, a.ip, a.family == AF_INET ? 4 : 16);
	return a;
}

static void expect_agreement(const char *what)
{
	n_code = sieve_code(&sieve, code);
	cr_assert_leq(n_code, SIEVE_CODE_MAX);
	for (unsigned i = 0; i < 20000; i++) {
		struct addr a = some_addr(i);
		uint32_t one_in = 1u + sieve.dropped[prefix_bucket(&sieve.key, &a)];
		uint32_t random = rng_u32(&rng);

		cr_assert_eq(run_for(&a, random) != 0, random % one_in == 0, "%s: one in %u", what,
			one_in);
		cr_assert_neq(
			run_for(&a, random / one_in * one_in), 0, "%s: one in %u", what, one_in);
	}
}

Test(sieve, it_draws_for_each_bucket_as_it_was_told)
{
	expect_agreement("nobody");
	sieve.dropped[777] = 3;
	expect_agreement("one");
	memset(sieve.dropped, 2, sizeof sieve.dropped);
	expect_agreement("all alike");
	cr_expect_lt(n_code, 50, "%zu: one leaf", n_code);
	for (unsigned b = 0; b < PREFIX_BUCKETS; b++)
		sieve.dropped[b] = (uint8_t)rng_below(&rng, SIEVE_DROPPED_MAX + 1);
	expect_agreement("all different");
	for (unsigned b = 0; b < PREFIX_BUCKETS; b++)
		sieve.dropped[b] = b % 64 < 8 ? 5 : 0;
	expect_agreement("some");
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static int listen_at(const char *text, struct addr *at)
{
	struct listen_options options = { .reuse_port = false };
	unsigned buffer;
	int fd;

	cr_assert_eq(addr_parse(text, 0, at), 0);
	at->port = 0;
	cr_assert_eq(socket_listen(at, &options, &fd, &buffer), 0);
	cr_assert_eq(socket_local(fd, at), 0);
	return fd;
}

static int client_from(const char *text, struct addr *from)
{
	struct sockaddr_storage sa;
	cr_assert_eq(addr_parse(text, 0, from), 0);
	int fd = socket(from->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	from->port = 0;
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, addr_to_sockaddr(from, &sa)), 0);
	return fd;
}

/* Of n datagrams, so many arrive. */
static unsigned arrive(int from, int to, const struct addr *at, unsigned n)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(at, &sa);
	unsigned arrived = 0;
	char byte;

	for (unsigned i = 0; i < n; i++) {
		cr_assert_eq(sendto(from, "x", 1, 0, (struct sockaddr *)&sa, len), 1);
		arrived += recv(to, &byte, 1, 0) == 1;
	}
	return arrived;
}

static void expect_thinned(const char *to, const char *from)
{
	enum { N = 16000 };
	struct sieves sieves = { 0 };
	struct addr at, client;
	int fd = listen_at(to, &at), client_fd = client_from(from, &client);
	struct sieve none = { 0 };

	for (unsigned dropped = 0; dropped <= 10; dropped += 5) {
		sieve.dropped[prefix_bucket(&sieve.key, &client)] = (uint8_t)dropped;
		cr_assert_eq(sieve_apply(&sieves, &sieve, &fd, 1, 1000), 0);
		unsigned n = arrive(client_fd, fd, &at, N), want = N / (1 + dropped);
		cr_expect(n > want * 8 / 10 && n < want * 12 / 10 + 1, "%s: %u, not %u", from, n,
			want);
		cr_expect_eq(sieve_stands_for(&sieves, &client, 1000), 1 + dropped);
		cr_expect_eq(sieve_stands_for(&sieves, &client, 0), 1 + dropped);
		cr_expect_eq(sieve_stands_for(&sieves, &client, 999), dropped > 0 ? dropped - 4 : 1,
			"it met the one before");
	}
	cr_assert_eq(sieve_apply(&sieves, &none, &fd, 1, 2000), 0);
	cr_expect_eq(arrive(client_fd, fd, &at, 1000), 1000);
	cr_expect_eq(sieve_stands_for(&sieves, &client, 2000), 1);
	cr_expect_eq(sieve_stands_for(&sieves, &client, 1999), 11);
	cr_assert_eq(sieve_apply(&sieves, &none, &fd, 1, 3000), 0, "taken off twice");
	close(fd);
	close(client_fd);
}

Test(sieve, the_kernel_draws_alike)
{
	expect_thinned("127.0.0.1", "127.44.55.66");
}

Test(sieve, the_kernel_draws_alike_over_ipv6)
{
	expect_thinned("::1", "::1");
}

Test(sieve, others_all_pass_the_kernels)
{
	struct sieves sieves = { 0 };
	struct addr at, client;
	int fd = listen_at("127.0.0.1", &at), client_fd = client_from("127.44.55.66", &client);

	memset(sieve.dropped, SIEVE_DROPPED_MAX, sizeof sieve.dropped);
	sieve.dropped[prefix_bucket(&sieve.key, &client)] = 0;
	cr_assert_eq(sieve_apply(&sieves, &sieve, &fd, 1, 1), 0);
	cr_expect_eq(arrive(client_fd, fd, &at, 2000), 2000);
	close(fd);
	close(client_fd);
}

Test(sieve, where_one_socket_takes_none_no_socket_has_one)
{
	struct sieves sieves = { 0 };
	struct addr at, client;
	int fds[2] = { listen_at("127.0.0.1", &at), STDIN_FILENO };
	int client_fd = client_from("127.44.55.66", &client);
	int pipes[2];

	cr_assert_eq(pipe(pipes), 0);
	fds[1] = pipes[0];
	memset(sieve.dropped, SIEVE_DROPPED_MAX, sizeof sieve.dropped);
	cr_expect_lt(sieve_apply(&sieves, &sieve, fds, 2, 1), 0);
	cr_expect_eq(sieve_stands_for(&sieves, &client, 1), 1);
	cr_expect_eq(arrive(client_fd, fds[0], &at, 1000), 1000);
	close(fds[0]);
	close(client_fd);
	close(pipes[0]);
	close(pipes[1]);
}
