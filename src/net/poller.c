/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * epoll keeps the tags; the kernel's table of descriptors is the only list of what is watched, so
 * there is nothing here to fall out of step with it. */
#include "net/poller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

struct poller {
	int fd; /* set at creation */
	struct epoll_event events[POLLER_EVENTS_MAX]; /* owner: scratch of poller_wait */
};

int poller_new(struct poller **poller_out)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd == -1)
		return ERR_SYSTEM;
	struct poller *p = calloc(1, sizeof(*p));
	if (p == NULL) {
		close(fd);
		return ERR_NOMEM;
	}
	p->fd = fd;
	*poller_out = p;
	return 0;
}

void poller_free(struct poller **p)
{
	if (*p == NULL)
		return;
	close((*p)->fd);
	free(*p);
	*p = NULL;
}

size_t poller_bytes(void)
{
	return sizeof(struct poller);
}

static int add(struct poller *p, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = { .events = events, .data.u64 = tag };

	return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &event) == -1 ? ERR_SYSTEM : 0;
}

int poller_add(struct poller *p, int fd, uint64_t tag)
{
	return add(p, fd, EPOLLIN, tag);
}

int poller_add_edge(struct poller *p, int fd, uint64_t tag)
{
	return add(p, fd, EPOLLIN | EPOLLET, tag);
}

void poller_remove(struct poller *p, int fd)
{
	/* fails only for what is not watched, which is what the caller wants */
	epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Rounded up: a wait that ends before its time would spin until the time has come. */
static int milliseconds(int64_t timeout_ns)
{
	if (timeout_ns < 0)
		return -1;
	int64_t ms = timeout_ns / CLOCK_NS_PER_MS + (timeout_ns % CLOCK_NS_PER_MS != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

size_t poller_wait(
	struct poller *p, int64_t timeout_ns, struct poller_event events[POLLER_EVENTS_MAX])
{
	int n = epoll_wait(p->fd, p->events, POLLER_EVENTS_MAX, milliseconds(timeout_ns));

	/* whatever it is, reading finds it: data, an error or a hang-up, which epoll never masks */
	for (int i = 0; i < n; i++)
		events[i] = (struct poller_event){ .tag = p->events[i].data.u64 };
	return n > 0 ? (size_t)n : 0;
}

int wakeup_new(int *fd_out)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd == -1)
		return ERR_SYSTEM;
	*fd_out = fd;
	return 0;
}

void wakeup_signal(int fd)
{
	const uint64_t one = 1;
	int saved = errno; /* it may run inside a signal handler */

	/* fails only when 2^64-2 signals were never read: then the poller has had its edges */
	ssize_t written = write(fd, &one, sizeof(one));
	(void)written;
	errno = saved;
}
