/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tunnel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_rcu_qsbr.h>

#include "common/bytes.h"
#include "dataplane/esp.h"
#include "dataplane/sa.h"
#include "dataplane/tunnel_state.h"

struct tunnel *tunnel_create(const struct tunnel_config *config, struct rte_rcu_qsbr *qsbr,
                             struct err *err)
{
	struct tunnel *t;

	if (config->cores < 1 || config->cores > TUNNEL_CORES_MAX) {
		err_set(err, EINVAL, "tunnel %s: cores %u is not in 1 to %u", config->name,
		        config->cores, TUNNEL_CORES_MAX);
		return NULL;
	}
	if (config->replay_window != 0 && !replay_size_valid(config->replay_window)) {
		err_set(err, EINVAL,
		        "tunnel %s: replay window %" PRIu32 " is not a power of two from %u to %u",
		        config->name, config->replay_window, REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX);
		return NULL;
	}
	if (qsbr == NULL || gcm_provider() == NULL) {
		err_set(err, EINVAL, "tunnel %s: no %s", config->name,
		        qsbr == NULL ? "QSBR variable" : "GCM provider");
		return NULL;
	}
	t = aligned_alloc(_Alignof(struct tunnel), sizeof(*t));
	if (t == NULL) {
		err_set(err, ENOMEM, "tunnel %s: out of memory", config->name);
		return NULL;
	}
	memset(t, 0, sizeof(*t));
	t->config = *config;
	if (t->config.replay_window == 0)
		t->config.replay_window = REPLAY_WINDOW_DEFAULT;
	t->gcm = gcm_provider();
	t->outer_bytes = config->ipv6 ? 40 : 20;
	t->qsbr = qsbr;
	return t;
}

void tunnel_destroy(struct tunnel *t)
{
	if (t == NULL)
		return;
	for (unsigned int c = 0; c < t->config.cores; c++) {
		for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++)
			sa_destroy(t->rx[g].sa[c]);
		sa_destroy(t->tx.sa[c]);
	}
	while (t->retired != NULL) {
		struct sa *sa = t->retired;

		t->retired = sa->next;
		sa_destroy(sa);
	}
	free(t);
}

const struct tunnel_config *tunnel_config(const struct tunnel *t)
{
	return &t->config;
}

