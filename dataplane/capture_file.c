/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (256u << 10)

struct capture_file {
	char directory[256], base[CAPTURE_NAME_MAX], name[CAPTURE_NAME_MAX + 16];
	char interface_name[32], description[128], filter[512];
	struct pcapng_interface interface;
	uint64_t size_max, bytes;
	unsigned int files, begun;
	int dir_fd, fd;
	uint64_t written; /* bytes of whole blocks in the current file */
	size_t buffered;  /* whole blocks that follow them */
	uint8_t buffer[BUFFER_BYTES];
};

/* "lan.pcapng", or "lan-00003.pcapng" of a rotation. */
static void file_name(const struct capture_file *f, unsigned int number, char *out, size_t size)
{
	const char *dot = strrchr(f->base, '.');
	int stem = dot != NULL ? (int)(dot - f->base) : (int)strlen(f->base);

	if (f->files == 1)
		snprintf(out, size, "%s", f->base);
	else
		snprintf(out, size, "%.*s-%05u%s", stem, f->base, number, dot != NULL ? dot : "");
}

int capture_file_flush(struct capture_file *f)
{
	size_t at = 0;

	while (at < f->buffered) {
		ssize_t n = write(f->fd, f->buffer + at, f->buffered - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = n < 0 ? -errno : -EIO;

			/* Half a block would spoil the whole file for some readers. */
			if (ftruncate(f->fd, (off_t)f->written) == 0)
				lseek(f->fd, (off_t)f->written, SEEK_SET);
			f->buffered = 0;
			return rc;
		}
		at += (size_t)n;
	}
	f->written += f->buffered;
	f->bytes += f->buffered;
	f->buffered = 0;
	return 0;
}

static int begin(struct capture_file *f)
{
	int rc;

	file_name(f, f->begun + 1, f->name, sizeof(f->name));
	f->fd = openat(f->dir_fd, f->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	               0600);
	if (f->fd < 0)
		return -errno;
	f->begun++;
	f->written = 0;
	f->buffered = pcapng_begin(f->buffer, sizeof(f->buffer), &f->interface);
	rc = capture_file_flush(f);
	if (rc < 0) {
		close(f->fd);
		f->fd = -1;
		unlinkat(f->dir_fd, f->name, 0);
	}
	return rc;
}

static int open_directory(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "capture-directory: %s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int rc = err_set(err, errno, "capture-directory: %s: %s", path, strerror(errno));

		if (fd >= 0)
			close(fd);
		return rc;
	}
	/* Who may write there could put files of their own in the place of ours. */
	if ((st.st_mode & 022) != 0 || (st.st_uid != geteuid() && st.st_uid != 0)) {
		close(fd);
		return err_set(err, EPERM, "capture-directory: %s: others may write to it", path);
	}
	return fd;
}

static int check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n >= CAPTURE_NAME_MAX)
		return err_set(err, EINVAL, "file: must have 1 to %u bytes", CAPTURE_NAME_MAX - 1);
	if (name[0] == '.')
		return err_set(err, EINVAL, "file: %s: must not begin with a dot", name);
	for (size_t i = 0; i < n; i++)
		if (name[i] == '/' || (unsigned char)name[i] < 0x20)
			return err_set(err, EINVAL,
			               "file: %s: must be a name in the capture directory", name);
	return 0;
}

int capture_file_open(const struct capture_file_config *config, struct capture_file **out,
                      struct err *err)
{
	const struct pcapng_interface *i = &config->interface;
	struct capture_file *f;
	int rc = check_name(config->name, err);

	if (rc < 0)
		return rc;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return err_set(err, ENOMEM, "capture: no memory");
	snprintf(f->directory, sizeof(f->directory), "%s", config->directory);
	snprintf(f->base, sizeof(f->base), "%s", config->name);
	snprintf(f->interface_name, sizeof(f->interface_name), "%s", i->name);
	snprintf(f->description, sizeof(f->description), "%s", i->description);
	snprintf(f->filter, sizeof(f->filter), "%s", i->filter);
	f->interface = (struct pcapng_interface){f->interface_name, f->description, f->filter,
	                                         i->snap_length};
	f->size_max = config->size_max;
	f->files = config->files;
	f->dir_fd = open_directory(config->directory, err);
	rc = f->dir_fd < 0 ? f->dir_fd : begin(f);
	if (rc < 0 && f->dir_fd >= 0) {
		rc = err_set(err, -rc, "file: %s/%s: %s", f->directory, f->name, strerror(-rc));
		close(f->dir_fd);
	}
	if (rc < 0) {
		free(f);
		return rc;
	}
	*out = f;
	return 0;
}

static int next_file(struct capture_file *f)
{
	char oldest[sizeof(f->name)];
	int rc = capture_file_flush(f);

	if (rc < 0)
		return rc;
	close(f->fd);
	f->fd = -1;
	/* The new one is the f->files-th that stays. */
	if (f->begun >= f->files) {
		file_name(f, f->begun + 1 - f->files, oldest, sizeof(oldest));
		unlinkat(f->dir_fd, oldest, 0);
	}
	return begin(f);
}

int capture_file_packet(struct capture_file *f, const struct pcapng_packet *packet,
                        const void *data)
{
	size_t size = pcapng_packet_size(packet->captured);
	int rc = 0;

	if (f->fd < 0)
		return -EBADF;
	/* Room is kept for the statistics at the end. */
	if (f->written + f->buffered + size + PCAPNG_STATISTICS_SIZE > f->size_max) {
		if (f->files == 1)
			return CAPTURE_FILE_FULL;
		rc = next_file(f);
	} else if (f->buffered + size > sizeof(f->buffer)) {
		rc = capture_file_flush(f);
	}
	if (rc < 0)
		return rc;
	f->buffered += pcapng_packet(f->buffer + f->buffered, sizeof(f->buffer) - f->buffered,
	                             packet, data);
	return 0;
}

int capture_file_close(struct capture_file *f, uint64_t time_ns, uint64_t received,
                       uint64_t dropped)
{
	int rc = 0;

	if (f->fd >= 0) {
		rc = capture_file_flush(f);
		if (rc == 0) {
			f->buffered = pcapng_statistics(f->buffer, sizeof(f->buffer), time_ns,
			                                received, dropped);
			rc = capture_file_flush(f);
		}
		if (close(f->fd) < 0 && rc == 0)
			rc = -errno;
	}
	close(f->dir_fd);
	explicit_bzero(f->buffer, sizeof(f->buffer));
	free(f);
	return rc;
}

const char *capture_file_name(const struct capture_file *f)
{
	return f->name;
}

uint64_t capture_file_bytes(const struct capture_file *f)
{
	return f->bytes + f->buffered;
}

unsigned int capture_file_count(const struct capture_file *f)
{
	return f->begun;
}
