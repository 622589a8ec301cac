/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Edits of a configuration. What is new is made first, in a tree of its own, since that alone can
 * be refused; the document is changed after.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_doc_parts.h"

#define LISTS  (LYS_LIST | LYS_LEAFLIST)
#define LEAVES (LYS_LEAF | LYS_LEAFLIST)

/* VALUE, the members of PARENT or of the top, into *TREE. */
static int parse_members(const json_t *value, struct lyd_node *parent, struct lyd_node **tree,
                         const char *path, struct err *err)
{
	char *text = json_dumps(value, JSON_COMPACT);
	struct ly_in *in = NULL;
	int rc = 0;

	if (text == NULL || ly_in_new_memory(text, &in) != LY_SUCCESS)
		rc = err_set(err, ENOMEM, "/: out of memory");
	else if (lyd_parse_data(config_yang_context(), parent, in, LYD_JSON,
	                        LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE, 0,
	                        tree) != LY_SUCCESS)
		rc = config_yang_complain(err, path);
	ly_in_free(in, 0);
	free(text);
	return rc;
}

/* The keys of ENTRY are in its path: in VALUE, of which this takes them, they may not differ. */
static int take_keys(const struct lyd_node *entry, json_t *value, const char *path, struct err *err)
{
	for (const struct lyd_node *k = lyd_child(entry); k != NULL && lysc_is_key(k->schema);
	     k = k->next) {
		const json_t *given = json_object_get(value, k->schema->name);
		char *text = NULL;
		bool same;

		if (given == NULL)
			continue;
		if (!json_is_string(given))
			text = json_dumps(given, JSON_ENCODE_ANY | JSON_COMPACT);
		same = strcmp(text != NULL            ? text
		              : json_is_string(given) ? json_string_value(given)
		                                      : "",
		              lyd_get_value(k)) == 0;
		free(text);
		if (!same)
			return err_set(err, EINVAL, "%s/%s: is another one in the value", path,
			               k->schema->name);
		json_object_del(value, k->schema->name);
	}
	return 0;
}

/* A node that has members, with those in VALUE. */
static int build_inner(const struct config_place *at, const json_t *value, struct lyd_node **tree,
                       struct err *err)
{
	struct lyd_node *node = NULL;
	json_t *members;
	int rc;

	if (!json_is_object(value))
		return err_set(err, EINVAL, "%s: takes an object with its members", at->path);
	if (lyd_new_path2(NULL, config_yang_context(), at->path, NULL, 0, LYD_ANYDATA_STRING, 0,
	                  tree, &node) != LY_SUCCESS)
		return config_yang_complain(err, at->path);
	members = json_copy((json_t *)value);
	rc = take_keys(node, members, at->path, err);
	if (rc == 0 && json_object_size(members) > 0)
		rc = parse_members(members, node, NULL, at->path, err);
	json_decref(members);
	return rc;
}

/* A leaf, or entries of a list: {"NAME": VALUE} in its parent. */
static int build_named(const struct config_place *at, const json_t *value, struct lyd_node **tree,
                       struct err *err)
{
	struct lyd_node *parent = NULL;
	char path[CONFIG_PATH_MAX];
	json_t *members, *list;
	int rc;

	memcpy(path, at->path, at->parent);
	path[at->parent] = '\0';
	if (lyd_new_path2(NULL, config_yang_context(), path, NULL, 0, LYD_ANYDATA_STRING, 0, tree,
	                  &parent) != LY_SUCCESS)
		return config_yang_complain(err, at->path);
	if (at->schema->nodetype == LYS_LEAFLIST && !json_is_array(value))
		list = json_pack("[O]", value);
	else
		list = json_incref((json_t *)value);
	members = json_pack("{s:o}", at->schema->name, list);
	rc = parse_members(members, parent, NULL, at->path, err);
	json_decref(members);
	return rc;
}

/*
 * What is wrong with a value: of a leaf libyang knows the place in the model alone, which has no
 * names of entries, but has choices.
 */
static int complain_of_leaf(const struct config_place *at, struct err *err)
{
	size_t name = strlen(at->schema->name), end;
	struct err said = {0};
	int rc = config_yang_complain(&said, at->path);

	end = strcspn(said.text, ":");
	end += said.text[end] == ':' ? 1 + strcspn(said.text + end + 1, ":") : 0;
	if (said.text[end] != ':' || end <= name || said.text[end - name - 1] != '/' ||
	    strncmp(said.text + end - name, at->schema->name, name) != 0)
		return err_set(err, -rc, "%s", said.text);
	return err_set(err, -rc, "%s%s", at->path, said.text + end);
}

