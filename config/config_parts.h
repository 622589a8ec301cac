/* SPDX-License-Identifier: BSD-3-Clause */

/* The steps of config_parse(), each in a file of its own. */

#ifndef CONFIG_CONFIG_PARTS_H
#define CONFIG_CONFIG_PARTS_H

#include <jansson.h>

#include "common/err.h"
#include "config/config.h"

/* Every path in an error text begins with one of these. */
#define CONFIG_ROOT     "/lumengate:gateway"
#define CONFIG_KMS_ROOT "/lumengate:kms"
#define CONFIG_WEB_ROOT "/lumengate:web"

/* Sinks of alarms in the container WEB. */
struct config_web;
void config_web_sinks_read(const json_t *web, struct config_web *out);
int config_web_sinks_check(const struct config_web *config, struct err *err);

#define IPV6_MTU_MIN 1280 /* RFC 8200 section 5 */

int config_yang_init(const char *dir, struct err *err);
void config_yang_fini(void);

/*
 * Check TEXT, which must have the container ROOT ("lumengate:gateway"), against the YANG module;
 * *TREE is the whole document with defaults filled in and values in canonical form.
 */
int config_yang_check(const char *text, const char *root, json_t **tree, struct err *err);

/* The struct from a tree that config_yang_check() made. */
int config_tree_read(const json_t *tree, struct config *out, struct err *err);

/* The list policy of the gateway's container G. */
int config_rules_read(const json_t *g, struct config *out, struct err *err);
int config_rules_check(const struct config *config, struct err *err);

/* What the schema cannot say: how addresses, routes and tunnels fit together. */
int config_check(const struct config *config, struct err *err);
int config_check_ports(const struct config *config, struct err *err);
int config_check_resources(const struct config *config, struct err *err);
int config_check_bonds(const struct config *config, struct err *err);
/* The container foreign-kme of the gateway's container G. */
void config_foreign_read(const json_t *g, struct config_foreign_kme *out);
int config_check_foreign(const struct config *config, struct err *err);
int config_check_wires(const struct config *config, struct err *err);
int config_check_exceptions(const struct config *config, struct err *err);
int config_check_subs(const struct config *config, struct err *err);
/* NAME of a port or "lan/vlan[id='10']"; CARRIED: it may do without an address. */
int config_check_port(const struct config_port *port, const char *name, bool carried,
                      struct err *err);
/* Value of a device's argument iface= with its length; NULL when there is none. */
const char *config_device_iface(const char *device, size_t *len);
bool config_port_covers(const struct config_port *port, const struct config_addr *addr);
/* Is ADDR the gateway's own there? And why nobody answers at it; NULL when somebody may. */
bool config_port_has(const struct config_port *port, const struct config_addr *addr);
const char *config_port_not_a_neighbour(const struct config_port *port,
                                        const struct config_addr *addr);
bool config_addr_is_link_local(const struct config_addr *addr);
/* The same for any VLAN of the LAN port; and has one of them ADDR as the gateway's? */
bool config_subs_cover(const struct config *config, const struct config_addr *addr);
bool config_subs_have(const struct config *config, const struct config_addr *addr);

#endif
