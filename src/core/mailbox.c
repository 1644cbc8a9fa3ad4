/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A ring under a lock. `first` and `n` say which places are taken. */
#include "core/mailbox.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/poller.h"

struct mailbox {
	/* set at start */
	size_t message_size, capacity;
	int wakeup_fd;

	/* under lock */
	pthread_mutex_t lock; /* leaf: take nothing under it */
	size_t first, n;
	uint8_t *ring;
};

int mailbox_new(size_t message_size, size_t capacity, int wakeup_fd, struct mailbox **mailbox_out)
{
	struct mailbox *m = calloc(1, sizeof *m);

	if (!m)
		return ERR_NOMEM;
	*m = (struct mailbox){
		.message_size = message_size,
		.capacity = capacity,
		.wakeup_fd = wakeup_fd,
		.ring = calloc(capacity, message_size),
	};
	pthread_mutex_init(&m->lock, NULL);
	if (!m->ring) {
		mailbox_free(&m);
		return ERR_NOMEM;
	}
	*mailbox_out = m;
	return 0;
}

void mailbox_free(struct mailbox **mp)
{
	struct mailbox *m = *mp;

	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m->ring);
	free(m);
	*mp = NULL;
}

size_t mailbox_bytes(size_t message_size, size_t capacity)
{
	return sizeof(struct mailbox) + capacity * message_size;
}

bool mailbox_post(struct mailbox *m, const void *message)
{
	pthread_mutex_lock(&m->lock);
	bool fits = m->n < m->capacity;
	bool was_empty = m->n == 0;
	if (fits) {
		size_t at = (m->first + m->n) % m->capacity;

		memcpy(m->ring + at * m->message_size, message, m->message_size);
		m->n++;
	}
	pthread_mutex_unlock(&m->lock);
	if (fits && was_empty && m->wakeup_fd != -1)
		wakeup_signal(m->wakeup_fd);
	return fits;
}

bool mailbox_take(struct mailbox *m, void *message_out)
{
	pthread_mutex_lock(&m->lock);
	bool has = m->n > 0;
	if (has) {
		memcpy(message_out, m->ring + m->first * m->message_size, m->message_size);
		m->first = (m->first + 1) % m->capacity;
		m->n--;
	}
	pthread_mutex_unlock(&m->lock);
	return has;
}
