/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/emulator/mint.h"

const char *const mint_subjects[SUBJECTS] = {"brom", "ica", "identity", "rim-signer", "rim-l3", "rim-ca"};

static void
make_device_tree(struct mint *mint)
{
	int64_t from = mint->options.at - 1000 * (int64_t)PKI_DAY;
	const struct model *model = mint->options.model;
	char *identity = xprintf("/CN=NVIDIA %s Identity/O=NVIDIA Corporation", model->chip);
	char *ica = xprintf("/CN=NVIDIA %s Provisioner ICA %s/O=NVIDIA Corporation/C=US", model->chip,
			    model->provisioner);

	mint->root = pki_issue(&(struct pki_request){.subject = "/CN=NVIDIA Device Identity CA/O=NVIDIA", .from = from,
						     .to = PKI_NO_END, .parts = PKI_CA | PKI_CRL_SIGN}, NULL, NULL);
	mint->identity = pki_issue(&(struct pki_request){.subject = identity, .from = from, .to = PKI_NO_END,
							 .parts = PKI_CA | PKI_CRL_SIGN | PKI_CRL_POINT | PKI_AIA},
				   &mint->root, NULL);
	mint->ica = pki_issue(&(struct pki_request){.subject = ica, .from = from, .to = PKI_NO_END,
						    .parts = PKI_CA | PKI_CRL_SIGN | PKI_CRL_POINT | PKI_AIA},
			      &mint->identity, NULL);
	free(ica);
	free(identity);
}

/* Its serial: a fixed byte, then the eight of the device's PDI. */
static void
make_gpu(struct mint *mint, struct gpu *gpu)
{
	int64_t from = mint->options.at - 1000 * (int64_t)PKI_DAY;
	const struct model *model = mint->options.model;
	uint8_t serial[9] = {0x41};
	char number[19], *subject;

	pki_check(RAND_bytes(serial + 1, 8) == 1, "random bytes");
	for (size_t i = 0; i < sizeof(serial); i++)
		snprintf(number + 2 * i, 3, "%02X", serial[i]);
	subject = xprintf("/serialNumber=%s/C=US/O=NVIDIA Corporation/CN=%s A01 GSP BROM", number, model->chip);
	gpu->brom = pki_issue(&(struct pki_request){.subject = subject,
						    .from = from,
						    .to = PKI_NO_END,
						    .serial = serial,
						    .serial_size = sizeof(serial),
						    .parts = PKI_CA | (model->arch == GPU_ARCH_HOPPER ? 0 : PKI_AIA)},
			      &mint->ica, NULL);
	gpu->leaf = pki_leaf(model->chip, &gpu->brom, from, mint->measurements.fwid);
	free(subject);
}

static void
make_rim_tree(struct mint *mint)
{
	int64_t at = mint->options.at, day = PKI_DAY;
	const char *chip = mint->options.model->chip;
	char *ca = xprintf("/CN=NVIDIA Reference Value %s CA/O=NVIDIA Corporation/C=US", chip);
	char *l3 = xprintf("/CN=NVIDIA Reference Value L3 %s 002/O=NVIDIA Corporation/C=US", chip);

	mint->rim_root = pki_issue(&(struct pki_request){.subject = "/C=US/O=NVIDIA/CN=NVIDIA CoRIM signing Root CA",
							 .from = at - 1000 * day, .to = at + 10000 * day,
							 .parts = PKI_CA | PKI_CRL_SIGN}, NULL, NULL);
	mint->rim_ca = pki_issue(&(struct pki_request){.subject = ca, .from = at - 900 * day, .to = at + 2700 * day,
						       .parts = PKI_CA | PKI_CRL_SIGN | PKI_CRL_POINT | PKI_AIA},
				 &mint->rim_root, NULL);
	mint->rim_l3 = pki_issue(&(struct pki_request){.subject = l3, .from = at - 800 * day, .to = at + 400 * day,
						       .parts = PKI_CA | PKI_CRL_SIGN | PKI_PATH_ZERO | PKI_AIA},
				 &mint->rim_ca, NULL);
	mint->rim_signer = pki_issue(
		&(struct pki_request){.subject = "/C=US/ST=CA/L=Santa Clara/O=NVIDIA Corporation/CN=HCC RIM L4 Signer",
				      .from = at - 400 * day,
				      .to = mint->options.expired_signer ? at - day : at + 330 * day,
				      .parts = PKI_SIGNER | PKI_AIA},
		&mint->rim_l3, NULL);
	free(l3);
	free(ca);
}

void
mint_certify(struct mint *mint)
{
	make_device_tree(mint);
	for (unsigned i = 0; i < mint->options.gpus; i++)
		make_gpu(mint, &mint->gpu[i]);
	make_rim_tree(mint);
}

struct pki_entity
mint_responder(const struct mint *mint, const struct pki_entity *issuer, EVP_PKEY *key, unsigned parts, int64_t days)
{
	int64_t at = mint->options.at;

	return pki_issue(&(struct pki_request){.subject = "/CN=NVIDIA OCSP Responder/O=NVIDIA Corporation/C=US",
					       .from = at - 90 * (int64_t)PKI_DAY, .to = at + days * PKI_DAY,
					       .parts = parts}, issuer, key);
}

unsigned
mint_issuances(const struct mint *mint, struct issuance out[ISSUANCES_MAX])
{
	const struct pki_entity *issuer[SUBJECTS] = {&mint->ica,    &mint->identity, &mint->root,
						     &mint->rim_l3, &mint->rim_ca,   &mint->rim_root};
	const struct pki_entity *issued[SUBJECTS] = {[ICA] = &mint->ica,	       [IDENTITY] = &mint->identity,
						     [RIM_SIGNER] = &mint->rim_signer, [RIM_L3] = &mint->rim_l3,
						     [RIM_CA] = &mint->rim_ca};
	unsigned gpus = mint->options.gpus;

	for (unsigned i = 0; i < SUBJECTS; i++) {
		out[i] = (struct issuance){.issuer = issuer[i], .issued = {issued[i]}, .count = 1};
		snprintf(out[i].name, sizeof(out[i].name), "%s", mint_subjects[i]);
	}
	out[BROM].count = gpus;
	for (unsigned i = 0; i < gpus; i++) {
		struct issuance *leaf = &out[SUBJECTS + i];

		out[BROM].issued[i] = &mint->gpu[i].brom;
		*leaf = (struct issuance){.issuer = &mint->gpu[i].brom, .issued = {&mint->gpu[i].leaf}, .count = 1};
		snprintf(leaf->name, sizeof(leaf->name), "leaf%u", i);
	}
	return SUBJECTS + gpus;
}

void
mint_free(struct mint *mint)
{
	struct pki_entity *upper[] = {&mint->root,   &mint->identity, &mint->ica,	&mint->rim_root,
				      &mint->rim_ca, &mint->rim_l3,   &mint->rim_signer};

	for (size_t i = 0; i < sizeof(upper) / sizeof(upper[0]); i++)
		pki_free(upper[i]);
	for (unsigned i = 0; i < mint->options.gpus; i++) {
		pki_free(&mint->gpu[i].brom);
		pki_free(&mint->gpu[i].leaf);
	}
}
