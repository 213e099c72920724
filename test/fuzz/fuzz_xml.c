/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as signed XML: the tree keeps its limits, and a key that signed none of it never verifies. */
/* Seeds: xml/rim */
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/xmldsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
visit(const xml_node *node, unsigned depth)
{
	struct xml_attribute attribute;
	unsigned attributes = 0;

	if (depth > XML_DEPTH_MAX || strlen(xml_name(node)) > XML_NAME_MAX || strlen(xml_space(node)) > XML_URI_MAX)
		abort();
	for (; xml_attribute_at(node, attributes, &attribute); attributes++)
		if (xml_attribute(node, attribute.space, attribute.name) != attribute.value)
			abort();
	if (attributes > XML_ATTRIBUTES_MAX)
		abort();
	if (xml_blank(node) && xml_text(node) != NULL && xml_text(node)[strspn(xml_text(node), " \t\r\n")] != '\0')
		abort();
	for (const xml_node *child = xml_first(node); child != NULL; child = xml_next(child))
		visit(child, depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	struct xmldsig dsig;
	struct err err = ERR_INIT;
	struct xml *xml = xml_read(bytes_of(data, size), &err);

	if (key == NULL) {
		crypto_init();
		key = crypto_p384_generate(&err);
	}
	if (xml == NULL)
		return 0;
	visit(xml_root(xml), 1);
	if (xmldsig_find(xml, &dsig, &err) == 0) {
		xmldsig_certificates(&dsig, &err);
		if (xmldsig_verify(&dsig, key, &err) == 0)
			abort();
		visit(xml_root(xml), 1);
		xmldsig_free(&dsig);
	}
	xml_free(xml);
	return 0;
}
