/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_parts.h"

#include <errno.h>

#include <openssl/err.h>

static enum https_wire of_tls(struct connection *c, int rc)
{
	if (rc == 1)
		return HTTPS_WIRE_DONE;
	rc = SSL_get_error(c->ssl, rc);
	return rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE ? HTTPS_WIRE_WAIT
	                                                               : HTTPS_WIRE_GONE;
}

/* RC of a call on the socket that ended by an error, or read the end. */
static enum https_wire of_socket(ssize_t rc)
{
	return rc < 0 && (errno == EAGAIN || errno == EINTR) ? HTTPS_WIRE_WAIT : HTTPS_WIRE_GONE;
}

enum https_wire https_wire_read(struct connection *c, void *out, size_t size, size_t *n)
{
	ssize_t rc;

	if (c->ssl != NULL) {
		ERR_clear_error();
		return of_tls(c, SSL_read_ex(c->ssl, out, size, n));
	}
	rc = recv(c->fd, out, size, 0);
	if (rc <= 0)
		return of_socket(rc);
	*n = (size_t)rc;
	return HTTPS_WIRE_DONE;
}

enum https_wire https_wire_write(struct connection *c, const void *data, size_t size, size_t *n)
{
	ssize_t rc;

	if (c->ssl != NULL) {
		ERR_clear_error();
		return of_tls(c, SSL_write_ex(c->ssl, data, size, n));
	}
	rc = send(c->fd, data, size, MSG_NOSIGNAL);
	if (rc < 0)
		return of_socket(rc);
	*n = (size_t)rc;
	return HTTPS_WIRE_DONE;
}

void https_wire_end(struct connection *c)
{
	if (c->ssl != NULL)
		SSL_shutdown(c->ssl);
}
