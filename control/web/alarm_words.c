/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/alarm_words.h"

#include <stdio.h>
#include <string.h>

#include "control/alarm_kinds.h"

void alarm_words(const struct web_alarm *a, struct alarm_words *out)
{
	const char *change = json_string_value(json_object_get(a->data, "change"));
	const json_t *uid = json_object_get(a->data, "uid");
	const struct alarm_kind *k = alarm_kind_find(a->kind);
	bool over = strcmp(a->severity, "cleared") == 0;

	*out = (struct alarm_words){
	        .program = strcmp(a->source, "kms") == 0   ? "lumengate-kms"
	                   : strcmp(a->source, "web") == 0 ? "lumengate-web"
	                                                   : "lumengate",
	        .change = a->standing || change == NULL ? over ? "cleared" : "standing" : change,
	        .action = k != NULL && !over ? k->action : "",
	};
	snprintf(out->number, sizeof(out->number), "%lld",
	         (long long)json_integer_value(json_object_get(a->data, "number")));
	if (json_is_integer(uid))
		snprintf(out->uid, sizeof(out->uid), "%lld", (long long)json_integer_value(uid));
}
