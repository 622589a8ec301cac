/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tunnel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_rcu_qsbr.h>

#include "common/bytes.h"
#include "dataplane/esp.h"
#include "dataplane/sad.h"
#include "dataplane/tunnel_state.h"

struct tunnel *tunnel_create(const struct tunnel_config *config, struct sad *sad, struct err *err)
{
	struct tunnel *t;

	if (sad == NULL || gcm_provider() == NULL) {
		err_set(err, EINVAL, "tunnel %s: no %s", config->name,
		        sad == NULL ? "SAD" : "GCM provider");
		return NULL;
	}
	if (config->index >= sad->tunnels) {
		err_set(err, EINVAL, "tunnel %s: index %u is not below %u", config->name,
		        config->index, sad->tunnels);
		return NULL;
	}
	if (config->classes > TUNNEL_CLASSES_MAX) {
		err_set(err, EINVAL, "tunnel %s: classes %u is not in 1 to %u", config->name,
		        config->classes, TUNNEL_CLASSES_MAX);
		return NULL;
	}
	for (unsigned int i = 0; i < 64; i++)
		if (config->class_of[i] >= RTE_MAX(config->classes, 1U)) {
			err_set(err, EINVAL, "tunnel %s: DSCP %u is of class %u, there are %u",
			        config->name, i, config->class_of[i], RTE_MAX(config->classes, 1U));
			return NULL;
		}
	if (config->replay_window != 0 && !replay_size_valid(config->replay_window)) {
		err_set(err, EINVAL,
		        "tunnel %s: replay window %" PRIu32 " is not a power of two from %u to %u",
		        config->name, config->replay_window, REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX);
		return NULL;
	}
	if (config->nat_dynamic && (!config->udp || config->udp_spread)) {
		err_set(err, EINVAL, "tunnel %s: a peer that moves needs ESP in UDP of one port",
		        config->name);
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		err_set(err, ENOMEM, "tunnel %s: out of memory", config->name);
		return NULL;
	}
	t->config = *config;
	if (t->config.replay_window == 0)
		t->config.replay_window = REPLAY_WINDOW_DEFAULT;
	if (t->config.classes == 0)
		t->config.classes = 1;
	t->sad = sad;
	if (tunnel_peer_create(t) < 0) {
		err_set(err, ENOMEM, "tunnel %s: out of memory", config->name);
		free(t);
		return NULL;
	}
	return t;
}

static void unpublish_receive(struct tunnel *t, struct sa_set *set)
{
	for (unsigned int i = 0; i < set->count; i++)
		if (set->sa[i] != NULL)
			sad_remove_receive(t->sad, set->sa[i]->core, set->sa[i]);
}

static void publish_transmit(struct tunnel *t, const struct sa_set *set)
{
	for (unsigned int i = 0; i < tunnel_subs(t); i++)
		sad_set_transmit(t->sad, i % t->sad->cores, t->config.index, i / t->sad->cores,
		                 set == NULL ? NULL : set->sa[i]);
}

void tunnel_destroy(struct tunnel *t)
{
	if (t == NULL)
		return;
	publish_transmit(t, NULL);
	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++)
		unpublish_receive(t, &t->rx[g]);
	for (unsigned int i = 0; i < TUNNEL_SUBS_MAX; i++) {
		for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++)
			sa_destroy(t->rx[g].sa[i]);
		sa_destroy(t->tx.sa[i]);
	}
	while (t->retired != NULL) {
		struct sa *sa = t->retired;

		t->retired = sa->next;
		sa_destroy(sa);
	}
	tunnel_peer_destroy(t);
	free(t);
}

struct sad *tunnel_sad(const struct tunnel *t)
{
	return t->sad;
}

unsigned int tunnel_subs(const struct tunnel *t)
{
	return t->sad->cores * t->config.classes;
}

const struct tunnel_config *tunnel_config(const struct tunnel *t)
{
	return &t->config;
}

static unsigned int around(const struct tunnel *t)
{
	return (t->config.ipv6 ? 40U : 20U) + (t->config.udp ? 8U : 0U) + ESP_HEADER_BYTES +
	       ESP_ICV_BYTES;
}

unsigned int tunnel_inner_mtu(const struct tunnel *t, unsigned int outer_mtu)
{
	/* Inner packet, padding, pad length and next header fill a multiple of 4 bytes. */
	return outer_mtu < around(t) + 4 ? 0 : ((outer_mtu - around(t)) & ~3U) - 2;
}

