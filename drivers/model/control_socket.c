/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/control_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "drivers/physics/itu_grid.h"

#define REPLY_BYTES 8192
#define TAKEN_TRIES 50 /* of 20 ms */

static int error_reply(char *buf, size_t n, const char *text)
{
	char quoted[512];
	size_t at = 0;

	/* Names come from the request: nothing that would end a JSON string. */
	for (; *text != '\0' && at < sizeof(quoted) - 1; text++)
		quoted[at++] = *text == '"' || *text == '\\' || *text < ' ' ? '\'' : *text;
	quoted[at] = '\0';
	return snprintf(buf, n, "{\"error\":\"%s\"}\n", quoted);
}

static int attack_reply(struct sim_link *link, const char *text, char *buf, size_t n)
{
	struct attack attack;
	struct err err;
	int rc;

	if (attack_parse(text, &attack, &err) < 0)
		return error_reply(buf, n, err.text);
	rc = sim_link_attack(link, &attack);
	if (rc == -EINVAL)
		return error_reply(buf, n, "the fibre has no such KM, or the card no such LANE");
	if (rc < 0)
		return error_reply(buf, n, "the light changed too often just now: try again");
	return snprintf(buf, n,
	                "{\"attack\":\"%s\",\"alice_slot\":%" PRIu64 ",\"bob_slot\":%" PRIu64 "}\n",
	                attack_name(attack.kind), link->attack.alice_slot, link->attack.bob_slot);
}

/* What no register does: "alice|bob unplug|plug|interlock BITS|selftest BITS". */
static int card_reply(struct sim_link *link, const char *text, char *buf, size_t n)
{
	char name[8] = "", what[16] = "";
	unsigned int bits = 0;
	int words = sscanf(text, "%7s %15s %u", name, what, &bits);
	struct shm_card *card = strcmp(name, "alice") == 0 ? &link->alice.card
	                        : strcmp(name, "bob") == 0 ? &link->bob.card
	                                                   : NULL;

	if (card == NULL || words < 2)
		return error_reply(buf, n, "card: alice or bob, then what is done to it");
	if (strcmp(what, "unplug") == 0 && words == 2)
		shm_card_unplug(card, true);
	else if (strcmp(what, "plug") == 0 && words == 2)
		shm_card_unplug(card, false);
	else if (strcmp(what, "interlock") == 0 && words == 3)
		shm_card_interlock(card, bits);
	else if (strcmp(what, "selftest") == 0 && words == 3)
		shm_card_selftest(card, bits);
	else
		return error_reply(buf, n, "card: unplug, plug, interlock BITS or selftest BITS");
	return snprintf(buf, n, "{\"card\":\"%s\"}\n", name);
}

/* "bend KM DB", "tap KM DB", "reflect KM DB", "cut KM" or "restore". */
static int fibre_reply(struct sim_link *link, const char *text, char *buf, size_t n)
{
	struct otdr_point point = {0};
	char what[16] = "", rest[2];
	double db = 0;
	int words = sscanf(text, "%15s %lf %lf %1s", what, &point.km, &db, rest), rc;
	bool cut = strcmp(what, "cut") == 0, reflect = strcmp(what, "reflect") == 0;
	bool loss = strcmp(what, "bend") == 0 || strcmp(what, "tap") == 0;

	if (strcmp(what, "restore") == 0 && words == 1) {
		sim_link_fibre_restore(link);
		return snprintf(buf, n, "{\"fibre\":\"restore\"}\n");
	}
	if (!(cut && words == 2) && !((loss || reflect) && words == 3))
		return error_reply(
		        buf, n, "fibre: bend KM DB, tap KM DB, reflect KM DB, cut KM or restore");
	if ((loss && !(db > 0 && db <= 60)) || (reflect && !(db < 0 && db >= -80)))
		return error_reply(buf, n, "DB is outside 0 to 60, or of a reflection -80 to 0");
	point.loss_db = loss ? db : 0;
	point.reflectance_db = reflect ? db : 0;
	rc = sim_link_fibre(link, &point, cut);
	if (rc < 0)
		return error_reply(buf, n,
		                   rc == -EINVAL ? "KM is not within the fibre"
		                                 : "too much was done to the fibre: restore it");
	return snprintf(buf, n, "{\"fibre\":\"%s\",\"km\":%.4f}\n", what, point.km);
}

static size_t channels_reply(const struct sim_link *link, char *buf, size_t n)
{
	const struct lit *l = &link->lit;
	char name[16];
	size_t used;

	itu_grid_name(l->quantum.ghz, name, sizeof(name));
	used = (size_t)snprintf(
	        buf, n,
	        "{\"quantum\":\"%s\",\"counts_per_slot\":%.6g,\"photons_per_s\":%.6g,"
	        "\"channels\":[",
	        name, link->clicks.link.noise, link->lit_noise.total);
	for (unsigned int i = 0; i < l->channels && used + 80 < n; i++) {
		itu_grid_name(l->channel[i].ghz, name, sizeof(name));
		used += (size_t)snprintf(buf + used, n - used,
		                         "%s{\"channel\":\"%s\",\"dbm\":%g,\"direction\":\"%s\"}",
		                         i > 0 ? "," : "", name, l->channel[i].dbm,
		                         l->channel[i].counter ? "counter" : "co");
	}
	used += (size_t)snprintf(buf + used, n - used, "]}\n");
	return used < n ? used : n - 1;
}

