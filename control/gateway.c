/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct gateway_ops none;
static const struct gateway_ops *registered = &none;
static struct config *running;
static char *running_text;

void gateway_register(const struct gateway_ops *ops)
{
	registered = ops != NULL ? ops : &none;
}

const struct gateway_ops *gateway_ops(void)
{
	return registered;
}

int gateway_config_set(const struct config *config, const char *normal, struct err *err)
{
	struct config *copy = NULL;
	char *text = NULL;

	if (config != NULL) {
		copy = malloc(sizeof(*copy));
		text = strdup(normal);
		if (copy == NULL || text == NULL) {
			free(copy);
			free(text);
			return err_set(err, ENOMEM, "out of memory");
		}
		*copy = *config;
	}
	free(running);
	free(running_text);
	running = copy;
	running_text = text;
	return 0;
}

const struct config *gateway_config(void)
{
	return running;
}

const char *gateway_config_text(void)
{
	return running_text;
}
