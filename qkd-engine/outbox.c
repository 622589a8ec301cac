/* SPDX-License-Identifier: BSD-3-Clause */

/* Messages that the channel has no room for wait here, so that none is lost or overtaken. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_outbox)

void outbox_clear(struct engine *e)
{
	while (e->outbox != NULL) {
		struct outbox_entry *next = e->outbox->next;

		free(e->outbox);
		e->outbox = next;
	}
	e->outbox_end = &e->outbox;
	e->outbox_bytes = 0;
}

void outbox_flush(struct engine *e)
{
	while (e->outbox != NULL) {
		struct outbox_entry *entry = e->outbox;

		if (channel_send(e->channel, CHANNEL_QKD, entry->msg, entry->len) == -EAGAIN)
			return;
		e->outbox = entry->next;
		if (e->outbox == NULL)
			e->outbox_end = &e->outbox;
		e->outbox_bytes -= entry->len;
		free(entry);
		e->worked = true;
	}
}

void engine_send(struct engine *e, const uint8_t *msg, size_t len)
{
	struct outbox_entry *entry;

	if (!e->session_up)
		return;
	/* Without a session the message is moot: the next poll starts anew. */
	if (e->outbox == NULL && channel_send(e->channel, CHANNEL_QKD, msg, len) != -EAGAIN)
		return;
	entry = malloc(sizeof(*entry) + len);
	if (entry == NULL) {
		log_err("no memory for a message of %zu bytes", len);
		return; /* the peer will time out */
	}
	entry->next = NULL;
	entry->len = len;
	memcpy(entry->msg, msg, len);
	*e->outbox_end = entry;
	e->outbox_end = &entry->next;
	e->outbox_bytes += len;
}

void engine_send_message(struct engine *e, const struct message *m)
{
	uint8_t buf[64];
	int len = message_encode(m, buf, sizeof(buf));

	if (len > 0)
		engine_send(e, buf, (size_t)len);
}