unsigned int tunnel_outer_mtu(const struct tunnel *t, unsigned int inner)
{
	return around(t) + ((inner + 2 + 3) & ~3U);
}

/* Why KEY must not be used beside SA: NULL when it may. */
static const char *conflict(const struct sa *sa, const struct sa_key *key, bool transmit)
{
	if (sa->transmit == transmit && sa->spi == key->spi)
		return "the SPI";
	if (bytes_equal_ct(sa->key, key->key, sizeof(key->key)))
		return "the key";
	return NULL;
}

static const char *conflict_in_set(const struct sa_set *set, const struct sa_key *key,
                                   bool transmit)
{
	const char *what = NULL;

	for (unsigned int i = 0; i < set->count && what == NULL; i++)
		if (set->sa[i] != NULL)
			what = conflict(set->sa[i], key, transmit);
	return what;
}

static const char *conflict_in_tunnel(const struct tunnel *t, const struct sa_key *key,
                                      bool transmit)
{
	const char *what = conflict_in_set(&t->tx, key, transmit);

	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS && what == NULL; g++)
		what = conflict_in_set(&t->rx[g], key, transmit);
	for (const struct sa *sa = t->retired; sa != NULL && what == NULL; sa = sa->next)
		what = conflict(sa, key, transmit);
	return what;
}

static void set_discard(struct sa_set *set)
{
	for (unsigned int i = 0; i < set->count; i++)
		sa_destroy(set->sa[i]);
	*set = (struct sa_set){0};
}

/* One SA a key, none of them published; all or nothing. */
static int set_create(struct tunnel *t, struct sa_set *set, uint64_t generation,
                      const struct sa_key *keys, unsigned int count, bool transmit, struct err *err)
{
	*set = (struct sa_set){.live = true, .generation = generation, .count = count};
	for (unsigned int i = 0; i < count; i++) {
		unsigned int sub = keys[i].spi % TUNNEL_SUBS_MAX;
		const char *what;
		int ret = 0;

		if (keys[i].spi < TUNNEL_SPI_MIN)
			ret = err_set(err, EINVAL, "tunnel %s: SPI 0x%" PRIx32 " is reserved",
			              t->config.name, keys[i].spi);
		else if (sub >= count)
			ret = err_set(err, EINVAL,
			              "tunnel %s: SPI 0x%" PRIx32 " names sub-SA %u of %u",
			              t->config.name, keys[i].spi, sub, count);
		else if (set->sa[sub] != NULL)
			ret = err_set(err, EINVAL, "tunnel %s: two keys for sub-SA %u",
			              t->config.name, sub);
		else if ((what = conflict_in_set(set, &keys[i], transmit)) != NULL ||
		         (what = conflict_in_tunnel(t, &keys[i], transmit)) != NULL)
			ret = err_set(err, EEXIST, "tunnel %s: %s of SPI 0x%" PRIx32 " is in use",
			              t->config.name, what, keys[i].spi);
		else if ((set->sa[sub] = sa_create(&t->config, t->sad->cores, t->peer, &keys[i],
		                                   generation, transmit)) == NULL)
			ret = err_set(err, ENOMEM, "tunnel %s: secret memory is full",
			              t->config.name);
		else if (t->sad->cipher != NULL &&
		         !sa_use_cipher(set->sa[sub], t->sad->cipher, &keys[i]))
			ret = err_set(err, ENOMEM,
			              "tunnel %s: the crypto device takes no more keys",
			              t->config.name);
		if (ret == 0)
			continue;
		set_discard(set);
		return ret;
	}
	return 0;
}

/* The set is no longer published: free it once every core has been quiescent. */
static void set_retire(struct tunnel *t, struct sa_set *set)
{
	uint64_t token;

	if (!set->live)
		return;
	token = rte_rcu_qsbr_start(t->sad->qsbr);
	for (unsigned int i = 0; i < set->count; i++) {
		set->sa[i]->token = token;
		set->sa[i]->next = t->retired;
		t->retired = set->sa[i];
	}
	*set = (struct sa_set){0};
}

/* All of SET into the SAD, or none. */
static int publish_receive(struct tunnel *t, struct sa_set *set, struct err *err)
{
	for (unsigned int i = 0; i < set->count; i++) {
		int rc = sad_add_receive(t->sad, set->sa[i]->core, set->sa[i]);

		if (rc == 0)
			continue;
		unpublish_receive(t, set);
		err_set(err, -rc, "tunnel %s: SPI 0x%" PRIx32 " %s", t->config.name,
		        set->sa[i]->spi, rc == -EEXIST ? "is in use" : "finds no room in the SAD");
		return rc;
	}
	return 0;
}

