/* SPDX-License-Identifier: BSD-3-Clause */

/* What the files of config_doc.h share: libyang's trees. */

#ifndef CONFIG_CONFIG_DOC_PARTS_H
#define CONFIG_CONFIG_DOC_PARTS_H

#include <libyang/libyang.h>

#include "config/config_doc.h"

struct config_doc {
	struct lyd_node *tree; /* the first of the top nodes; NULL: empty */
};

/* A path that the model knows. */
struct config_place {
	char path[CONFIG_PATH_MAX]; /* from the root on */
	size_t parent;              /* bytes of it without the last step; 0: that is the first */
	const struct lysc_node *schema; /* of the last step; NULL: the whole document */
	bool entry; /* it names an entry of a list or leaf-list, not all of them */
};

/* -EINVAL: the model has no such node, or an entry on the way there is not named. */
int config_place_find(const char *path, struct config_place *out, struct err *err);

/* The context, after config_init(). */
const struct ly_ctx *config_yang_context(void);
/* What libyang said last, of PATH where it does not say of what; forgets it. */
int config_yang_complain(struct err *err, const char *path);

#endif
