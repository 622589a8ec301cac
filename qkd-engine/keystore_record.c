/* SPDX-License-Identifier: BSD-3-Clause */

/* What is kept with a block of key: all from which its length can be computed again. */

#include <stdio.h>

#include "qkd-engine/keystore_block.h"

void ks_record(const struct key_block *kb, char *out, size_t len)
{
	const struct finite_key_counts *c = &kb->counts;
	const struct finite_key_source *s = &kb->source;

	snprintf(out, len,
	         "{\"number\":%llu,\"protocol\":\"%s\",\"proof\":\"%s\",\"leak_mode\":\"%s\","
	         "\"method\":\"%s\",\"reason\":\"%s\","
	         "\"auth\":\"%s\",\"pad_keys\":%u,\"hash_keys\":%u,"
	         "\"mu\":[%.9g,%.9g],\"p\":[%.12g,%.12g],\"eps_sec\":%.9g,\"eps_cor\":%.9g,"
	         "\"eps_auth\":%.9g,\"qber_z\":%.6f,\"qber_x\":%.6f,\"efficiency_f\":%.4f,"
	         "\"n_z\":[%llu,%llu],\"m_z\":[%llu,%llu],\"n_x\":[%llu,%llu],"
	         "\"m_x\":[%llu,%llu],\"cross\":[%llu,%llu],\"planned_z\":[%llu,%llu],\"sifted_"
	         "bits\":%llu,"
	         "\"leaked_bits\":%llu,\"disclosed_bits\":%llu,\"secret_bits\":%u,"
	         "\"slots\":[%llu,%llu]}",
	         (unsigned long long)kb->number, finite_key_protocol_name(kb->proof),
	         finite_key_proof_name(kb->proof), leak_mode_name(kb->leak_mode),
	         reconcile_method_name(kb->method), reconcile_reason_name(kb->reason),
	         kb->computational ? "computational" : "information-theoretic", kb->pad_keys,
	         kb->hash_keys, s->mu[0], s->mu[1], s->p[0], s->p[1], s->eps_sec, s->eps_cor,
	         kb->eps_auth, kb->qber_z, kb->qber_x, kb->efficiency_f,
	         (unsigned long long)c->n_z[0], (unsigned long long)c->n_z[1],
	         (unsigned long long)c->m_z[0], (unsigned long long)c->m_z[1],
	         (unsigned long long)c->n_x[0], (unsigned long long)c->n_x[1],
	         (unsigned long long)c->m_x[0], (unsigned long long)c->m_x[1],
	         (unsigned long long)c->cross[0], (unsigned long long)c->cross[1],
	         (unsigned long long)kb->planned_z[0], (unsigned long long)kb->planned_z[1],
	         (unsigned long long)kb->sifted_bits, (unsigned long long)kb->leaked_bits,
	         (unsigned long long)kb->disclosed_bits, kb->bits,
	         (unsigned long long)kb->first_slot, (unsigned long long)kb->last_slot);
}
