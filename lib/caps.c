/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/caps.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "lib/code.h"

#define SEALED                                                                                                         \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |               \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static bool
is_listed(int cap, const int *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i] == cap)
			return true;
	return false;
}

bool
caps_has(int cap)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t current = cap_get_proc();

	if (current != NULL)
		cap_get_flag(current, (cap_value_t)cap, CAP_EFFECTIVE, &value);
	cap_free(current);
	return value == CAP_SET;
}

static int
cut_bounding(const int *keep, unsigned count, struct err *err)
{
	/* The kernel may know more capabilities than the headers: the first EINVAL is the end of its list. */
	for (int cap = 0;; cap++) {
		if (is_listed(cap, keep, count) || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && cap > 0)
			return 0;
		return err_set(err, CODE_WORKER, "bounding set: capability %d: %s", cap, err_errno(errno));
	}
}

/* Kernels before 4.3 have no ambient set. */
static int
clear_ambient(struct err *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return err_set(err, CODE_WORKER, "ambient capabilities: %s", err_errno(errno));
	return 0;
}

int
caps_seal(struct err *err)
{
	if (clear_ambient(err) != 0)
		return -1;
	if (!caps_has(CAP_SETPCAP))
		return 0;
	if (cut_bounding(NULL, 0, err) != 0)
		return -1;
	if (prctl(PR_SET_SECUREBITS, SEALED, 0, 0, 0) != 0)
		return err_set(err, CODE_WORKER, "securebits: %s", err_errno(errno));
	return 0;
}

/* Sets the process's sets to wanted and reads them back. */
static int
set_and_compare(cap_t wanted, struct err *err)
{
	cap_t current;
	int rc;

	if (cap_set_proc(wanted) != 0)
		return err_set(err, CODE_WORKER, "capset: %s", err_errno(errno));
	current = cap_get_proc();
	if (current == NULL)
		return err_set(err, CODE_WORKER, "capget: %s", err_errno(errno));
	rc = cap_compare(current, wanted);
	cap_free(current);
	return rc == 0 ? 0 : err_set(err, CODE_WORKER, "capset: the kernel kept other capabilities than were set");
}

static int
set_listed(const int *keep, unsigned count, struct err *err)
{
	cap_t wanted = cap_init();
	int rc = 0;

	if (wanted == NULL)
		return err_set(err, CODE_WORKER, "cap_init: %s", err_errno(errno));
	for (unsigned i = 0; i < count && rc == 0; i++) {
		const cap_value_t cap = keep[i];

		if (cap_set_flag(wanted, CAP_PERMITTED, 1, &cap, CAP_SET) != 0 ||
		    cap_set_flag(wanted, CAP_EFFECTIVE, 1, &cap, CAP_SET) != 0)
			rc = err_set(err, CODE_WORKER, "capability %d: %s", cap, err_errno(errno));
	}
	if (rc == 0)
		rc = clear_ambient(err);
	if (rc == 0)
		rc = set_and_compare(wanted, err);
	cap_free(wanted);
	return rc;
}

int
caps_drop(struct err *err)
{
	return set_listed(NULL, 0, err);
}

int
caps_keep(const int *keep, unsigned count, struct err *err)
{
	if (caps_has(CAP_SETPCAP) && cut_bounding(keep, count, err) != 0)
		return -1;
	return set_listed(keep, count, err);
}
