/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "test/emulator/mint.h"

void
mint_write(const struct mint *mint, const char *name, const struct buf *content, mode_t mode)
{
	char *path = xprintf("%s/%s", mint->options.directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, content->data, content->size) != (ssize_t)content->size || close(fd) < 0) {
		fprintf(stderr, "mint: %s: %s\n", path, err_errno(errno));
		exit(1);
	}
	free(path);
}

void
mint_folder(const struct mint *mint, const char *name)
{
	char *path = xprintf("%s/%s", mint->options.directory, name);

	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		fprintf(stderr, "mint: %s: %s\n", path, err_errno(errno));
		exit(1);
	}
	free(path);
}

static char *
manifest_id(const struct mint *mint, enum kind kind)
{
	const struct model *model = mint->options.model;
	char *version, *id, *to;

	if (kind == DRIVER)
		return xprintf("%s%s_%s", gpu_arch_row(model->arch)->driver_rim, model->chip, mint->options.driver);
	version = to = xstrdup(mint->options.vbios);
	for (const char *from = version; *from != '\0'; from++) {
		if (*from != '.')
			*to++ = *from;
	}
	*to = '\0';
	id = xprintf("NV_GPU_VBIOS_%s_%s_%s_%s", model->project, model->project_sku, model->chip_sku, version);
	free(version);
	return id;
}

static void
make_manifest(const struct mint *mint, const char *folder, enum kind kind, enum manifest_fault fault)
{
	const struct pki_entity *chain[] = {&mint->rim_signer, &mint->rim_l3, &mint->rim_ca, &mint->rim_root};
	struct manifest manifest = {
		.product = fault == WRONG_PRODUCT ? "GX999" : mint->options.model->chip,
		.version = fault == WRONG_VERSION ? "1.2.3"
			   : kind == DRIVER	  ? mint->options.driver
						  : mint->options.vbios,
	};
	char *id = manifest_id(mint, kind), *name = xprintf("%s/%s.xml", folder, id);
	struct buf xml = {0};

	if (fault != MISSING) {
		model_rows(&mint->measurements, kind == DRIVER, manifest.row);
		/* Index 7 is the driver's, 9 the VBIOS's: active, and without a value. */
		if (fault == WRONG_ROWS)
			manifest.row[kind == DRIVER ? 7 : 9].alternatives = 0;
		manifest_write(&manifest, chain, &xml);
		if (fault == DAMAGED)
			manifest_damage(&xml);
		mint_write(mint, name, &xml, 0644);
	}
	buf_free(&xml);
	free(name);
	free(id);
}

static void
make_answer(const struct mint *mint, enum subject subject, const struct pki_entity *entity,
	    const struct pki_entity *issuer, const struct pki_entity *responder)
{
	int64_t from = mint->options.at - (mint->options.stale ? 30 * (int64_t)PKI_DAY : 600);
	struct answer_request request = {entity->cert, issuer, responder, mint->options.status[subject], from,
					 from + 7 * (int64_t)PKI_DAY};
	char *name, *path;
	struct buf answer = {0};

	if (mint->options.unanswered[subject])
		return;
	name = answer_name(entity->cert, issuer->cert);
	path = xprintf("ocsp/%s.der", name);
	answer_write(&request, &answer);
	if (mint->options.damaged_answer[subject])
		answer.data[answer.size / 4] ^= 1;
	mint_write(mint, path, &answer, 0644);
	buf_free(&answer);
	free(path);
	free(name);
}

static void
make_answers(const struct mint *mint)
{
	struct issuance list[ISSUANCES_MAX];

	mint_issuances(mint, list);
	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct pki_entity responder = mint_responder(mint, list[i].issuer, NULL, PKI_RESPONDER, 90);

		for (unsigned k = 0; k < list[i].count; k++)
			make_answer(mint, i, list[i].issued[k], list[i].issuer, &responder);
		pki_free(&responder);
	}
}

/* -- node ---------------------------------------------------------------------------------------------------------- */