int tunnel_rx_install(struct tunnel *t, uint64_t generation, const struct sa_key *keys,
                      unsigned int count, struct err *err)
{
	unsigned int place = TUNNEL_RX_GENERATIONS;
	struct sa_set *set;
	int ret;

	if (count < 1 || count > TUNNEL_SUBS_MAX)
		return err_set(err, EINVAL, "tunnel %s: %u receive keys, 1 to %u are possible",
		               t->config.name, count, TUNNEL_SUBS_MAX);
	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++) {
		if (!t->rx[g].live)
			place = g;
		else if (t->rx[g].generation == generation)
			return err_set(err, EEXIST,
			               "tunnel %s: receive generation %" PRIu64 " is installed",
			               t->config.name, generation);
	}
	if (place == TUNNEL_RX_GENERATIONS)
		return err_set(err, EBUSY, "tunnel %s: %u receive generations are live",
		               t->config.name, TUNNEL_RX_GENERATIONS);
	set = &t->rx[place];
	ret = set_create(t, set, generation, keys, count, false, err);
	if (ret < 0)
		return ret;
	ret = publish_receive(t, set, err);
	/* Those that were published for a moment a core may still read. */
	if (ret < 0)
		set_retire(t, set);
	return ret;
}

void tunnel_rx_retire(struct tunnel *t, uint64_t generation)
{
	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++) {
		if (!t->rx[g].live || t->rx[g].generation != generation)
			continue;
		unpublish_receive(t, &t->rx[g]);
		set_retire(t, &t->rx[g]);
	}
}

int tunnel_tx_switch(struct tunnel *t, uint64_t generation, const struct sa_key *keys,
                     unsigned int count, struct err *err)
{
	struct sa_set next, last = t->tx;
	int ret;

	if (count != tunnel_subs(t))
		return err_set(err, EINVAL, "tunnel %s: %u keys for %u sub-SAs", t->config.name,
		               count, tunnel_subs(t));
	ret = set_create(t, &next, generation, keys, count, true, err);
	if (ret < 0)
		return ret;
	publish_transmit(t, &next);
	t->tx = next;
	set_retire(t, &last);
	return 0;
}

void tunnel_tx_stop(struct tunnel *t)
{
	publish_transmit(t, NULL);
	set_retire(t, &t->tx);
}

void tunnel_close(struct tunnel *t)
{
	tunnel_tx_stop(t);
	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++) {
		unpublish_receive(t, &t->rx[g]);
		set_retire(t, &t->rx[g]);
	}
}

bool tunnel_has_key(const struct tunnel *t)
{
	return t->tx.live;
}

static void add_totals(struct tunnel_totals *totals, const struct sa *sa)
{
	struct sa_info info;

	sa_describe(sa, &info);
	if (info.transmit) {
		totals->packets_sealed += info.packets;
		totals->bytes_sealed += info.bytes;
	} else {
		totals->packets_opened += info.packets;
		totals->bytes_opened += info.bytes;
	}
}

void tunnel_reclaim(struct tunnel *t)
{
	struct sa **at = &t->retired;

	if (t->sad->cipher != NULL)
		esp_cipher_reclaim(t->sad->cipher);
	tunnel_peer_reclaim(t);
	while (*at != NULL) {
		struct sa *sa = *at;

		if (rte_rcu_qsbr_check(t->sad->qsbr, sa->token, false) != 1) {
			at = &sa->next;
			continue;
		}
		*at = sa->next;
		add_totals(&t->gone, sa);
		sa_destroy(sa);
	}
}

void tunnel_totals_read(const struct tunnel *t, struct tunnel_totals *out)
{
	*out = t->gone;
	for (const struct sa *sa = t->retired; sa != NULL; sa = sa->next)
		add_totals(out, sa);
	for (unsigned int g = 0; g <= TUNNEL_RX_GENERATIONS; g++) {
		const struct sa_set *set = g == 0 ? &t->tx : &t->rx[g - 1];

		for (unsigned int i = 0; i < set->count; i++)
			add_totals(out, set->sa[i]);
	}
}

unsigned int tunnel_sa_list(const struct tunnel *t, struct sa_info *out, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int g = 0; g <= TUNNEL_RX_GENERATIONS; g++) {
		const struct sa_set *set = g == 0 ? &t->tx : &t->rx[g - 1];

		for (unsigned int i = 0; i < set->count; i++, n++)
			if (n < max)
				sa_describe(set->sa[i], &out[n]);
	}
	return n;
}