/* "add C40 -3 co", "remove C40 co" or nothing: what is on the fibre. */
static int lit_reply(struct sim_link *link, const char *text, char *buf, size_t n)
{
	struct lit lit = link->lit;
	struct lit_channel c;
	char remove[64];
	struct err err;
	int rc;

	if (strncmp(text, "add ", 4) == 0) {
		rc = lit_parse(text + 4, &c, &err);
		if (rc == 0)
			rc = lit_add(&lit, &c, &err);
	} else if (strncmp(text, "remove ", 7) == 0) {
		char name[16] = "", direction[16] = "co";

		/* By name and direction; a power is of no account. */
		sscanf(text + 7, "%15s %15s", name, direction);
		snprintf(remove, sizeof(remove), "%s 0 %s", name, direction);
		rc = lit_parse(remove, &c, &err);
		if (rc == 0)
			rc = lit_remove(&lit, &c, &err);
	} else {
		return error_reply(
		        buf, n, "channel: add NAME DBM [co|counter] or remove NAME [co|counter]");
	}
	if (rc < 0)
		return error_reply(buf, n, err.text);
	sim_link_lit(link, &lit);
	return (int)channels_reply(link, buf, n);
}

size_t control_reply(struct sim_link *link, const char *line, uint64_t now_ns, char *buf, size_t n)
{
	int written;

	if (strcmp(line, "status") == 0) {
		size_t used = sim_link_status(link, now_ns, buf, n - 1);

		buf[used++] = '\n';
		return used;
	}
	if (strcmp(line, "attacks") == 0) {
		size_t used = attack_list(buf, n - 1);

		buf[used++] = '\n';
		return used;
	}
	if (strcmp(line, "channels") == 0)
		return channels_reply(link, buf, n);
	if (strncmp(line, "channel ", 8) == 0)
		written = lit_reply(link, line + 8, buf, n);
	else if (strncmp(line, "attack ", 7) == 0)
		written = attack_reply(link, line + 7, buf, n);
	else if (strncmp(line, "card ", 5) == 0)
		written = card_reply(link, line + 5, buf, n);
	else if (strncmp(line, "fibre ", 6) == 0)
		written = fibre_reply(link, line + 6, buf, n);
	else
		written = error_reply(
		        buf, n,
		        "unknown request: attack ..., card ..., fibre ..., channel ..., "
		        "attacks, channels or status");
	return (size_t)written < n ? (size_t)written : n - 1;
}

static void answer(struct sim_link *link, int fd, const char *line, uint64_t now_ns)
{
	char reply[REPLY_BYTES];
	size_t n = control_reply(link, line, now_ns, reply, sizeof(reply));

	/* A client that does not read its replies loses them. */
	if (send(fd, reply, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static bool serve(struct control_socket *c, unsigned int i, struct sim_link *link, uint64_t now_ns)
{
	char *line = c->client[i].line, *end;
	ssize_t n = recv(c->client[i].fd, line + c->client[i].used,
	                 CONTROL_LINE - c->client[i].used, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->client[i].used += (size_t)n;
	while ((end = memchr(line, '\n', c->client[i].used)) != NULL) {
		size_t used = (size_t)(end - line) + 1;

		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		answer(link, c->client[i].fd, line, now_ns);
		c->client[i].used -= used;
		memmove(line, line + used, c->client[i].used);
	}
	if (c->client[i].used == CONTROL_LINE) {
		char reply[64];
		int length = error_reply(reply, sizeof(reply), "the line is too long");

		send(c->client[i].fd, reply, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
		return false;
	}
	return true;
}

void control_socket_poll(struct control_socket *c, struct sim_link *link, uint64_t now_ns)
{
	int fd;

	if (c->fd < 0)
		return;
	fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].fd < 0 && fd >= 0) {
			c->client[i].fd = fd;
			c->client[i].used = 0;
			fd = -1;
		}
		if (c->client[i].fd >= 0 && !serve(c, i, link, now_ns)) {
			close(c->client[i].fd);
			c->client[i].fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
}

static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes;

	if (fd < 0)
		return true;
	yes = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	      errno != ECONNREFUSED;
	close(fd);
	return yes;
}

/* A process that was killed listens until the kernel has taken it apart. */
static bool taken(const struct sockaddr_un *address)
{
	const struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};

	for (int i = 0; i < TAKEN_TRIES; i++) {
		if (!somebody_listens(address))
			return false;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return true;
}

int control_socket_open(struct control_socket *c, const char *path, mode_t mode, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int rc;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].fd = -1;
	if (path == NULL)
		return 0;
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, ENAMETOOLONG, "control socket %.64s...: the name is too long",
		               path);
	strcpy(address.sun_path, path);
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode) || taken(&address))
			return err_set(err, EADDRINUSE, "control socket %s: the name is in use",
			               path);
		unlink(path);
	}
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0777 & ~mode);
	rc = c->fd < 0 || bind(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	umask(mask);
	if (rc == 0) {
		strcpy(c->path, path);
		rc = listen(c->fd, CONTROL_CLIENTS) < 0 ? errno : 0;
	}
	if (rc == 0)
		return 0;
	control_socket_close(c);
	return err_set(err, rc, "control socket %s: cannot listen: %s", path, strerror(rc));
}

void control_socket_close(struct control_socket *c)
{
	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++)
		if (c->client[i].fd >= 0)
			close(c->client[i].fd);
	if (c->fd >= 0)
		close(c->fd);
	if (c->path[0] != '\0')
		unlink(c->path);
	c->fd = -1;
	c->path[0] = '\0';
}
