/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes everything that an emulated confidential machine needs, with fresh keys at each run:
 *
 *   DIR/device-root.pem DIR/rim-root.pem    the two anchors
 *   DIR/rim/ID.xml                          reference manifests
 *   DIR/ocsp/NAME.der                       stored revocation answers
 *   DIR/node/                               node.conf, keys and chains of the GPUs; with --library the emulated library
 *   DIR/services/                           what the emulated services answer from, and their keys
 *   DIR/cgpu.conf DIR/services/cgpu.conf    for cgpu.conf.d/: collateral comes from these folders, or from services
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "test/emulator/mint.h"

static const char *const kind_names[KINDS] = {"driver", "vbios"};

static const char usage[] =
	"usage: mint [--arch hopper|blackwell] [--gpus N] [--driver VERSION] [--vbios VERSION] [--at TIME]\n"
	"            [--library FILE] [--port PORT]\n"
	"            [--revoked|--hold|--unknown|--unanswered|--damaged-answer CERT]... [--stale] [--without-ocsp]\n"
	"            [--damaged|--wrong-version|--wrong-product|--wrong-rows|--without-rim driver|vbios]...\n"
	"            [--expired-signer] DIR\n"
	"PORT: of the RIM service (44380); revocation and remote verifier have the next two\n"
	"CERT: brom ica identity rim-signer rim-l3 rim-ca\n";

_Noreturn static void
refuse(void)
{
	fputs(usage, stderr);
	exit(2);
}

static unsigned
find(const char *const *names, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	refuse();
}

/* About the whole first; from REVOKED on about one certificate, from RIM_DAMAGED on about one manifest. */
enum choice { ARCH = 1, GPUS, DRIVER_VERSION, VBIOS_VERSION, AT, LIBRARY, PORT, STALE, WITHOUT_OCSP, EXPIRED_SIGNER,
	      REVOKED, HOLD, UNKNOWN, UNANSWERED, DAMAGED_ANSWER,
	      RIM_DAMAGED, RIM_VERSION, RIM_PRODUCT, RIM_ROWS, RIM_MISSING };

static const struct option long_options[] = {
	{"arch", required_argument, NULL, ARCH},
	{"gpus", required_argument, NULL, GPUS},
	{"driver", required_argument, NULL, DRIVER_VERSION},
	{"vbios", required_argument, NULL, VBIOS_VERSION},
	{"at", required_argument, NULL, AT},
	{"library", required_argument, NULL, LIBRARY},
	{"port", required_argument, NULL, PORT},
	{"revoked", required_argument, NULL, REVOKED},
	{"hold", required_argument, NULL, HOLD},
	{"unknown", required_argument, NULL, UNKNOWN},
	{"unanswered", required_argument, NULL, UNANSWERED},
	{"damaged-answer", required_argument, NULL, DAMAGED_ANSWER},
	{"stale", no_argument, NULL, STALE},
	{"without-ocsp", no_argument, NULL, WITHOUT_OCSP},
	{"damaged", required_argument, NULL, RIM_DAMAGED},
	{"wrong-version", required_argument, NULL, RIM_VERSION},
	{"wrong-product", required_argument, NULL, RIM_PRODUCT},
	{"wrong-rows", required_argument, NULL, RIM_ROWS},
	{"without-rim", required_argument, NULL, RIM_MISSING},
	{"expired-signer", no_argument, NULL, EXPIRED_SIGNER},
	{NULL, 0, NULL, 0},
};

static void
take(struct options *options, int option, const char *value)
{
	switch (option) {
	case ARCH:
		options->model = model_find(value);
		break;
	case GPUS:
		options->gpus = (unsigned)strtoul(value, NULL, 10);
		break;
	case DRIVER_VERSION:
		options->driver = value;
		break;
	case VBIOS_VERSION:
		options->vbios = value;
		break;
	case AT:
		if (!clock_parse(value, &options->at))
			refuse();
		break;
	case LIBRARY:
		options->library = value;
		break;
	case PORT:
		options->port = (unsigned)strtoul(value, NULL, 10);
		break;
	case STALE:
		options->stale = true;
		break;
	case WITHOUT_OCSP:
		options->without_ocsp = true;
		break;
	case EXPIRED_SIGNER:
		options->expired_signer = true;
		break;
	default:
		refuse();
	}
}

/* Options about one certificate or one manifest. */
static void
take_fault(struct options *options, int option, const char *value)
{
	static const enum answer_status status[] = {
		[REVOKED] = ANSWER_REVOKED, [HOLD] = ANSWER_HOLD, [UNKNOWN] = ANSWER_UNKNOWN};
	static const enum manifest_fault fault[] = {[RIM_DAMAGED] = DAMAGED, [RIM_VERSION] = WRONG_VERSION,
						    [RIM_PRODUCT] = WRONG_PRODUCT, [RIM_ROWS] = WRONG_ROWS,
						    [RIM_MISSING] = MISSING};

	if (option >= RIM_DAMAGED)
		options->manifest[find(kind_names, KINDS, value)] = fault[option];
	else if (option == UNANSWERED)
		options->unanswered[find(mint_subjects, SUBJECTS, value)] = true;
	else if (option == DAMAGED_ANSWER)
		options->damaged_answer[find(mint_subjects, SUBJECTS, value)] = true;
	else
		options->status[find(mint_subjects, SUBJECTS, value)] = status[option];
}

static void
read_options(int argc, char **argv, struct options *options)
{
	int option;

	*options = (struct options){.gpus = 1, .port = 44380, .at = clock_wall(), .model = model_find("hopper")};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option >= REVOKED && option <= RIM_MISSING)
			take_fault(options, option, optarg);
		else
			take(options, option, optarg);
	}
	if (optind != argc - 1 || options->model == NULL || options->gpus < 1 || options->gpus > NODE_GPUS_MAX ||
	    options->port < 1 || options->port > 65533)
		refuse();
	options->directory = argv[optind];
	if (options->driver == NULL)
		options->driver = options->model->driver;
	if (options->vbios == NULL)
		options->vbios = options->model->vbios;
}

int
main(int argc, char **argv)
{
	struct mint mint = {0};

	crypto_init();
	read_options(argc, argv, &mint.options);
	model_measure(&mint.measurements);
	mint_certify(&mint);
	mint_store(&mint);
	mint_provision(&mint);
	mint_free(&mint);
	return 0;
}