/* A leaf by its value as people write it, or an entry of a leaf-list that the path names. */
static int build_leaf(const struct config_place *at, const char *text, struct lyd_node **tree,
                      struct err *err)
{
	if (lyd_new_path2(NULL, config_yang_context(), at->path, text, 0, LYD_ANYDATA_STRING, 0,
	                  tree, NULL) != LY_SUCCESS)
		return complain_of_leaf(at, err);
	return 0;
}

static int build(const struct config_place *at, const struct config_edit *e, struct lyd_node **tree,
                 struct err *err)
{
	bool leaf = at->schema != NULL && (at->schema->nodetype & LEAVES) != 0;

	if (at->schema != NULL && lysc_is_key(at->schema))
		return err_set(err, EINVAL, "%s: names its entry: replace that", at->path);
	if (leaf && at->entry)
		return build_leaf(at, NULL, tree, err);
	if (e->text != NULL && !leaf)
		return err_set(err, EINVAL, "%s: has members: takes JSON", at->path);
	if (e->text != NULL)
		return build_leaf(at, e->text, tree, err);
	if (e->value == NULL && at->entry)
		return build_leaf(at, NULL, tree, err);
	if (e->value == NULL)
		return err_set(err, EINVAL, "%s: takes a value", at->path);
	if (at->schema == NULL)
		return parse_members(e->value, NULL, tree, at->path, err);
	if (leaf || ((at->schema->nodetype & LISTS) != 0 && !at->entry))
		return build_named(at, e->value, tree, err);
	return build_inner(at, e->value, tree, err);
}

static const struct lysc_node *case_of(const struct lyd_node *node)
{
	const struct lysc_node *parent = node->schema->parent;

	return parent != NULL && parent->nodetype == LYS_CASE ? parent : NULL;
}

/* The node of DOC that NODE, of another tree, is an instance of; NULL: there is none. */
static struct lyd_node *counterpart(const struct config_doc *doc, const struct lyd_node *node)
{
	struct lyd_node *found = NULL;
	char *path = lyd_path(node, LYD_PATH_STD, NULL, 0);

	if (path == NULL || doc->tree == NULL ||
	    lyd_find_path(doc->tree, path, 0, &found) != LY_SUCCESS)
		found = NULL;
	free(path);
	ly_err_clean((struct ly_ctx *)config_yang_context(), NULL);
	return found;
}

/* One case of a choice excludes the others: what is set takes their place (RFC 7950, 7.9). */
static void leave_other_cases(struct config_doc *doc, const struct lyd_node *tree)
{
	const struct lyd_node *node;

	LYD_TREE_DFS_BEGIN(tree, node)
	{
		const struct lysc_node *mine = case_of(node);
		struct lyd_node *parent, *other, *next;

		parent = mine != NULL && node->parent != NULL ? counterpart(doc, lyd_parent(node))
		                                              : NULL;
		for (other = parent != NULL ? lyd_child(parent) : NULL; other != NULL;
		     other = next) {
			const struct lysc_node *theirs = case_of(other);

			next = other->next;
			if (theirs != NULL && theirs != mine && theirs->parent == mine->parent)
				lyd_free_tree(other);
		}
		LYD_TREE_DFS_END(tree, node);
	}
}

/* What there is at the place; an empty set for nothing. */
static struct ly_set *instances(const struct config_doc *doc, const struct config_place *at)
{
	struct ly_set *set = NULL;

	if (doc->tree == NULL || lyd_find_xpath(doc->tree, at->path, &set) != LY_SUCCESS)
		ly_set_new(&set);
	ly_err_clean((struct ly_ctx *)config_yang_context(), NULL);
	return set;
}

static void free_node(struct config_doc *doc, struct lyd_node *node)
{
	if (doc->tree == node)
		doc->tree = node->next;
	lyd_free_tree(node);
}

/* An entry that stays keeps its place in the list: its members go. */
static void empty_place(struct config_doc *doc, const struct config_place *at)
{
	struct ly_set *set = instances(doc, at);
	bool stays = at->schema->nodetype == LYS_CONTAINER ||
	             (at->schema->nodetype == LYS_LIST && at->entry);

	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		struct lyd_node *child, *next;

		if (!stays) {
			free_node(doc, set->dnodes[i]);
			continue;
		}
		for (child = lyd_child_no_keys(set->dnodes[i]); child != NULL; child = next) {
			next = child->next;
			lyd_free_tree(child);
		}
	}
	ly_set_free(set, NULL);
}