unsigned int tunnel_inner_mtu(const struct tunnel *t, unsigned int outer_mtu)
{
	unsigned int around = t->outer_bytes + ESP_HEADER_BYTES + ESP_ICV_BYTES;

	/* Inner packet, padding, pad length and next header fill a multiple of 4 bytes. */
	return outer_mtu < around + 4 ? 0 : ((outer_mtu - around) & ~3U) - 2;
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

	for (unsigned int c = 0; c < TUNNEL_CORES_MAX && what == NULL; c++)
		if (set->sa[c] != NULL)
			what = conflict(set->sa[c], key, transmit);
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

/* One SA a core, none of them published; all or nothing. */
static int set_create(struct tunnel *t, struct sa_set *set, uint64_t generation,
                      const struct sa_key *keys, unsigned int count, bool transmit, struct err *err)
{
	*set = (struct sa_set){.live = true, .generation = generation};
	if (count != t->config.cores)
		return err_set(err, EINVAL, "tunnel %s: %u keys for %u cores", t->config.name,
		               count, t->config.cores);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int core = keys[i].spi % TUNNEL_CORES_MAX;
		const char *what;
		int ret = 0;

		if (keys[i].spi < TUNNEL_SPI_MIN)
			ret = err_set(err, EINVAL, "tunnel %s: SPI 0x%" PRIx32 " is reserved",
			              t->config.name, keys[i].spi);
		else if (core >= count)
			ret = err_set(err, EINVAL,
			              "tunnel %s: SPI 0x%" PRIx32 " names core %u of %u",
			              t->config.name, keys[i].spi, core, count);
		else if (set->sa[core] != NULL)
			ret = err_set(err, EINVAL, "tunnel %s: two keys for core %u",
			              t->config.name, core);
		else if ((what = conflict_in_set(set, &keys[i], transmit)) != NULL ||
		         (what = conflict_in_tunnel(t, &keys[i], transmit)) != NULL)
			ret = err_set(err, EEXIST, "tunnel %s: %s of SPI 0x%" PRIx32 " is in use",
			              t->config.name, what, keys[i].spi);
		else if ((set->sa[core] = sa_create(&t->config, t->gcm, &keys[i], generation,
		                                    transmit)) == NULL)
			ret = err_set(err, ENOMEM, "tunnel %s: secret memory is full",
			              t->config.name);
		if (ret == 0)
			continue;
		for (unsigned int c = 0; c < count; c++)
			sa_destroy(set->sa[c]);
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
	token = rte_rcu_qsbr_start(t->qsbr);
	for (unsigned int c = 0; c < t->config.cores; c++) {
		set->sa[c]->token = token;
		set->sa[c]->next = t->retired;
		t->retired = set->sa[c];
	}
	*set = (struct sa_set){0};
}

int tunnel_rx_install(struct tunnel *t, uint64_t generation, const struct sa_key *keys,
                      unsigned int count, struct err *err)
{
	unsigned int place = TUNNEL_RX_GENERATIONS;
	int ret;

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
	ret = set_create(t, &t->rx[place], generation, keys, count, false, err);
	if (ret < 0) {
		t->rx[place] = (struct sa_set){0};
		return ret;
	}
	for (unsigned int c = 0; c < count; c++) {
		struct sa *sa = t->rx[place].sa[c];

		__atomic_store_n(&t->core[c].rx[place], sa, __ATOMIC_RELEASE);
		__atomic_store_n(&t->core[c].rx_spi[place], sa->spi, __ATOMIC_RELEASE);
	}
	return 0;
}

void tunnel_rx_retire(struct tunnel *t, uint64_t generation)
{
	for (unsigned int g = 0; g < TUNNEL_RX_GENERATIONS; g++) {
		if (!t->rx[g].live || t->rx[g].generation != generation)
			continue;
		for (unsigned int c = 0; c < t->config.cores; c++) {
			__atomic_store_n(&t->core[c].rx_spi[g], 0, __ATOMIC_RELEASE);
			__atomic_store_n(&t->core[c].rx[g], NULL, __ATOMIC_RELEASE);
		}
		set_retire(t, &t->rx[g]);
	}
}

int tunnel_tx_switch(struct tunnel *t, uint64_t generation, const struct sa_key *keys,
                     unsigned int count, struct err *err)
{
	struct sa_set next, last = t->tx;
	int ret = set_create(t, &next, generation, keys, count, true, err);

	if (ret < 0)
		return ret;
	for (unsigned int c = 0; c < count; c++)
		__atomic_store_n(&t->core[c].tx, next.sa[c], __ATOMIC_RELEASE);
	t->tx = next;
	set_retire(t, &last);
	return 0;
}

void tunnel_tx_stop(struct tunnel *t)
{
	for (unsigned int c = 0; c < t->config.cores; c++)
		__atomic_store_n(&t->core[c].tx, NULL, __ATOMIC_RELEASE);
	set_retire(t, &t->tx);
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

	while (*at != NULL) {
		struct sa *sa = *at;

		if (rte_rcu_qsbr_check(t->qsbr, sa->token, false) != 1) {
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

		for (unsigned int c = 0; set->live && c < t->config.cores; c++)
			add_totals(out, set->sa[c]);
	}
}

unsigned int tunnel_sa_list(const struct tunnel *t, struct sa_info *out, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int g = 0; g <= TUNNEL_RX_GENERATIONS; g++) {
		const struct sa_set *set = g == 0 ? &t->tx : &t->rx[g - 1];

		for (unsigned int c = 0; set->live && c < t->config.cores; c++, n++)
			if (n < max)
				sa_describe(set->sa[c], &out[n]);
	}
	return n;
}
