/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "control/event.h"
#include "control/method.h"

struct topics_params {
	const json_t *topics;
};

static const struct method_param topics_params[] = {
        METHOD_PARAM(struct topics_params, topics, PARAM_STRINGS, .optional = true,
                     .choices = "alarm|audit|link|rekey|block|job", .help = "none: all"),
};

static int take_topics(const json_t *list, unsigned int *topics, struct err *err)
{
	const json_t *name;
	size_t i;

	*topics = list == NULL ? (1u << EVENT_TOPICS) - 1 : 0;
	json_array_foreach ((json_t *)list, i, name)
		*topics |= 1u << event_topic_parse(json_string_value(name));
	return *topics != 0 ? 0 : err_set(err, EINVAL, "/params/topics: names none");
}

static int subscribe(const void *params, json_t **result, struct err *err)
{
	const struct topics_params *p = params;
	unsigned int topics;
	json_t *list;
	int rc = take_topics(p->topics, &topics, err);

	if (rc != 0)
		return rc;
	if (method_caller()->client == 0)
		return err_set(err, ENOTCONN, "events go to clients of the socket alone");
	if (!event_subscribe(method_caller()->client, topics))
		return err_set(err, EBUSY, "there are %d subscribers already",
		               EVENT_SUBSCRIBERS_MAX);
	list = json_array();
	for (unsigned int t = 0; t < EVENT_TOPICS; t++)
		if ((topics & 1u << t) != 0)
			json_array_append_new(list,
			                      json_string(event_topic_name((enum event_topic)t)));
	*result = json_pack("{s:o}", "topics", list);
	return 0;
}

static int unsubscribe(const void *params, json_t **result, struct err *err)
{
	event_subscribe(method_caller()->client, 0);
	return 0;
}

METHOD_DEFINE(subscribe, .summary = "Get events of these topics, and no others, on this connection",
              .fn = subscribe, .params = topics_params, .param_count = 1,
              .states = METHOD_STARTUP | METHOD_RUNTIME)
METHOD_DEFINE(unsubscribe, .summary = "Get no events any more", .fn = unsubscribe,
              .states = METHOD_STARTUP | METHOD_RUNTIME)
