/* SPDX-License-Identifier: BSD-3-Clause */

/* Remove a directory that a test made, with what is in it, without a shell. */

#ifndef TESTS_UNIT_REMOVE_TREE_H
#define TESTS_UNIT_REMOVE_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int remove_tree_entry(const char *path, const struct stat *st, int type,
                                    struct FTW *ftw)
{
	return remove(path);
}

/* 0, or -1 when something is left. Links are not followed. */
static inline int remove_tree(const char *path)
{
	return nftw(path, remove_tree_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
