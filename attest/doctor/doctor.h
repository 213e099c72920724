/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_DOCTOR_DOCTOR_H
#define ATTEST_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "attest/doctor/finding.h"
#include "attest/node/place.h"
#include "attest/policy/conf.h"
#include "attest/policy/policy_file.h"

/*
 * `cgpu doctor`: what stands in the way of a gated start, or lets one around the gate. Nothing is changed. One function
 * for each area, which adds a finding for each of its checks; an area that cannot be looked at says so. Order matters:
 * what an earlier area learned is used by later ones, and the first failure gives the exit code.
 */

enum engine_kind { ENGINE_PODMAN, ENGINE_CRIO, ENGINE_DOCKER, ENGINE_CONTAINERD, ENGINE_KINDS };

struct doctor {
	const char *root;       /* in front of every path: "" on a machine, a directory in a test */
	const struct conf *conf; /* NULL: it cannot be used */
	const struct policy_file *policy; /* NULL = none */
	bool online;            /* services may be asked */
	char kernel[128], driver[32]; /* releases; "" = not known */
	bool azure;
	bool engine[ENGINE_KINDS];    /* found */
	char version[ENGINE_KINDS][48]; /* of those; "" = not known */
	bool nodes_open;              /* every user may open the GPU's nodes */
	struct findings findings;
};

void doctor_configuration(struct doctor *doctor, const struct err *refused);
void doctor_programs(struct doctor *doctor);
void doctor_units(struct doctor *doctor);
void doctor_machine(struct doctor *doctor);
void doctor_driver(struct doctor *doctor);
void doctor_ready_opener(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
void doctor_gpus(struct doctor *doctor);
void doctor_advisory(struct doctor *doctor);
void doctor_collateral(struct doctor *doctor);
void doctor_engines(struct doctor *doctor);
void doctor_hooks(struct doctor *doctor);
void doctor_cdi_engines(struct doctor *doctor);
void doctor_cdi(struct doctor *doctor);
void doctor_containers(struct doctor *doctor);
void doctor_disk(struct doctor *doctor);

/* What `systemctl show` told of our units, a paragraph of Name=value lines for each; text is changed. */
void doctor_units_told(struct doctor *doctor, char *text);
/* Where that engine looks for CDI specifications, as `cgpu-cdi check --spec-dirs` takes it; in new memory. */
char *doctor_spec_dirs(struct doctor *doctor, enum engine_kind kind);
/* What installs the package again on this distribution. */
const char *doctor_reinstall(const struct doctor *doctor);

#endif
