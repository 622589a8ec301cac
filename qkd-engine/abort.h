/* SPDX-License-Identifier: BSD-3-Clause */

/* Why a block became no key; on the wire (ABORT) and in the figures. */

#ifndef QKD_ENGINE_ABORT_H
#define QKD_ENGINE_ABORT_H

enum abort_reason {
	ABORT_ALARM = 1,    /* it saw an attack */
	ABORT_QBER,         /* error rate above qber_abort */
	ABORT_NO_SECRET,    /* the bound leaves no secret bits */
	ABORT_VERIFICATION, /* the ends' strings differ */
	ABORT_RECONCILE,    /* reconciliation failed */
	ABORT_LENGTH,       /* Bob wants more than Alice's bound allows */
	ABORT_TAG,          /* a transcript tag is wrong, or its pad is refused */
	ABORT_PROTOCOL,     /* malformed or unexpected message */
	ABORT_TIMEOUT,      /* the peer does not go on */
	ABORT_BUDGET,       /* more was disclosed than the budget that was fixed before */
	ABORT_PLAN,         /* more errors than planned: the bound does not reach the length */
	ABORT_MODE,         /* the ends' ways of counting leak, or of reconciling, differ */
	ABORT_SESSION,      /* the channel's session ended; nobody is told */
	ABORT_DOUBT,        /* likewise, between Bob's tag and COMMIT */
	ABORT_ALIGNMENT, /* alignment was lost, or given up: no light, no reply, another slot grid
	                  */
	ABORT_RANDOM,    /* an end's random source failed */
	ABORT_DECOYS,    /* fewer detections of decoys than any honest fibre gives */
	ABORT_REASONS
};

/* For logs and status: "error alarm", ... */
const char *abort_reason_name(unsigned int reason);
/* The counter's name: "error_alarm", ... */
const char *abort_reason_key(unsigned int reason);

#endif