static int remove_place(struct config_doc *doc, const struct config_place *at, struct err *err)
{
	struct ly_set *set;
	int rc = 0;

	if (at->schema == NULL)
		return err_set(err, EINVAL, "/: the whole configuration cannot be removed");
	if (lysc_is_key(at->schema))
		return err_set(err, EINVAL, "%s: names its entry: remove that", at->path);
	set = instances(doc, at);
	if (set == NULL || set->count == 0)
		rc = err_set(err, ENOENT, "%s: there is nothing to remove", at->path);
	for (uint32_t i = 0; rc == 0 && i < set->count; i++)
		free_node(doc, set->dnodes[i]);
	ly_set_free(set, NULL);
	return rc;
}

/* May the entry at AT be put beside that of edit E's point, *POINT? */
static int check_insert(struct config_doc *doc, const struct config_edit *e,
                        const struct config_place *at, struct lyd_node **point, struct err *err)
{
	bool beside = e->insert == CONFIG_INSERT_BEFORE || e->insert == CONFIG_INSERT_AFTER;
	struct config_place p;
	struct ly_set *set;
	int rc;

	*point = NULL;
	if (e->insert == CONFIG_INSERT_NONE)
		return 0;
	if (at->schema == NULL || !lysc_is_userordered(at->schema) || !at->entry)
		return err_set(err, EINVAL, "%s: is not an entry of a list whose order counts",
		               at->path);
	if (!beside)
		return 0;
	if (e->point == NULL)
		return err_set(err, EINVAL, "%s: before or after which entry?", at->path);
	rc = config_place_find(e->point, &p, err);
	if (rc != 0)
		return rc;
	set = instances(doc, &p);
	if (set != NULL && set->count == 1 && p.schema == at->schema)
		*point = set->dnodes[0];
	ly_set_free(set, NULL);
	if (*point == NULL)
		return err_set(err, EINVAL, "%s: is not an entry of the same list", p.path);
	return 0;
}

static void insert(struct config_doc *doc, const struct config_edit *e,
                   const struct config_place *at, struct lyd_node *point)
{
	struct ly_set *set = instances(doc, at);
	struct lyd_node *node = set != NULL && set->count == 1 ? set->dnodes[0] : NULL, *first,
	                *last;

	ly_set_free(set, NULL);
	if (node == NULL || node == point)
		return;
	for (first = node; first->prev->next != NULL && first->prev->schema == node->schema;)
		first = first->prev;
	for (last = node; last->next != NULL && last->next->schema == node->schema;)
		last = last->next;
	if (e->insert == CONFIG_INSERT_FIRST && first != node)
		lyd_insert_before(first, node);
	else if (e->insert == CONFIG_INSERT_LAST && last != node)
		lyd_insert_after(last, node);
	else if (e->insert == CONFIG_INSERT_BEFORE)
		lyd_insert_before(point, node);
	else if (e->insert == CONFIG_INSERT_AFTER)
		lyd_insert_after(point, node);
}

/* Put TREE, which is spent, in its place. */
static int put(struct config_doc *doc, const struct config_edit *e, const struct config_place *at,
               struct lyd_node *tree, struct err *err)
{
	if (at->schema == NULL && e->op == CONFIG_EDIT_REPLACE) {
		lyd_free_all(doc->tree);
		doc->tree = tree;
		return 0;
	}
	if (tree == NULL)
		return 0;
	if (at->schema != NULL && e->op == CONFIG_EDIT_REPLACE &&
	    (at->schema->nodetype != LYS_LEAFLIST || !at->entry))
		empty_place(doc, at);
	leave_other_cases(doc, tree);
	if (lyd_merge_siblings(&doc->tree, tree, LYD_MERGE_DESTRUCT) != LY_SUCCESS)
		return config_yang_complain(err, at->path);
	return 0;
}

int config_doc_edit(struct config_doc *doc, const struct config_edit *e, struct err *err)
{
	struct lyd_node *tree = NULL, *point;
	struct config_place at;
	int rc = config_place_find(e->path, &at, err);

	if (rc != 0)
		return rc;
	if (e->op == CONFIG_EDIT_REMOVE)
		return remove_place(doc, &at, err);
	rc = check_insert(doc, e, &at, &point, err);
	if (rc == 0)
		rc = build(&at, e, &tree, err);
	if (rc != 0) {
		lyd_free_all(tree);
		return rc;
	}
	rc = put(doc, e, &at, tree, err);
	if (rc == 0 && e->insert != CONFIG_INSERT_NONE)
		insert(doc, e, &at, point);
	return rc;
}
