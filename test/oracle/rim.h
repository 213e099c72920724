/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ORACLE_RIM_H
#define TEST_ORACLE_RIM_H

#include "spec/rim.h"
#include "test/oracle/xml.h"

/* rim_parse() over a tree of libxml2, the signature taken out. */
int oracle_rim_parse(const oracle_node *root, struct rim *out, struct err *err);

#endif