static void
describe_gpu(const struct mint *mint, unsigned number, struct buf *out)
{
	const struct model *model = mint->options.model;
	uint8_t id[16];
	char text[97];

	pki_check(RAND_bytes(id, sizeof(id)) == 1, "random bytes");
	hex_encode(text, id, sizeof(id));
	buf_printf(out, "gpu %u uuid GPU-%.8s-%.4s-%.4s-%.4s-%.12s\n", number, text, text + 8, text + 12, text + 16,
		   text + 20);
	buf_printf(out, "gpu %u pci 00000000:%02x:00.0\ngpu %u minor %u\n", number, 0x41 + number, number, number);
	buf_printf(out, "gpu %u architecture %u\ngpu %u persistence 1\n", number,
		   gpu_arch_row(model->arch)->nvml, number);
	buf_printf(out, "gpu %u vbios %s\ngpu %u report-vbios %s\n", number, mint->options.vbios, number,
		   mint->options.vbios);
	buf_printf(out, "gpu %u report-driver %s\n", number, mint->options.driver);
	buf_printf(out, "gpu %u chip %s\ngpu %u chip-sku %s\n", number, model->chip, number, model->chip_sku);
	buf_printf(out, "gpu %u project %s\ngpu %u project-sku %s\n", number, model->project, number,
		   model->project_sku);
	buf_printf(out, "gpu %u board-id %u\ngpu %u nvdec 0x55\ngpu %u protected-pcie 0\n", number, model->board_id,
		   number, number);
	hex_encode(text, mint->measurements.fwid, 48);
	buf_printf(out, "gpu %u fwid %s\n", number, text);
	for (unsigned i = 0; i < NODE_BLOCKS; i++) {
		hex_encode(text, mint->measurements.value[i], 48);
		buf_printf(out, "gpu %u measurement %u %s\n", number, i, text);
	}
	buf_printf(out, "gpu %u key gpu%u.key\ngpu %u chain gpu%u.pem\n", number, number, number, number);
}

static void
write_gpu(const struct mint *mint, unsigned number)
{
	const struct gpu *gpu = &mint->gpu[number];
	const X509 *chain[] = {gpu->leaf.cert, gpu->brom.cert, mint->ica.cert, mint->identity.cert, mint->root.cert};
	char *name = xprintf("node/gpu%u.pem", number), *key = xprintf("node/gpu%u.key", number);
	struct signer signer = pki_signer(gpu->leaf.key);
	struct buf text = {0}, secret = {0};

	for (unsigned i = 0; i < 5; i++)
		pki_put_pem(&text, chain[i]);
	mint_write(mint, name, &text, 0644);
	buf_add(&secret, &signer, sizeof(signer));
	mint_write(mint, key, &secret, 0600);
	buf_free(&secret);
	buf_free(&text);
	free(key);
	free(name);
}

static void
write_node(const struct mint *mint)
{
	struct buf text = {0};

	buf_printf(&text, "driver %s\ngpus %u\n", mint->options.driver, mint->options.gpus);
	buf_add_text(&text, "cpu-caps 3\ngpu-caps 1\nenvironment 2\ncc-feature 1\ndevtools 0\nmulti-gpu 0\nready 1\n");
	for (unsigned i = 0; i < mint->options.gpus; i++) {
		describe_gpu(mint, i, &text);
		write_gpu(mint, i);
	}
	mint_write(mint, "node/node.conf", &text, 0644);
	buf_free(&text);
}

static void
copy_library(const struct mint *mint)
{
	struct buf content = {0};
	struct err err = ERR_INIT;

	if (fs_read_file(mint->options.library, 1 << 26, &content, &err) < 0) {
		err_print(&err, "mint");
		exit(1);
	}
	mint_write(mint, "node/libnvidia-ml.so.1", &content, 0755);
	buf_free(&content);
}

static void
write_anchor(const struct mint *mint, const char *name, const X509 *cert)
{
	struct buf text = {0};

	pki_put_pem(&text, cert);
	mint_write(mint, name, &text, 0644);
	buf_free(&text);
}

void
mint_store(const struct mint *mint)
{
	mint_folder(mint, "");
	mint_folder(mint, "rim");
	mint_folder(mint, "ocsp");
	mint_folder(mint, "node");
	mint_folder(mint, "services");
	mint_folder(mint, "services/rim");
	write_anchor(mint, "device-root.pem", mint->root.cert);
	write_anchor(mint, "rim-root.pem", mint->rim_root.cert);
	for (enum kind kind = DRIVER; kind < KINDS; kind++) {
		make_manifest(mint, "rim", kind, mint->options.manifest[kind]);
		make_manifest(mint, "services/rim", kind, WRONG_VERSION);
	}
	if (!mint->options.without_ocsp)
		make_answers(mint);
	write_node(mint);
	if (mint->options.library != NULL)
		copy_library(mint);
}
