/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_NODE_H
#define TEST_EMULATOR_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/gpu_arch.h"

/*
 * The description of an emulated machine: node.conf (written by mint) and faults.conf (written by a test, may be
 * missing), both beside the library, lines of words:
 *
 *   KEY VALUE                  a state of the machine: cc-feature 1, devtools 0, driver 550.90.07, ...
 *   gpu N KEY VALUE...         one GPU: uuid, minor, measurement I HEX, report-size BYTES, evidence-of N, ...
 *   order I J ...              which GPU stands at NVML's index 0, 1, ...
 *   at CALL[#N] ACTION         from the N-th (default first) call of this symbol on:
 *                              return CODE | wait MS | hang | abort | exit | fork | exec | print; or, once: set LINE
 *
 * Later lines win; a line that begins with # is a comment. Every key is in the tables of node.c.
 */

#define NODE_GPUS_MAX 8
_Static_assert(NODE_GPUS_MAX <= GPU_MAX, "an emulated node is one machine");
#define NODE_FAULTS_MAX 16
#define NODE_BLOCKS 64
#define NODE_HASH_SIZE 48
#define NODE_TEXT 128

struct node_gpu {
	char uuid[NODE_TEXT];
	char pci[NODE_TEXT]; /* "00000000:41:00.0" */
	uint32_t minor;
	uint32_t architecture; /* as NVML tells it: 9, 10 */
	uint32_t persistence;
	char vbios[NODE_TEXT];
	/* What the signed report says. */
	char report_vbios[NODE_TEXT], report_driver[NODE_TEXT];
	char chip[NODE_TEXT], chip_sku[NODE_TEXT], project[NODE_TEXT], project_sku[NODE_TEXT];
	uint32_t board_id, nvdec, protected_pcie;
	uint8_t fwid[NODE_HASH_SIZE];
	uint8_t measurement[NODE_BLOCKS][NODE_HASH_SIZE];
	char key[NODE_TEXT], chain[NODE_TEXT]; /* files beside the library */
	/* Faults of the answers. */
	bool nonce_fixed;
	uint8_t nonce[32];
	uint32_t report_size, chain_size; /* told instead of the real ones unless NODE_REAL_SIZE */
	uint32_t evidence_of;             /* this GPU answers with that one's evidence; its own number by default */
};

#define NODE_REAL_SIZE 0x80000000u

enum node_action {
	NODE_RETURN,
	NODE_WAIT,
	NODE_HANG,
	NODE_ABORT,
	NODE_EXIT,
	NODE_FORK,
	NODE_EXEC,
	NODE_PRINT,
	NODE_SET
};

struct node_fault {
	char call[NODE_TEXT];
	unsigned from;  /* counted from 1 */
	unsigned calls; /* so far */
	enum node_action action;
	int value;
	char line[4 * NODE_TEXT];
};

struct node {
	char directory[4096];
	char driver[NODE_TEXT];
	uint32_t cpu_caps, gpu_caps, environment, cc_feature, devtools, multi_gpu, ready;
	uint32_t ready_terminal;    /* the ready state was switched off */
	char ready_node[NODE_TEXT]; /* file that keeps both beyond this process; "" = none does */
	uint32_t gpus;
	uint32_t order[NODE_GPUS_MAX];
	struct node_gpu gpu[NODE_GPUS_MAX];
	struct node_fault fault[NODE_FAULTS_MAX];
	unsigned faults;
};

/* Reads both files of node->directory. False with a line on stderr. */
bool node_read(struct node *node);
/* One line; the text is changed. */
bool node_line(struct node *node, char *line);

#endif
