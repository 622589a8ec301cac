/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rules of the security policy compiled for rte_acl, and what they say about keys: the
 * functions spd_match4() and spd_match6() of spd.h.
 */

#ifndef DATAPLANE_SPD_ACL_H
#define DATAPLANE_SPD_ACL_H

#include "common/err.h"
#include "dataplane/spd.h"

/*
 * ACL is empty before; NAME differs from that of all others that there are. -ENOMEM, or what
 * rte_acl says, with the reason in ERR: then what is there is to be freed, too.
 */
int spd_acl_build(struct spd_acl *acl, const char *name, const struct spd_rule *rules,
                  unsigned int count, struct err *err);
void spd_acl_free(struct spd_acl *acl);

#endif
